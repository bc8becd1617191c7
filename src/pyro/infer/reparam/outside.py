"""Sites that belong to all of a model, made while one of its sites is at work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor

from pyro.infer.reparam.rewriting import refusal
from pyro.poutine.mask_messenger import MaskMessenger
from pyro.poutine.messenger import Messenger, block_messengers
from pyro.poutine.plate_messenger import PlateMessenger
from pyro.poutine.reparam_messenger import (
    Reparam,
    ReparamMessage,
    ReparamMessenger,
    rewriting,
)
from pyro.poutine.scale_messenger import ScaleMessenger
from pyro.primitives.sample import factor
from pyro.runtime import STATE, get_plates

_LOCAL = (PlateMessenger, ScaleMessenger, MaskMessenger)


@contextmanager
def outside_of_the_model(handler: ReparamMessenger) -> Iterator[None]:
    """Outside of the plates, scales and masks between a site and the handler around the model.

    The dims of these plates are free meanwhile.
    """
    inner = STATE.stack[STATE.stack.index(handler) :]

    def local(other: Messenger) -> bool:
        return isinstance(other, _LOCAL) and other in inner

    names = STATE.plate_names
    with block_messengers(local):
        around = {frame.name for frame in get_plates()}
        STATE.plate_names = [name if name in around else None for name in names]
        try:
            yield
        finally:
            STATE.plate_names = names


def count_volume(name: str, log_det: Tensor) -> None:
    """Add the log determinant of a site's new coordinates to the density, as ``<name>_log_det``.

    :param log_det: Of the batch shape of the site; what no plate around declares is summed.
    """
    around = {frame.dim for frame in get_plates()}
    inner = [dim for dim in range(-log_det.dim(), 0) if dim not in around]
    factor(f"{name}_log_det", log_det.sum(inner, keepdim=True) if inner else log_det)


def is_inside(owner: Reparam) -> bool:
    """Whether the site being rewritten is auxiliary to what a reparameteriser of this kind does."""
    return any(isinstance(rewriter, type(owner)) for _, rewriter in rewriting()[:-1])


def once_in_a_run(owner: Reparam, msg: ReparamMessage, make: Callable[[], Any]) -> Any:
    """What the first site of a run makes, for all of its sites.

    :raises ReparamError: if another instance was at work in this run.
    """
    notes = rewriting()[-1][0].notes
    if type(owner) not in notes:
        notes[type(owner)] = owner, make()
    first, made = notes[type(owner)]
    if first is not owner:
        raise refusal(msg, owner, "is another instance than at earlier sites: all share one")
    return made
