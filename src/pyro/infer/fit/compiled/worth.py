"""Whether machine code pays for a step, and what makes its products of matrices."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from pyro.compile import gemm
from pyro.compile.draws.work import Work

MOST_OPERATIONS = 2000  # of torch, beside products of matrices, for which code is made unasked


_LARGE = 4096  # elements of a matrix whose products may be most of the work


def has_large_matrices(leaves: Iterable[Tensor]) -> bool:
    """Whether products of matrices may decide what makes a step."""
    return any(leaf.dim() > 1 and leaf.numel() >= _LARGE for leaf in leaves)


def routine_for(work: Work, leaves: Iterable[Tensor]) -> str | None:
    """The routine of BLAS, in the type of the parameters; None for loops, as long as they are fast.

    :param work: what a step does.
    """
    if not work.is_for_torch(torch.get_num_threads()):
        return None
    dtypes = {leaf.dtype for leaf in leaves}
    for dtype, routine in ((torch.float32, gemm.SINGLE), (torch.float64, gemm.DOUBLE)):
        if dtypes == {dtype} and gemm.is_there(routine):
            return routine
    return None


def better_in_torch(work: Work, products: str | None) -> str | None:
    """Why machine code would not pay, if it would not.

    :param products: what makes products of matrices.
    """
    if work.is_for_torch(torch.get_num_threads(), products is not None):
        return "most of the work are products of matrices or convolutions, in which torch is faster"
    if products is not None and work.is_for_many_threads(torch.get_num_threads()):
        return (
            f"torch has {torch.get_num_threads()} threads for long arrays, and machine code one; "
            "compile=True has it made"
        )
    if products is not None and work.operations > MOST_OPERATIONS:
        return (
            f"most of the work are products of matrices, and with {work.operations} operations "
            "code for the rest would not be made quickly; compile=True has it made"
        )
    return None


def slow_loops(work: Work, products: str | None, left: int) -> str | None:
    """Why code that was made does not pay: products of matrices that no routine makes.

    :param left: how many products of numbers they have.
    """
    if products is None or not work.is_outweighed(left, torch.get_num_threads()):
        return None
    return f"{left} products within products of matrices are loops, in which torch is faster"
