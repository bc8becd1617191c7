"""Log-probabilities of many alike sites at once: one vectorised call in place of one per step."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pyro.distributions.bernoulli import Bernoulli
from pyro.distributions.beta import Beta
from pyro.distributions.categorical import Categorical
from pyro.distributions.exponential import Exponential
from pyro.distributions.gamma import Gamma
from pyro.distributions.half_normal import HalfNormal
from pyro.distributions.independent import Independent
from pyro.distributions.log_normal import LogNormal
from pyro.distributions.normal import Normal
from pyro.distributions.poisson import Poisson
from pyro.distributions.torch_real import Cauchy, Laplace, StudentT
from pyro.ops.stacking import Rows, stack_rows
from pyro.poutine.trace_scoring import Nodes, site_log_prob
from pyro.runtime import Message

LEAST = 8
"""So many sites cost more one by one than stacking them."""

PARAMETERS: dict[type, tuple[str, ...]] = {
    Bernoulli: ("_param",),
    Beta: ("concentration1", "concentration0"),
    Cauchy: ("loc", "scale"),
    Exponential: ("rate",),
    Gamma: ("concentration", "rate"),
    HalfNormal: ("scale",),
    Laplace: ("loc", "scale"),
    LogNormal: ("loc", "scale"),
    Normal: ("loc", "scale"),
    Poisson: ("rate",),
    StudentT: ("df", "loc", "scale"),
}
"""The families that can be stacked, by exact type, with their parameters: the batch dims of all
are those of the distribution, and a distribution made of them has the same density."""

Types = dict[int, tuple[torch.dtype, Tensor]]
_SAME = {**PARAMETERS, Categorical: ("_param",)}


class Together(NamedTuple):
    """Sites whose log-probabilities, unscaled, are the rows of one tensor.

    ``scores`` has a leading dim for the sites, of size one if all have the same.
    """

    sites: list[Message]
    scores: Tensor

    @property
    def total(self) -> Tensor:
        """The sum over all sites, scaled."""
        repeats = len(self.sites) // self.scores.shape[0]
        factor: Any = self.sites[0]["scale"] * repeats
        return self.scores.sum() if factor == 1 else self.scores.sum() * factor

    def fill(self, known: Rows) -> None:
        """Note its log-probability in each site.

        :param known: is told which rows they are.
        """
        rows = known.of(self.scores)
        if len(rows) == 1:
            rows = rows * len(self.sites)  # the same tensor, not copies of it
        scale: Any = self.sites[0]["scale"]
        for site, row in zip(self.sites, rows, strict=True):
            site["unscaled_log_prob"] = row
            site["log_prob"] = row if scale == 1 else row * scale


def score_together(sites: Iterable[Message]) -> list[Together]:
    """The groups of alike sites that have no score yet: same family, shapes, scale, and no mask.

    Sites of other families, or whose scoring fails, are left to be scored one by one.
    """
    chosen = list(sites)
    if len(chosen) < LEAST:
        return []
    groups: dict[Hashable, list[Message]] = {}
    types: Types = {}
    for site in chosen:
        key = _alike(site, types)
        if key is not None:
            groups.setdefault(key, []).append(site)
    found = (_scored(group) for group in groups.values() if len(group) >= LEAST)
    return [together for together in found if together is not None]


def score_same(nodes: Nodes, sites: Iterable[Message]) -> None:
    """Score sites so that those with the very same tensors share a score, the same tensor too.

    While a program is recorded, an operation that is repeated gives the same tensor; so do the
    sites of a loop that indexes one table by all values of an enumerated one.
    """
    first: dict[Hashable, Message] = {}
    for site in sites:
        key = _same(site)
        like = first.setdefault(key, site) if key is not None else site
        if like is not site:
            site["log_prob"] = site_log_prob(nodes, like)
            site["unscaled_log_prob"] = like["unscaled_log_prob"]


def _same(site: Message) -> Hashable | None:
    """Equal for sites whose scores are the same since their tensors are; None if unknown."""
    fn, scale = site["fn"], site["scale"]
    names = _SAME.get(type(fn))
    if (
        names is None
        or "log_prob" in fn.__dict__
        or "log_prob" in site
        or site["mask"] is not None
        or not isinstance(scale, int | float)
        or site["args"]
        or site["kwargs"]
    ):
        return None
    given = fn.__dict__
    tensors = [given.get(name) for name in names]
    if not all(isinstance(t, Tensor) for t in tensors):
        return None
    logits = _has_logits(fn)
    return type(fn), scale, id(site["value"]), fn._validate_args, logits, *map(id, tensors)


def _alike(site: Message, types: Types) -> Hashable | None:
    """Equal for sites that can be stacked, unless devices differ; None for those that cannot.

    :param types: those of parameters that have been seen; many sites may share them.
    """
    value, scale = site["value"], site["scale"]
    if (
        "log_prob" in site
        or site["mask"] is not None
        or not isinstance(scale, int | float)
        or not isinstance(value, Tensor)
        or site["args"]
        or site["kwargs"]
    ):
        return None
    fn = site["fn"]
    family = _support(fn, value) if type(fn) is Categorical else _family(fn, types)
    if family is None:
        return None
    with torch._C.DisableTorchFunction():
        return family, scale, value.shape, value.dtype


def _support(fn: Any, value: Tensor) -> Hashable | None:
    """Equal for families that enumerate as many values, which are all scored; None for others."""
    if "log_prob" in fn.__dict__ or not fn.is_own_support(value):
        return None
    return Categorical, fn._batch_shape, fn._num_events, fn._validate_args, _has_logits(fn)


def _family(fn: Any, types: Types) -> Hashable | None:
    kind = type(fn)
    if kind is Independent:
        inner = _family(fn.base_dist, types)
        return None if inner is None else (Independent, fn.reinterpreted_batch_ndims, inner)
    names = PARAMETERS.get(kind)
    if names is None or "log_prob" in fn.__dict__:
        return None
    found = []
    for name in names:
        tensor = getattr(fn, name)
        known = types.get(id(tensor))
        if known is None:
            types[id(tensor)] = known = (tensor.dtype, tensor)
        found.append(known[0])
    return kind, fn._batch_shape, fn._validate_args, _has_logits(fn), *found


def _has_logits(fn: Any) -> bool:
    """Whether the parameter is the logits; each is computed from the other when it is asked for."""
    return "_param" in fn.__dict__ and fn.__dict__.get("logits") is fn._param


def _scored(sites: list[Message]) -> Together | None:
    fns = [site["fn"] for site in sites]
    rank = max(len(fns[0].batch_shape), sites[0]["value"].dim() - len(fns[0].event_shape))
    try:
        if type(fns[0]) is Categorical:
            return Together(sites, _support_scores(fns, sites[0]["value"].dim()))
        fn = _stacked_family(fns, rank + len(fns[0].event_shape))
        values = _stacked([site["value"] for site in sites], rank + len(fns[0].event_shape))
        scores: Tensor = fn.log_prob(values)
    except (ValueError, RuntimeError, TypeError):  # scored one by one, the site at fault is named
        return None
    return Together(sites, scores)


def _support_scores(fns: Sequence[Any], rank: int) -> Tensor:
    """The log-probabilities of all values, at the batch dim ``-rank``."""
    params = _stacked([fn._param for fn in fns], max(rank, len(fns[0]._batch_shape)) + 1)
    given = {"logits" if _has_logits(fns[0]) else "probs": params}
    made = Categorical(**given, validate_args=False)
    values = made.enumerate_support(expand=False)
    return made.log_prob(values.reshape(-1, *(1,) * (rank - 1)))


def _stacked_family(fns: Sequence[Any], rank: int) -> Any:
    """One distribution whose leading batch dim is that of the sites."""
    first = fns[0]
    if type(first) is Independent:
        inner = _stacked_family([fn.base_dist for fn in fns], rank)
        return Independent(inner, first.reinterpreted_batch_ndims, validate_args=False)
    names = PARAMETERS[type(first)]
    given = [_stacked([getattr(fn, name) for fn in fns], rank) for name in names]
    if type(first) is Bernoulli:
        made = Bernoulli(logits=given[0]) if _has_logits(first) else Bernoulli(given[0])
    else:
        made = type(first)(*given, validate_args=False)
    made._validate_args = first._validate_args
    return made


def _stacked(tensors: Sequence[Tensor], rank: int) -> Tensor:
    """Along a new leading dim, with dims of size one after it up to a rank."""
    first = tensors[0]
    same = all(t is first for t in tensors)
    stacked = first.unsqueeze(0) if same else stack_rows(tensors)
    missing = rank - first.dim()
    return stacked.reshape(stacked.shape[:1] + (1,) * missing + first.shape) if missing else stacked
