"""What the native samplers are told: a density behind a C function, and a kernel."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from pyro.compile import NativeDensity
from pyro.infer.errors import InferenceError
from pyro.infer.mcmc.trajectories import FullMass, Trajectories
from pyro.infer.model.flat import Flat
from pyro.infer.model.posterior import Posterior
from pyro.native import DensitySpec, HmcConfig, KernelConfig, NutsConfig
from pyro.native.config import Metric


def python_density(posterior: Posterior) -> DensitySpec:
    """A density that is computed by running the model for each point.

    Where a matrix has no decomposition there, the point is rejected.
    """
    like = posterior.reference

    def value_and_gradient(x: Any) -> tuple[float, Any]:
        try:
            value, grad = posterior.value_and_grad(torch.from_numpy(x).to(like))
        except torch.linalg.LinAlgError:  # type: ignore[attr-defined]
            return -math.inf, np.zeros_like(x)
        return float(value), grad.double().cpu().numpy()

    return DensitySpec.from_callable(value_and_gradient, posterior.dim)


def native_density(density: NativeDensity) -> DensitySpec:
    """A density that is machine code."""
    return DensitySpec(
        dim=density.dim,
        address=density.address,
        context=density.context,
        scratch_bytes=density.scratch_bytes,
        in_python=density.calls_python,
        owner=density,
    )


def kernel_config(trajectories: Trajectories, flat: Flat, warmup: int) -> KernelConfig:
    """A kernel's arguments in the words of the native samplers.

    :raises InferenceError: if ``full_mass`` names a site that is not there, or one twice.
    """
    blocks = mass_blocks(trajectories.full_mass, flat)
    metric = _metric(trajectories, blocks)
    common: dict[str, Any] = {
        "warmup": warmup,
        "target_accept": trajectories.target_accept_prob,
        "step_size": float(trajectories.step_size),
        "adapt_step_size": trajectories.adapt_step_size,
        "adapt_metric": trajectories.adapt_mass_matrix,
        "metric": metric,
        "blocks": blocks if metric == "dense" else None,
        "rule": trajectories.adaptation,
        "min_step_size": trajectories.min_step_size,
        "max_step_size": trajectories.max_step_size,
    }
    if trajectories.kind == "nuts":
        return NutsConfig(
            max_tree_depth=trajectories.max_tree_depth,
            multinomial=trajectories.multinomial,
            **common,
        )
    if trajectories.trajectory_length is None:
        return HmcConfig(num_steps=trajectories.num_steps, **common)
    return HmcConfig(trajectory_length=trajectories.trajectory_length, **common)


def _metric(trajectories: Trajectories, blocks: list[list[int]] | None) -> Metric:
    """A low-rank correction leaves the estimates that ``full_mass`` or "stan" ask for alone."""
    if trajectories.low_rank:
        return "low_rank"
    if blocks != []:
        return "dense"
    decides = trajectories.low_rank is None and trajectories.adaptation == "fisher"
    return "automatic" if decides else "diagonal"


def mass_blocks(full_mass: FullMass, flat: Flat) -> list[list[int]] | None:
    """The coordinates of each dense block; None for one block of all, [] for none."""
    if isinstance(full_mass, bool):
        return None if full_mass else []
    named = [name for block in full_mass for name in block]
    unknown = [name for name in named if name not in flat.places]
    if unknown or len(set(named)) < len(named):
        raise InferenceError(
            f"full_mass must be True, False, or tuples of different names of latent sites; the "
            f"latent sites are {list(flat.places)}, but got {list(full_mass)}"
        )
    return [
        [i for name in block for i in range(flat.places[name].start, flat.places[name].stop)]
        for block in full_mass
    ]
