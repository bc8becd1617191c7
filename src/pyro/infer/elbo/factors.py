"""The log-probabilities of a trace as factors: tensors whose dims have names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from torch import Tensor

from pyro.errors import ShapeError
from pyro.infer.elbo.scoring import log_prob
from pyro.ops.contract import FactorSpec
from pyro.ops.masking import scale_and_mask
from pyro.ops.shapes import shape_of
from pyro.poutine.trace_struct import Trace
from pyro.runtime import Message

Name = int | str
"""An enumerated variable is named by a number, a plate by its name."""


class Factor(NamedTuple):
    """A function of enumerated variables, in some vectorised plates.

    ``names`` has the name of each dim of the tensor, and None for dims of size one. ``sizes`` are
    those of the plates around the factor, whether its tensor has them or not.
    """

    site: Message
    tensor: Tensor
    names: tuple[Name | None, ...]
    sizes: dict[Name, int]

    @property
    def spec(self) -> FactorSpec:
        """What a plan of a contraction needs to know."""
        return FactorSpec(self.names, tuple(shape_of(self.tensor)), frozenset(self.sizes))

    @property
    def variables(self) -> set[int]:
        """The enumerated variables that the factor depends on."""
        return {name for name in self.names if isinstance(name, int)}


def named(site: Message, tensor: Tensor, max_plate_nesting: int) -> Factor:
    """Name the dims of a tensor that is laid out like the log-probability of a site.

    :raises ShapeError: if a dim left of the plates is of no variable that the site can see.
    """
    at: dict[Any, Name] = {}
    sizes: dict[Name, int] = {}
    for frame in site["cond_indep_stack"]:
        if frame.dim is not None:
            at[frame.dim] = frame.name
            sizes[frame.name] = frame.size
    visible = site["infer"].get("_dim_to_id", {})
    shape = shape_of(tensor)
    names: list[Name | None] = []
    for dim, size in enumerate(shape, -len(shape)):
        name = None
        if size != 1:
            name = visible.get(dim) if dim < -max_plate_nesting else None
            name = at.get(dim) if name is None else name
        names.append(name)
        if size > 1 and name is None:
            raise ShapeError(
                f'at site "{site["name"]}", dim {dim} of the log-probability, of shape '
                f"{tuple(shape)}, belongs to no plate and to no enumerated site that the site may "
                "depend on. Declare batch dims with pyro.plate or .to_event; if the site depends "
                "on enumerated ones, try increasing pyro.markov history size."
            )
    return Factor(site, tensor, tuple(names), sizes)


def scored(trace: Trace, site: Message, max_plate_nesting: int) -> Factor:
    """The scaled and masked log-probability of a site."""
    return named(site, log_prob(trace, site, max_plate_nesting), max_plate_nesting)


def unscaled(trace: Trace, site: Message, max_plate_nesting: int) -> Factor:
    """The log-probability of a site without its scale.

    The mask is applied but to enumerated sites: those are summed with their full probabilities,
    so that a site that nothing else depends on sums to one, masked or not.
    """
    log_prob(trace, site, max_plate_nesting)
    if "_enumerate_dim" in site["infer"] and not site["is_observed"]:
        return named(site, unmasked(site), max_plate_nesting)
    tensor: Any = scale_and_mask(site["unscaled_log_prob"], mask=site["mask"])
    return named(site, tensor, max_plate_nesting)


def unmasked(site: Message) -> Tensor:
    """The log-probability of a scored site without its scale and mask."""
    if site["mask"] is False:
        tensor: Tensor = site["fn"].log_prob(site["value"], *site["args"], **site["kwargs"])
        return tensor
    return site["unscaled_log_prob"]


def variable_of(site: Message) -> int | None:
    """The number of the variable that a site enumerates, if it does."""
    infer = site["infer"]
    if site["is_observed"] or "_enumerate_dim" not in infer:
        return None
    number: int = infer["_dim_to_id"][infer["_enumerate_dim"]]
    return number


def plate_sizes(factors: Iterable[Factor]) -> tuple[tuple[Name, int], ...]:
    """The sizes of all plates of some factors."""
    sizes: dict[Name, int] = {}
    for factor in factors:
        sizes.update(factor.sizes)
    return tuple(sizes.items())
