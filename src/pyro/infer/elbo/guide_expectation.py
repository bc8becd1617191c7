"""Expectations over the choices of a guide: enumerated ones exactly, drawn ones by Dice."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from pyro.errors import SiteError
from pyro.infer.elbo.factors import Name, named, unmasked, variable_of
from pyro.infer.elbo.model_enumeration import Term
from pyro.infer.elbo.proposals import dice, is_drawn, log_proposal
from pyro.infer.elbo.scoring import difference, is_pathwise, score_parts, scored_sites
from pyro.infer.elbo.scoring import log_prob as score
from pyro.ops.contract import FactorSpec, SumProduct, Variable, execute, make_plan
from pyro.poutine.trace_struct import Trace
from pyro.runtime import Message


class GuideExpectation:
    r"""The measure that a trace of a guide stands for.

    Enumerated sites weigh each of their values by its probability. Sites that were drawn and are
    not reparameterised weigh by :math:`q(z) / \mathrm{stop}(q(z))`, which is one and has the
    gradient of :math:`\log q`: Foerster et al. (2018), *DiCE: The Infinitely Differentiable
    Monte-Carlo Estimator*. A term is weighed by the sites that its plates let it depend on.

    ``costs`` are the terms :math:`-\log q`.

    :param sites: The sites of the trace that count; all by default.
    """

    def __init__(
        self, trace: Trace, max_plate_nesting: int, sites: Iterable[Message] | None = None
    ) -> None:
        self.costs: list[Term] = []
        self.sites: dict[int, Message] = {}
        self._weights: dict[int, Term] = {}
        self._log_dice: list[Term] = []
        self._branches: list[tuple[Term, int]] = []
        for site in scored_sites(trace) if sites is None else sites:
            self._take(trace, site, max_plate_nesting)

    def _take(self, trace: Trace, site: Message, nesting: int) -> None:
        number = variable_of(site)
        branches = site["infer"].get("_enum_total")
        if number is None and branches is None and is_pathwise(site):
            self._add_cost(site, score(trace, site, nesting), nesting)
            return
        if number is None and branches is None:
            score_parts(trace, site, nesting)
            parts = site["score_parts"]
            entropy = parts.entropy_term
            self._add_cost(site, entropy + (site["log_prob"] - entropy).detach(), nesting)
            function = parts.score_function
            self._log_dice.append(_term(site, function - function.detach(), nesting))
            return
        self._add_cost(site, score(trace, site, nesting), nesting)
        log_q = unmasked(site)
        if number is not None and is_drawn(site):
            proposal = log_proposal(site, number, nesting).tensor
            log_q = log_q - proposal + dice(site, proposal)
        weight = _term(site, log_q.exp(), nesting)
        if branches is not None:
            self._branches.append((weight, branches))
        elif number is not None:
            self._weights[number] = weight
            self.sites[number] = site

    def _add_cost(self, site: Message, log_q: Tensor, nesting: int) -> None:
        self.costs.append(_term(site, -log_q, nesting))

    def of(self, terms: Iterable[Term]) -> Tensor:
        """The expectation of the sum of some terms; a scalar."""
        return difference((self._weighed(term) for term in terms), ())

    def _weighed(self, term: Term) -> Tensor:
        """A tensor whose elements sum to the expectation of a term."""
        self._check(term)
        factors, share = self._factors(term)
        varying = {name for factor in (term, *factors) for name in factor.names}
        copies = share * math.prod(size for name, size in term.sizes.items() if name not in varying)
        tensor = term.tensor
        if factors:  # where a weight is zero, the term may be -inf
            finite = tensor.clamp(min=torch.finfo(tensor.dtype).min)
            tensor = _total([term._replace(tensor=finite), *factors])
        return tensor if copies == 1 else tensor * copies

    def _check(self, term: Term) -> None:
        """Refuse what depends on a site in a plate without being in it."""
        for number in term.names:
            site = self.sites.get(number) if isinstance(number, int) else None
            if site is None:
                continue
            frames = site["cond_indep_stack"]
            missing = [f.name for f in frames if f.dim is not None and f.name not in term.sizes]
            if missing:
                raise SiteError(
                    f'site "{site["name"]}" is enumerated in the guide in plate("{missing[0]}"), '
                    f"but the sum or the site {_listed(term.sites)} that depends on it is outside "
                    "of that plate. Move it into the plate, or enumerate it in the guide too; or "
                    f'sample "{site["name"]}" instead of enumerating it.'
                )

    def _factors(self, term: Term) -> tuple[list[Term], float]:
        """The weights of what a term may depend on, and its share of a sequential branch."""
        factors = [_reduced_to(log_dice, term.sizes) for log_dice in self._log_dice]
        share = 1.0
        for weight, branches in self._branches:
            if weight.sizes.keys() <= term.sizes.keys():
                factors.append(weight)
            else:
                share /= branches
        wanted = {n for t in (term, *factors) for n in t.names if isinstance(n, int)}
        weighed: set[int] = set()
        while wanted - weighed:
            number = (wanted - weighed).pop()
            weighed.add(number)
            if number in self._weights:
                factors.append(self._weights[number])
                wanted |= {n for n in self._weights[number].names if isinstance(n, int)}
        return factors, share


def _term(site: Message, tensor: Tensor, nesting: int) -> Term:
    factor = named(site, tensor, nesting)
    return Term(factor.tensor, factor.names, factor.sizes, (site["name"],))


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(f'"{name}"' for name in names[:4])
    return shown + (", …" if len(names) > 4 else "")


def _reduced_to(log_dice: Term, plates: dict[Name, int]) -> Term:
    """The Dice factor of all draws in plates that a term is not in."""
    tensor, names, sizes, _ = log_dice
    gone = [i for i, n in enumerate(names) if isinstance(n, str) and n not in plates]
    if gone:
        tensor = tensor.sum(gone, keepdim=True)
    copies = math.prod(s for n, s in sizes.items() if n not in plates and n not in names)
    kept = tuple(None if i in gone else n for i, n in enumerate(names))
    return Term((tensor * copies).exp(), kept, {n: s for n, s in sizes.items() if n in plates})


def _total(terms: list[Term]) -> Tensor:
    """The sum of a product over everything: variables, and indices of plates."""
    nowhere = frozenset[Name]()
    specs = tuple(FactorSpec(t.names, tuple(t.tensor.shape), nowhere) for t in terms)
    names = {n for t in terms for n in t.names if n is not None}
    variables = tuple(Variable(n, nowhere) for n in sorted(names, key=str))
    plan = make_plan(specs, variables, ())
    total: Tensor | None = None
    for part in execute(plan, [t.tensor for t in terms], SumProduct()):
        part = part.reshape(())
        total = part if total is None else total * part
    if total is None:
        raise AssertionError("a product has factors")
    return total
