"""Conditional independence: the frames that plates write, and the batch dims they occupy."""

from __future__ import annotations

from typing import NamedTuple

from pyro.errors import ShapeError
from pyro.runtime import STATE


class CondIndepStackFrame(NamedTuple):
    """One plate around a site.

    ``dim`` is the negative batch dim of a vectorised plate and None for a sequential one,
    ``size`` is the size of the subsample (-1 if unknown), ``counter`` the iteration of a sequential
    plate (0 for a vectorised one), ``full_size`` the size of the whole data set. Two frames are
    equal when they are the same plate in the same iteration, whatever their full size.
    """

    name: str
    dim: int | None
    size: int
    counter: int | None
    full_size: int | None = None

    @property
    def vectorized(self) -> bool:
        """Whether the plate is a batch dimension rather than a loop."""
        return self.dim is not None

    def __eq__(self, other: object) -> bool:
        return type(other) is CondIndepStackFrame and self[:4] == other[:4]

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self[:4])

    def __str__(self) -> str:
        return self.name


def allocate_dim(name: str, dim: int | None) -> int:
    """Reserve a batch dim of this thread for a plate: ``dim``, or the rightmost free one.

    :raises ShapeError: if ``dim`` is not negative or taken, or the plate's name is in use.
    """
    names = STATE.plate_names
    if name in names:
        raise ShapeError(
            f"duplicate plate {name!r}: a plate of this name is already open at dim "
            f"{-1 - names.index(name)}. Nested plates need different names."
        )
    if dim is None:
        index = names.index(None) if None in names else len(names)
    elif dim >= 0:
        raise ShapeError(
            f"plate({name!r}, dim={dim}): Expected dim < 0 to index from the right, but got {dim}"
        )
    else:
        index = -1 - dim
    names.extend([None] * (index + 1 - len(names)))
    taken = names[index]
    if taken is not None:
        raise ShapeError(
            f"collide at dim={-1 - index}: plate {name!r} and plate {taken!r} use the same "
            f"dim. Try plate({name!r}, ..., dim={_leftward_free_dim(index)})"
        )
    names[index] = name
    return -1 - index


def free_dim(name: str, dim: int) -> None:
    """Give a batch dim back; a dim that another plate has taken since stays as it is."""
    names = STATE.plate_names
    index = -1 - dim
    if index < len(names) and names[index] == name:
        names[index] = None
        while names and names[-1] is None:
            names.pop()


def _leftward_free_dim(index: int) -> int:
    names = STATE.plate_names
    while index < len(names) and names[index] is not None:
        index += 1
    return -1 - index
