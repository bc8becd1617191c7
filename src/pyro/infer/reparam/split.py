"""The parts of a variable as sites of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.delta import Delta
from pyro.infer.reparam.measure import Measure
from pyro.infer.reparam.rewriting import auxiliary, in_plates, refusal
from pyro.poutine.reparam_messenger import Reparam, ReparamMessage, ReparamResult


class SplitReparam(Reparam):
    """Split a variable along a dim into the sites ``<name>_split_0``, ``<name>_split_1``, ...

    The parts can then be reparameterised, guided or sampled in different ways: the low frequencies
    of a sequence, after :class:`HaarReparam`, by a dense mass matrix, and the high ones by a
    diagonal one. The parts are flat; the original site scores their concatenation, so the joint
    density stays. Observed sites may be split too.

    :param sections: The size of all parts but perhaps the last, or a list of sizes, as for
        ``torch.split``.
    :param dim: Negative, one of the event dims.
    :raises ReparamError: if ``dim`` is no event dim, the sizes do not add up, or the support is one
        of whole vectors, such as a simplex.
    :raises ValueError: if ``dim`` is not negative.

    Example::

        >>> from pyro.infer.reparam import SplitReparam
        >>> def model():
        ...     return pyro.sample("x", dist.Normal(torch.zeros(5), 1.0).to_event(1))
        >>> config = {"x": SplitReparam([2, 3], -1)}
        >>> trace = poutine.trace(poutine.reparam(model, config)).get_trace()
        >>> [tuple(trace.nodes[name]["value"].shape) for name in trace.stochastic_nodes]
        [(2,), (3,)]
    """

    def __init__(self, sections: int | Sequence[int], dim: int) -> None:
        if dim >= 0:
            raise ValueError(f"SplitReparam: dim must be negative, got {dim}")
        self.sections = sections if isinstance(sections, int) else list(sections)
        self.dim = dim

    def apply(self, msg: ReparamMessage) -> ReparamResult:
        """Add the sites of the parts."""
        support = self._support_of_entries(msg)
        fn, old = in_plates(msg["fn"]), msg["value"]
        whole = fn() if old is None else old
        try:
            parts = torch.split(whole, self.sections, self.dim)
        except RuntimeError as error:
            why = f"cannot cut {tuple(fn.event_shape)} at dim {self.dim} into {self.sections}"
            raise refusal(msg, self, f"{why}: {error}") from error
        observed = bool(msg["is_observed"])
        drawn = [
            self._part(f"{msg['name']}_split_{i}", part, fn, support, old is not None, observed)
            for i, part in enumerate(parts)
        ]
        kept = old is not None and all(a is b for a, b in zip(drawn, parts, strict=True))
        value: Tensor | None = old if kept else torch.cat(drawn, dim=self.dim)
        return {"fn": msg["fn"], "value": value, "is_observed": True}

    def _part(
        self, name: str, part: Tensor, fn: Any, support: Any, given: bool, observed: bool
    ) -> Tensor:
        proposal = Delta(part, event_dim=fn.event_dim)
        if proposal.has_rsample != fn.has_rsample:
            proposal.has_rsample_(fn.has_rsample)
        flat = Measure(proposal, tc.independent(support, fn.event_dim))
        return auxiliary(name, flat, part if given else None, observed)

    def _support_of_entries(self, msg: ReparamMessage) -> Any:
        """The support of one number."""
        if -self.dim > msg["fn"].event_dim:
            shape = tuple(msg["fn"].event_shape)
            raise refusal(msg, self, f"needs dim {self.dim} to be one of the event dims {shape}")
        support = msg["fn"].support
        while isinstance(support, type(tc.real_vector)):
            support = support.base_constraint
        if support.event_dim:
            raise refusal(msg, self, f"cannot split what is constrained as a whole, by {support}")
        return support
