"""Expand a site's distribution to the plates around it."""

from __future__ import annotations

from pyro.errors import ShapeError
from pyro.poutine.messenger import Messenger
from pyro.runtime import Message


def broadcast_to_plate(msg: Message, name: str, dim: int, size: int) -> None:
    """Expand ``msg["fn"]`` so that its batch shape has ``size`` at ``dim``.

    Only distributions that have a batch shape and can be expanded are touched.

    :raises ShapeError: if the batch shape has another size than 1 or ``size`` there.
    """
    fn = msg["fn"]
    shape = getattr(fn, "batch_shape", None)
    if shape is None or msg["done"] or not hasattr(fn, "expand"):
        return
    missing = -dim - len(shape)
    if missing <= 0:
        actual = shape[dim]
        if actual == size:
            return
        if actual != 1:
            raise ShapeError(_mismatch(msg, name, dim, actual, size))
        target = (*shape[:dim], size, *shape[len(shape) + dim + 1 :])
    else:
        target = (size, *(1,) * (missing - 1), *shape)
    expanded = fn.expand(target)
    if fn.has_rsample != expanded.has_rsample:
        expanded.has_rsample_(fn.has_rsample)
    msg["fn"] = expanded


def _mismatch(msg: Message, name: str, dim: int, actual: int, size: int) -> str:
    fn = msg["fn"]
    return (
        f"Shape mismatch inside plate('{name}') at site {msg['name']} dim {dim}, "
        f"{actual} vs {size}: {type(fn).__name__} has batch shape {tuple(fn.batch_shape)} and "
        f"event shape {tuple(fn.event_shape)}, but the plate has size {size} at dim {dim}. Index "
        "the data with the plate's indices if the plate subsamples; call .to_event(n) if the "
        f"rightmost n dims are not independent; or open a plate of size {actual} for this dim."
    )


class BroadcastMessenger(Messenger):
    """Expand every sample site to the vectorised plates around it.

    Plates do this themselves; the handler serves programs that write their own plates.

    Example::

        >>> with pyro.plate("data", 4), poutine.broadcast():
        ...     pyro.sample("x", dist.Normal(0.0, 1.0)).shape
        torch.Size([4])
    """

    def _pyro_sample(self, msg: Message) -> None:
        for frame in reversed(msg["cond_indep_stack"]):
            if frame.dim is not None and frame.size != -1:
                broadcast_to_plate(msg, frame.name, frame.dim, frame.size)
