"""Gradients that are not finite."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from pyro.infer.not_finite import report


def check_gradients(leaves: Mapping[str, Tensor]) -> None:
    """Warn, by name, about parameters whose gradient is nan or infinite.

    One sum per gradient is looked at; only where a sum is not finite are the elements.

    :raises NonFiniteError: instead, inside of a run that stops at such a gradient.
    :param leaves: Unconstrained leaf tensors by parameter name.
    """
    sums = list(_sums(leaves))
    if not sums:
        return
    if all(s.device.type == "cpu" for s in sums):
        suspicious = any(total - total != 0 for total in (s.item() for s in sums))
    else:
        suspicious = not bool(torch.stack([s.to(sums[-1].device) for s in sums]).isfinite().all())
    if suspicious:
        for name, leaf in leaves.items():
            _warn_if_bad(name, leaf.grad)


def _sums(leaves: Mapping[str, Tensor]) -> Iterator[Tensor]:
    for leaf in leaves.values():
        grad = leaf.grad
        if grad is not None:
            yield grad.sum() if grad.dim() else grad


def _warn_if_bad(name: str, grad: Tensor | None) -> None:
    if grad is None:
        return
    values = grad.coalesce().values() if grad.is_sparse else grad
    bad = ~values.isfinite()
    if not bool(bad.any()):
        return
    index = tuple(bad.nonzero()[0].tolist())
    kind = "NaN" if bool(values.isnan().any()) else "infinity"
    report(
        f"Encountered {kind}: gradient of parameter {name!r}; {int(bad.sum())} of {values.numel()} "
        f"elements are not finite, the first is {values[index].item()} at index {index} (of the "
        "unconstrained value). Look for sqrt, log or a division at zero on the way to the loss.",
        4,
    )
