"""Log-probabilities of the sites of a trace, as an objective needs them."""

from __future__ import annotations

import functools
from collections.abc import Hashable, Iterable, Iterator

import torch
from torch import Tensor

from pyro.distributions.torch_distribution import TorchDistributionMixin
from pyro.infer import validation
from pyro.infer.checks import check_scored_site, check_site_shape
from pyro.infer.elbo.together import LEAST
from pyro.ops.stacking import Rows, stack_rows
from pyro.poutine.subsample import _Subsample
from pyro.poutine.trace_scoring import score_site, site_log_prob
from pyro.poutine.trace_struct import Trace
from pyro.runtime import Message

_SMALL = 4096


def scored_sites(trace: Trace) -> Iterator[Message]:
    """The sample sites that count in an objective: no index draws, nothing deterministic."""
    for site in trace.nodes.values():
        if (
            site["type"] == "sample"
            and type(site["fn"]) is not _Subsample
            and not site["infer"].get("_deterministic")
        ):
            yield site


def log_prob(trace: Trace, site: Message, max_plate_nesting: float) -> Tensor:
    """The scaled and masked log-probability of a site, of its batch shape, which is checked."""
    result = site_log_prob(trace.nodes, site)
    if validation.VALIDATE:
        check_scored_site(trace, site, max_plate_nesting)
    return result


def check_declared(trace: Trace) -> None:
    """Check that the batch dims of all scored sites of a trace are those of plates.

    :raises ShapeError: naming the site whose are not.
    """
    with torch.no_grad():
        for site in scored_sites(trace):
            site_log_prob(trace.nodes, site)
            check_site_shape(site)


def is_pathwise(site: Message) -> bool:
    """Whether the whole gradient of a guide site flows through its value.

    Otherwise its ``score_parts`` say how to estimate the gradient.
    """
    fn = site["fn"]
    kind = type(fn)
    if kind not in _PLAIN:
        _PLAIN[kind] = getattr(kind, "score_parts", None) is TorchDistributionMixin.score_parts
    return _PLAIN[kind] and fn.has_rsample


_PLAIN: dict[type, bool] = {}


def score_parts(trace: Trace, site: Message, max_plate_nesting: float) -> None:
    """Fill in the ``score_parts`` of a site, and check its shape."""
    if "score_parts" not in site:
        score_site(trace.nodes, site)
    if validation.VALIDATE:
        check_scored_site(trace, site, max_plate_nesting)


def difference(plus: Iterable[Tensor], minus: Iterable[Tensor], rows: Rows | None = None) -> Tensor:
    """The sum of all elements of ``plus``, less that of ``minus``; a scalar.

    Small tensors of one shape are added up before they are summed, which takes fewer operations.

    :param rows: knows which tensors are rows of a stack.
    """
    partial = _added_up(plus, rows)
    for kind, part in _added_up(minus, rows).items():
        held = partial.get(kind)
        partial[kind] = -part if held is None else held - part
    total: Tensor | None = None
    for part in partial.values():
        part = part.sum() if part.dim() else part
        total = part if total is None else total + part
    return torch.zeros(()) if total is None else total


def _added_up(tensors: Iterable[Tensor], rows: Rows | None) -> dict[Hashable, Tensor]:
    """Sums over tensors of one shape, by shape and place; large ones are summed up before."""
    found: dict[Hashable, list[Tensor]] = {}
    for tensor in tensors:
        part = tensor.sum() if tensor.numel() > _SMALL else tensor
        found.setdefault((part.shape, part.device), []).append(part)
    return {kind: _total(parts, rows) for kind, parts in found.items()}


def _total(parts: list[Tensor], rows: Rows | None) -> Tensor:
    """The sum of tensors of one shape."""
    if len(parts) < LEAST:
        return functools.reduce(torch.add, parts)
    stack = None if rows is None else rows.stacked(parts)
    return (stack_rows(parts) if stack is None else stack).sum(0)
