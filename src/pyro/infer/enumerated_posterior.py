"""The exact posterior of the sites that a model enumerates, given all other sites of a trace."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

import pyro.distributions as dist
from pyro.infer.elbo.factors import Factor, Name, named, plate_sizes, variable_of
from pyro.infer.elbo.model_enumeration import Enumerated, components, split
from pyro.infer.errors import InferenceError
from pyro.ops.contract import (
    Assignment,
    FactorSpec,
    LogSumExp,
    Plan,
    draw,
    execute,
    make_plan,
    maximize,
)
from pyro.poutine.sites import is_latent
from pyro.poutine.trace_struct import Trace
from pyro.runtime import Message

Assignments = dict[Any, Assignment]


class EnumeratedPosterior:
    """Draws, the mode and the marginals of all enumerated sites of a trace.

    :param trace: Of a model that was run under :class:`~pyro.poutine.enum_messenger.EnumMessenger`.
    :param max_plate_nesting: Enumeration dims are left of so many plates.
    """

    def __init__(self, trace: Trace, max_plate_nesting: int) -> None:
        self.trace = trace
        self.nesting = max_plate_nesting
        _, enumerated = split(trace, max_plate_nesting)
        self._dependent = {
            factor.site["name"]: factor
            for factor in map(self._named_value, _latent(trace))
            if factor is not None and factor.variables & enumerated.sites.keys()
        }
        kept = [f for f in enumerated.factors if not self._was_drawn(f.site)]
        self.parts = components(Enumerated(kept, *enumerated[1:]))

    def sample(self) -> Trace:
        """The latent sites, with a joint draw of all enumerated ones in place of their values."""
        return self._assigned(draw)

    def mode(self) -> Trace:
        """The latent sites, with the jointly most probable values of all enumerated ones."""
        return self._assigned(maximize)

    def marginals(self) -> dict[str, dist.TorchDistribution]:
        """The marginal distribution of each enumerated site, given all that is observed.

        Of the site's own family where that is Bernoulli, Categorical or OneHotCategorical; the
        others are Empirical distributions over the site's values.
        """
        result = {}
        for part in self.parts:
            probs = _marginal_probs(part)
            for number, site in part.sites.items():
                result[site["name"]] = _as_distribution(site, probs[number], self.nesting)
        return result

    def _named_value(self, site: Message) -> Factor | None:
        """The value of a site, with names for its batch dims; an event may follow."""
        value = site["value"]
        if not isinstance(value, Tensor):
            return None
        rank = value.dim() - site["fn"].event_dim
        flat = value.reshape(value.shape[:rank] + (-1,))[..., 0]
        names = named(site, flat, self.nesting).names
        return Factor(site, value, names, {})

    def _was_drawn(self, site: Message) -> bool:
        """A draw that was made once for each value of an enumerated site is no evidence on it."""
        return site["name"] in self._dependent and variable_of(site) is None

    def _assigned(self, choose: Callable[[Plan, Sequence[Tensor]], Assignments]) -> Trace:
        found: Assignments = {}
        for part in self.parts:
            found.update(choose(part.plan(), [factor.tensor for factor in part.factors]))
        result = self.trace.copy()
        for name in [n for n, s in result.nodes.items() if s.get("is_observed")]:
            del result.nodes[name]
        for name, factor in self._dependent.items():
            site = factor.site.copy()
            site["value"] = _select(factor, found, self.nesting)
            site["infer"] = {k: v for k, v in site["infer"].items() if not k.startswith("_")}
            result.nodes[name] = site
        return result


def _latent(trace: Trace) -> Iterator[Message]:
    for site in trace.nodes.values():
        if site["type"] == "sample" and is_latent(site):
            yield site


def _select(factor: Factor, found: Mapping[Any, Assignment], nesting: int) -> Tensor:
    """The value of a site at the chosen values of the variables that its dims stand for."""
    dims = {f.name: f.dim for f in factor.site["cond_indep_stack"] if f.dim is not None}
    index = []
    for axis, name in enumerate(factor.names):
        if name is None:
            index.append(torch.zeros((), dtype=torch.long))
        elif isinstance(name, int):
            index.append(_laid_out(found[name], dims, nesting))
        else:
            rows = torch.arange(factor.tensor.shape[axis])
            index.append(_laid_out(Assignment(rows, (name,)), dims, nesting))
    chosen = factor.tensor[tuple(i.to(factor.tensor.device) for i in index)]
    rank = max((-dim for dim in dims.values()), default=0)
    event = chosen.shape[nesting:]
    return chosen.reshape(chosen.shape[nesting - rank : nesting] + event)


def _laid_out(assignment: Assignment, dims: Mapping[str, int], nesting: int) -> Tensor:
    """Indices with each plate at its batch dim."""
    value, names = assignment
    positions = [nesting + dims[str(name)] for name in names]
    order = sorted(range(len(names)), key=positions.__getitem__)
    shape = [1] * nesting
    for axis in order:
        shape[positions[axis]] = value.shape[axis]
    return value.permute(order).reshape(shape)


def _marginal_probs(part: Enumerated) -> dict[int, Tensor]:
    """The probabilities of the values of each variable: plates leftmost, the variable last.

    They are the gradient of the log of the sum with respect to a factor of ones.
    """
    units: dict[int, tuple[Tensor, FactorSpec]] = {}
    for number, site in part.sites.items():
        frames = [f for f in site["cond_indep_stack"] if f.dim is not None]
        frames.sort(key=lambda frame: frame.dim or 0)
        names: tuple[Name, ...] = (*(f.name for f in frames), number)
        values = site["value"].shape[site["infer"]["_enumerate_dim"] - site["fn"].event_dim]
        shape = (*(f.size for f in frames), values)
        like = part.factors[0].tensor
        unit = torch.zeros(shape, dtype=like.dtype, device=like.device, requires_grad=True)
        units[number] = unit, FactorSpec(names, shape, frozenset(names[:-1]))
    factors = [factor.tensor.detach() for factor in part.factors]
    specs = (*(f.spec for f in part.factors), *(spec for _, spec in units.values()))
    plan = make_plan(specs, part.variables(), plate_sizes(part.factors))
    with torch.enable_grad():
        results = execute(plan, [*factors, *(unit for unit, _ in units.values())], LogSumExp())
        total = sum(result.sum() for result in results)
        leaves = [unit for unit, _ in units.values()]
        grads = torch.autograd.grad(total, leaves)  # type: ignore[arg-type]
    return dict(zip(units, grads, strict=True))


def _as_distribution(site: Message, probs: Tensor, nesting: int) -> dist.TorchDistribution:
    """A distribution over the values of a site, with the plates at their batch dims."""
    sizes = {f.dim: f.size for f in site["cond_indep_stack"] if f.dim is not None}
    shape = [sizes.get(dim, 1) for dim in range(min(sizes, default=0), 0)]
    probs = probs.reshape(*shape, probs.shape[-1])
    fn = site["fn"]
    while hasattr(fn, "base_dist"):
        fn = fn.base_dist
    if isinstance(fn, dist.Bernoulli):
        return dist.Bernoulli(logits=probs[..., 1].log() - probs[..., 0].log())
    for family in (dist.OneHotCategorical, dist.Categorical):
        if isinstance(fn, family):
            made: dist.TorchDistribution = family(logits=probs.log())
            return made
    values = site["value"].movedim(site["infer"]["_enumerate_dim"] - site["fn"].event_dim, -1)
    if site["fn"].event_dim:
        raise InferenceError(
            f'site "{site["name"]}": there is no distribution for the marginals of a '
            f"{type(fn).__name__}; draw from the joint posterior instead (sample_posterior)"
        )
    values = values.reshape(values.shape[values.dim() - 1 - nesting :] if nesting else (-1,))
    return dist.Empirical(values.expand(probs.shape), probs.log())
