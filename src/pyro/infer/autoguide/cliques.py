"""The groups of coordinates that go together in the posterior of a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pyro.infer.autoguide.plans import SitePlan
from pyro.infer.inspect.structure import structure_of
from pyro.runtime import Frame

_SPREAD = 0.3  # of the factors of observations at first: at zero they would have no gradient


@dataclass(frozen=True)
class Clique:
    """The coordinates of a site and of those it was computed from, for each index of its plates.

    ``index`` has shape ``(count, size)``; the first ``own`` coordinates are those of the site
    itself, if it is latent.
    """

    index: Tensor
    own: int

    @property
    def _columns(self) -> int:
        return self.own or self.index.shape[-1]

    def initial(self, like: Tensor) -> Tensor:
        """An initial factor: such that the factors of latent sites make up the unit matrix."""
        count, size = self.index.shape
        factor = like.new_zeros(count, size, self._columns)
        if not self.own:
            factor.diagonal(dim1=-2, dim2=-1).fill_(_SPREAD)
        return factor

    def block(self, factor: Tensor) -> Tensor:
        """The contributions :math:`F F^T` to the precision, of shape ``(count, size, size)``.

        The block of a latent site's own coordinates in :math:`F` is lower triangular with a
        positive diagonal, so that all contributions together are positive definite.
        """
        factor = factor.tril()
        if self.own:
            diagonal = factor.diagonal(dim1=-2, dim2=-1)
            rise = torch.diag_embed(diagonal.exp() - diagonal)  # to a positive diagonal
            rest = factor.shape[-2] - self.own
            factor = factor + torch.nn.functional.pad(rise, (0, 0, 0, rest))
        return factor @ factor.mT


def find_cliques(
    model: Callable[..., Any],
    graph: Mapping[str, Mapping[str, Any]],
    plans: Sequence[SitePlan],
    shapes: Mapping[str, torch.Size],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
) -> dict[str, Clique]:
    """The clique of each site of a model, by name.

    :param graph: The dependencies of the prior, by site.
    :param plans: The latent sites, in the order of their coordinates.
    :param shapes: The shapes of their unconstrained values.
    """
    structure = structure_of(model, args, kwargs)
    grids: dict[str, Tensor] = {}
    start = 0
    for plan in plans:
        stop = start + shapes[plan.name].numel()
        grids[plan.name] = torch.arange(start, stop).reshape(shapes[plan.name])
        start = stop
    by_name = {plan.name: plan for plan in plans}
    cliques = {}
    for name, causes in graph.items():
        names = dict.fromkeys((name, *causes))
        members = [by_name[cause] for cause in names if cause in by_name]
        if members:
            plates = _shared_plates(structure[name].frames, members)
            parts = [_coordinates(grids[m.name], m, plates) for m in members]
            own = parts[0].shape[-1] if name in by_name else 0
            cliques[name] = Clique(torch.cat(parts, -1), own)
    return cliques


def _shared_plates(frames: Sequence[Frame], members: Sequence[SitePlan]) -> list[Frame]:
    """The plates of a site that a latent site of its clique has too."""
    known = {frame.name for member in members for frame in member.site["cond_indep_stack"]}
    return [frame for frame in frames if frame.vectorized and frame.name in known]


def _coordinates(grid: Tensor, plan: SitePlan, plates: Sequence[Frame]) -> Tensor:
    """The coordinates of a site for each index of some plates, of shape ``(indices, size)``."""
    dims = {frame.name: frame.dim for frame in plan.site["cond_indep_stack"]}
    there = [plate.name for plate in plates if plate.name in dims]
    sources = [dims[name] - plan.unconstrained_event_dim for name in there]  # type: ignore[operator]
    grid = grid.movedim(sources, list(range(len(sources)))) if sources else grid
    sizes = [plate.size for plate in plates]
    ones = [plate.size if plate.name in dims else 1 for plate in plates]
    flat = grid.reshape(*ones, -1)
    return flat.expand(*sizes, -1).reshape(-1, flat.shape[-1])
