"""The trees of many chains by the native library: one call where tensors take a hundred."""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

from pyro.infer.mcmc.kernels.finished import Finished
from pyro.infer.mcmc.kernels.nuts_state import NutsState
from pyro.native.library import available, library
from pyro.native.structures import EndedTreesStruct, TreesStruct

_STATISTICS = 7  # of a transition, see Finished


def serve(state: NutsState) -> bool:
    """Whether the library can be used for these chains."""
    vectors = state.vectors
    return vectors.is_cpu and vectors.dtype in (torch.double, torch.float) and available()


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
