"""Nanoseconds per element of the compiler's special functions, beside torch on one thread.

A loop over 4096 numbers that stay in the cache; the best of many rounds. Run from the root of the
repository as ``python -m benchmarks.special_functions [NAME ...]``.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor

from pyro.compile.math import FUNCTIONS, Function
from tests.compile.math.native import Native, loop_ir
from tests.compile.math.test_edges import meaning

SIZE, ROUNDS, REPEATS = 4096, 60, 10
WIDTH = 4
INSIDE = {"asin": (-1, 1), "acos": (-1, 1), "atanh": (-1, 1), "erfinv": (-1, 1), "ndtri": (0, 1)}
EITHER_SIGN = {"sin", "cos", "tan", "atan", "asinh", "tanh", "sinh", "cosh", "sigmoid", "softplus"}
EITHER_SIGN |= {"exp", "expm1", "exp2", "log_sigmoid", "erf", "erfc", "ndtr", "log_ndtr", "i0e"}


def arguments(function: Function) -> list[Tensor]:
    """Ordinary arguments: of either sign where that is usual, else positive."""
    default = (-5, 5) if function.name in EITHER_SIGN else (0.5, 10)
    low, high = INSIDE.get(function.name, default)
    torch.manual_seed(0)
    shape = (function.arity, SIZE)
    return list((low + (high - low) * torch.rand(shape, dtype=torch.float64)).unbind())


def nanoseconds(run: Callable[[], object]) -> float:
    """Per element, in the best round."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(REPEATS):
            run()
        best = min(best, time.perf_counter() - start)
    return best / REPEATS / SIZE * 1e9


def row(function: Function) -> str:
    """The function, its instructions, our time and torch's."""
    start = time.process_time()
    native = Native(loop_ir(function, WIDTH, None, True), function.arity)
    compiling = 1e3 * (time.process_time() - start)
    inputs = arguments(function)
    out = torch.empty_like(inputs[0])
    pointers = [x.data_ptr() for x in (*inputs, out)]
    ours = nanoseconds(lambda: native.run(SIZE, *pointers))
    theirs = nanoseconds(lambda: meaning(function.name)(*inputs))
    cells = (f"{function.flops}", f"{compiling:.0f}", f"{ours:.2f}", f"{theirs:.2f}")
    return " | ".join([f"| {function.name}", *cells, f"{theirs / ours:.1f} |"])


def main(names: list[str]) -> None:
    """Print a table."""
    torch.set_num_threads(1)
    print("| function | instructions | compile, ms | ours, ns | torch, ns | ratio |")
    print("|---|---:|---:|---:|---:|---:|")
    for name in names or FUNCTIONS:
        print(row(FUNCTIONS[name]), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
