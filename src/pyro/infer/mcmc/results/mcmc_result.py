"""What a run of MCMC leaves: draws by name of site, and what was seen on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from pyro.infer.mcmc.results import convergence
from pyro.infer.mcmc.results.summary import Health

Samples = dict[str, Tensor]


@dataclass
class MCMCResult:
    """The draws of all chains.

    :param samples: Values of the latent and the deterministic sites, of shape
        ``(chains, draws) + shape of the site``.
    :param statistics: Of each draw, by name, of shape ``(chains, draws)``; empty for kernels of the
        user's own.
    :param divergences: For each chain, places where trajectories diverged, by name of site.
    :param gradients: Evaluations of the density and its gradient, warm-up included.
    :param diagnostics: What kernels of the user's own say, by chain.
    :param interrupted: Whether Ctrl-C ended the run early.
    """

    samples: Samples
    statistics: Samples = field(default_factory=dict)
    divergences: list[Samples] = field(default_factory=list)
    gradients: int = 0
    diagnostics: list[dict[str, Any]] = field(default_factory=list)
    interrupted: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """The number of chains, and of draws of each."""
        first = next(iter([*self.samples.values(), *self.statistics.values()]), None)
        return (0, 0) if first is None else (first.shape[0], first.shape[1])

    def by_chain(self) -> dict[str, dict[str, Any]]:
        """Divergences (numbers of draws) and acceptance rates, by chain."""
        found: dict[str, dict[str, Any]] = {}
        if "diverging" in self.statistics:
            found["divergences"] = {
                f"chain {i}": row.nonzero().flatten().tolist()
                for i, row in enumerate(self.statistics["diverging"])
            }
        if "acceptance_rate" in self.statistics:
            found["acceptance rate"] = {
                f"chain {i}": float(row.mean())
                for i, row in enumerate(self.statistics["acceptance_rate"])
            }
        for i, one in enumerate(self.diagnostics):
            for name, value in one.items():
                found.setdefault(name, {})[f"chain {i}"] = value
        return found

    def health(self, max_tree_depth: int | None) -> Health:
        """What may be wrong beside the draws themselves."""
        chains, draws = self.shape
        s = self.statistics
        depth = s.get("tree_depth")
        known = depth is not None and max_tree_depth is not None
        return Health(
            divergences=int(s["diverging"].sum()) if "diverging" in s else 0,
            draws=chains * draws,
            chains=max(chains, 1),
            at_max_depth=int((depth >= max_tree_depth).sum()) if known else 0,  # type: ignore[operator, union-attr]
            bfmi=tuple(convergence.bfmi(s["energy"]).tolist()) if "energy" in s else (),
            unmoved=_unmoved(self.samples),
        )


def joined(pieces: Sequence[MCMCResult]) -> MCMCResult:
    """The draws of the same chains, one piece after the other."""
    if len(pieces) == 1:
        return replace(pieces[0])
    if not pieces:
        return MCMCResult({})
    return MCMCResult(
        samples=_stacked([piece.samples for piece in pieces], 1),
        statistics=_stacked([piece.statistics for piece in pieces], 1),
        divergences=[
            _stacked([places for places in of_chain if places], 0)
            for of_chain in zip(*(piece.divergences for piece in pieces), strict=True)
        ],
        gradients=pieces[-1].gradients,
        diagnostics=pieces[-1].diagnostics,
        interrupted=pieces[-1].interrupted,
    )


def _stacked(parts: Sequence[Samples], dim: int) -> Samples:
    return (
        {name: torch.cat([part[name] for part in parts], dim) for name in parts[0]} if parts else {}
    )


def _unmoved(samples: Mapping[str, Tensor]) -> tuple[int, ...]:
    """The chains of which all draws are equal."""
    still: Tensor | None = None
    for values in samples.values():
        if values.shape[1] < 2 or not values.numel():
            continue
        equal = (values == values[:, :1]).flatten(1).all(1)
        still = equal if still is None else still & equal
    return () if still is None else tuple(still.nonzero().flatten().tolist())
