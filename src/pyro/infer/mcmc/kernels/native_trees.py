"""The trees of many chains by the native library: one call where tensors take a hundred."""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

from pyro.compile import CompiledCodeError, NativeDensity
from pyro.infer.mcmc.kernels.finished import Finished
from pyro.infer.mcmc.kernels.metric import DiagonalMetric, Metric
from pyro.infer.mcmc.kernels.nuts_state import NutsState
from pyro.infer.model.logdensity import LogDensity
from pyro.native.library import available, library
from pyro.native.structures import DensityStruct, EndedTreesStruct, FlightStruct, TreesStruct

_STATISTICS = 7  # of a transition, see Finished


def serve(state: NutsState) -> bool:
    """Whether the library can be used for these chains."""
    vectors = state.vectors
    return vectors.is_cpu and vectors.dtype in (torch.double, torch.float) and available()


def serve_flights(state: NutsState, density: LogDensity, metric: Metric) -> bool:
    """Whether the library can evaluate the density, and move chains by the metric, as well."""
    return (
        isinstance(density, NativeDensity)
        and not density.calls_python
        and isinstance(metric, DiagonalMetric)
        and state.vectors.dtype is metric.scale.dtype is torch.double
        and (metric.scale.dim() == 1 or len(metric.scale) == len(state.ended))
        and serve(state)
    )


def _structure(state: NutsState) -> TreesStruct:
    vectors, numbers, firsts, ends, ended = state
    _, chains, dim = vectors.shape
    return TreesStruct(
        vectors.data_ptr(),
        numbers.data_ptr(),
        firsts.data_ptr(),
        ends.data_ptr(),
        ended.data_ptr(),
        chains,
        dim,
        len(ends),
        vectors.dtype is torch.float,
    )


def begin(
    state: NutsState, rows: Tensor, momentum: Tensor, log_uniform: Tensor, step_size: Tensor
) -> None:
    """As :func:`pyro.infer.mcmc.kernels.trees.begin`."""
    momentum, step_size = momentum.contiguous(), step_size.double().contiguous()
    log_uniform = log_uniform.contiguous()
    library().pyro_trees_begin(
        _structure(state), momentum.data_ptr(), log_uniform.data_ptr(), step_size.data_ptr()
    )


def grow(state: NutsState, value: Tensor, log_uniform: Tensor, slices: bool) -> Finished:
    """As :func:`pyro.infer.mcmc.kernels.trees.grow`."""
    value, log_uniform = value.contiguous(), log_uniform.contiguous()
    structure = _structure(state)
    count = library().pyro_trees_grow(structure, value.data_ptr(), log_uniform.data_ptr(), slices)
    return _finish(state, structure, count)


def fly(
    state: NutsState, density: NativeDensity, scale: Tensor, log_uniforms: Tensor, slices: bool
) -> tuple[Finished, int]:
    """Leapfrog steps of each chain until a trajectory ends, and how many were made.

    :param state: In double precision.
    :param scale: Of the diagonal metric, ``(dim,)`` or ``(chains, dim)``.
    :param log_uniforms: For as many steps at most, ``(steps, 4, chains)``.
    :raises CompiledCodeError: if the code of the density fails.
    """
    density.check_data()
    scale, log_uniforms = scale.contiguous(), log_uniforms.contiguous()
    code = DensityStruct(density.address, density.context, density.dim, density.scratch_bytes)
    flight = FlightStruct(
        ctypes.pointer(code),
        scale.data_ptr(),
        1 if scale.dim() == 1 else len(scale),
        log_uniforms.data_ptr(),
        len(log_uniforms),
        slices,
    )
    structure = _structure(state)
    count = library().pyro_trees_fly(structure, ctypes.byref(flight))
    if count < 0:
        raise CompiledCodeError(f"the code of the density failed with the number {flight.code}")
    return _finish(state, structure, count), flight.made


def _finish(state: NutsState, structure: TreesStruct, count: int) -> Finished:
    """What is told of the trajectories that have ended, which are so many."""
    vectors, dim = state.vectors, state.vectors.shape[-1]
    rows = torch.empty(count, dtype=torch.long)
    position, gradient, last = vectors.new_empty(3, count, dim).unbind(0)
    finished = Finished(
        rows, position, gradient, torch.empty(_STATISTICS, count, dtype=torch.double), last
    )
    if count:
        told = EndedTreesStruct(
            count,
            rows.data_ptr(),
            position.data_ptr(),
            gradient.data_ptr(),
            last.data_ptr(),
            finished.statistics.data_ptr(),
        )
        library().pyro_trees_tell(structure, ctypes.byref(told))
    return finished
