"""Sums over the sites that a model enumerates."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import NamedTuple

from torch import Tensor

from pyro.distributions.categorical import Categorical
from pyro.errors import SiteError
from pyro.infer.elbo.factors import Factor, Name, plate_sizes, scored, unscaled, variable_of
from pyro.infer.elbo.proposals import dice, is_drawn, log_proposal
from pyro.infer.elbo.scoring import scored_sites
from pyro.infer.elbo.together import score_same, score_together
from pyro.ops.contract import (
    FactorSpec,
    IntractableError,
    LogSumExp,
    Plan,
    Variable,
    execute,
    find_chain,
    make_plan,
    sum_chain,
)
from pyro.ops.stacking import Rows
from pyro.poutine.trace_struct import Trace
from pyro.runtime import Message, ScaleType


class Term(NamedTuple):
    """A summand of an objective: its dims' names, and the sizes of the plates around it.

    ``sites`` are the names of the sites that it scores.
    """

    tensor: Tensor
    names: tuple[Name | None, ...]
    sizes: dict[Name, int]
    sites: tuple[str, ...] = ()


class Enumerated(NamedTuple):
    """The factors of a trace that depend on variables to be summed over, and the sites of these.

    ``rows`` knows which of the tensors were scored together.
    """

    factors: list[Factor]
    sites: dict[int, Message]
    rows: Rows

    def variables(self) -> tuple[Variable, ...]:
        """Each variable with the plates that its site is in."""
        return tuple(Variable(number, _plates(site)) for number, site in sorted(self.sites.items()))

    def plan(self) -> Plan:
        """How to sum all variables out.

        :raises SiteError: if a variable is used outside of a plate that its site is in, or plates
            cross.
        """
        for factor in self.factors:
            for number in factor.variables & self.sites.keys():
                _check_plates(self.sites[number], factor.site)
        specs = tuple(factor.spec for factor in self.factors)
        try:
            return make_plan(specs, self.variables(), plate_sizes(self.factors))
        except IntractableError as error:
            raise _crossing(error, self.sites) from error


def split(
    trace: Trace,
    max_plate_nesting: int,
    given: Mapping[int, Message] = MappingProxyType({}),
    proposed: Collection[int] = (),
) -> tuple[list[Term], Enumerated]:
    """The terms of a model's trace without variables to sum over, and the factors with them.

    :param given: Variables of the guide, which are not summed over.
    :param proposed: Variables of the guide that are summed over; it knows how they were drawn.
    """
    numbered = [(site, variable_of(site)) for site in scored_sites(trace)]
    rows = Rows()
    score_same(trace.nodes, (site for site, number in numbered if number is not None))
    alike = (s for s, number in numbered if number is None or type(s["fn"]) is Categorical)
    for together in score_together(alike):
        together.fill(rows)
    summed = {n: site for site, n in numbered if n is not None and n not in given}
    terms, factors = [], []
    for site, number in numbered:
        factor = scored(trace, site, max_plate_nesting)
        if number in summed or not summed.keys().isdisjoint(factor.variables):
            same = site["mask"] is None and factor.tensor is site["unscaled_log_prob"]
            factors.append(factor if same else unscaled(trace, site, max_plate_nesting))
            if number is not None and number not in proposed and is_drawn(site):
                factors.append(importance(site, number, max_plate_nesting))
        else:
            terms.append(Term(factor.tensor, factor.names, factor.sizes, (site["name"],)))
    return terms, Enumerated(factors, summed, rows)


def importance(site: Message, number: int, max_plate_nesting: int) -> Factor:
    """Minus the log density of the draws: their sum is then an average."""
    proposal = log_proposal(site, number, max_plate_nesting)
    return proposal._replace(tensor=dice(site, proposal.tensor) - proposal.tensor)


def sum_out(enumerated: Enumerated) -> list[Term]:
    """Sum over the variables: log-probabilities of what is left, scaled.

    :raises SiteError: if the sites of one sum have different scales.
    """
    terms = []
    for part in components(enumerated):
        scale = _common_scale(part)
        specs = tuple(factor.spec for factor in part.factors)
        chain = find_chain(specs, part.variables())
        if chain is not None:
            total = sum_chain(chain, specs, [factor.tensor for factor in part.factors], part.rows)
            names = tuple(site["name"] for site in part.sites.values())
            terms.append(Term(total if scale == 1 else total * scale, (), {}, names))
            continue
        plan = part.plan()
        results = execute(plan, [factor.tensor for factor in part.factors], LogSumExp())
        sizes = dict(plate_sizes(part.factors))
        names = tuple(site["name"] for site in part.sites.values())
        for slot, tensor in zip(plan.results, results, strict=True):
            spec = plan.specs[slot]
            if not (isinstance(scale, int | float) and scale == 1):
                tensor = tensor * scale
            here = {name: sizes[name] for name in sizes if name in spec.plates}
            terms.append(Term(tensor, _typed(spec), here, names))
    return terms


def components(enumerated: Enumerated) -> list[Enumerated]:
    """The parts that share no variable: each is a sum of its own, with its own scale."""
    scales = [factor.site["scale"] for factor in enumerated.factors]
    if not enumerated.factors:
        return []
    if all(isinstance(s, int | float) and s == scales[0] for s in scales):
        return [enumerated]
    parts: list[Enumerated] = []
    for factor in enumerated.factors:
        sites = {n: enumerated.sites[n] for n in factor.variables & enumerated.sites.keys()}
        joined = Enumerated([factor], sites, enumerated.rows)
        apart = []
        for part in parts:
            if part.sites.keys() & joined.sites.keys():
                sites = part.sites | joined.sites
                joined = Enumerated(part.factors + joined.factors, sites, enumerated.rows)
            else:
                apart.append(part)
        parts = [*apart, joined]
    return parts


def _typed(spec: FactorSpec) -> tuple[Name | None, ...]:
    return tuple(n if isinstance(n, int | str) else None for n in spec.names)


def _plates(site: Message) -> frozenset[Name]:
    return frozenset(f.name for f in site["cond_indep_stack"] if f.dim is not None)


def _common_scale(part: Enumerated) -> ScaleType:
    scales = {factor.site["name"]: factor.site["scale"] for factor in part.factors}
    values = list(scales.values())
    first = values[0]
    if isinstance(first, Tensor) and first.numel() == 1 and all(v is first for v in values):
        return first
    if not all(isinstance(value, int | float) for value in values):
        wrong = next(name for name, value in scales.items() if isinstance(value, Tensor))
        raise SiteError(
            f"site {wrong!r} is enumerated, or depends on an enumerated site, under a "
            "poutine.scale that is a tensor; such scales must be numbers."
        )
    if len(set(values)) > 1:
        raise SiteError(
            "Expected all enumerated sample sites to share a common poutine.scale, but found "
            f"{len(set(values))} different scales: {scales}. Enumerated variables and all sites "
            "that depend on them must be in the same subsampled plates; sample the variable in "
            "the guide if it is outside."
        )
    return first


def _check_plates(site: Message, user: Message) -> None:
    missing = _plates(site) - _plates(user)
    if missing:
        names = ", ".join(f'plate("{name}")' for name in sorted(map(str, missing)))
        raise SiteError(
            f'site "{user["name"]}" depends on the enumerated site "{site["name"]}", but is '
            f"outside of {names}, which that site is in: its values at different indices cannot be "
            f'summed over one by one. Move "{user["name"]}" into the plate, make the plate '
            f'sequential, or sample "{site["name"]}" in the guide.'
        )


def _crossing(error: IntractableError, sites: Mapping[int, Message]) -> SiteError:
    described = ", ".join(
        f'"{sites[n]["name"]}" in plates {sorted(map(str, error.plates[n]))}'
        for n in error.variables
        if isinstance(n, int)
    )
    return SiteError(
        f"intractable: in the plates {sorted(map(str, error.at))} something depends on several "
        f"enumerated sites, none of which is in all of these plates: {described}. Exact "
        "enumeration needs plates that are nested like a tree: make one of the plates sequential "
        "(the cost is exponential in its size), or sample one of the sites in the guide."
    )
