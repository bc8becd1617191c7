"""Named tensors as one flat vector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Self

import torch
from torch import Tensor

from pyro.errors import ShapeError


class Place(NamedTuple):
    """A tensor's shape, and where its elements are in the vector."""

    shape: torch.Size
    start: int
    stop: int


@dataclass(frozen=True)
class Flat:
    """The places of named tensors in a vector of length ``dim``; all methods take batch dims.

    Example::

        >>> from pyro.infer.model.flat import Flat
        >>> flat = Flat.of({"a": torch.Size([2]), "b": torch.Size([])})
        >>> flat.dim, flat.unflatten(torch.arange(3.0))
        (3, {'a': tensor([0., 1.]), 'b': tensor(2.)})
    """

    places: dict[str, Place]

    @classmethod
    def of(cls, shapes: Mapping[str, torch.Size]) -> Self:
        """The places of tensors of these shapes, one after the other."""
        places, start = {}, 0
        for name, shape in shapes.items():
            places[name] = Place(shape, start, start + shape.numel())
            start += shape.numel()
        return cls(places)

    @property
    def dim(self) -> int:
        """The length of the vector."""
        return sum(place.shape.numel() for place in self.places.values())

    def flatten(self, values: Mapping[str, Tensor]) -> Tensor:
        """The vector, of shape ``batch + (dim,)``.

        :raises ShapeError: if a value is missing, or does not end in its shape.
        """
        parts = []
        for name, (shape, _, _) in self.places.items():
            value = values.get(name)
            if value is None or value.shape[value.dim() - len(shape) :] != shape:
                given = "missing" if value is None else f"of shape {tuple(value.shape)}"
                raise ShapeError(
                    f"the unconstrained value of site {name!r} is {given}; expected batch dims "
                    f"and then {tuple(shape)}"
                )
            parts.append(value.reshape(value.shape[: value.dim() - len(shape)] + (-1,)))
        return torch.cat(parts, -1) if parts else torch.zeros(0)

    def unflatten(self, x: Tensor) -> dict[str, Tensor]:
        """The tensors by name, each of shape ``batch + shape``."""
        batch = x.shape[:-1]
        return {
            name: x[..., place.start : place.stop].reshape(batch + place.shape)
            for name, place in self.places.items()
        }
