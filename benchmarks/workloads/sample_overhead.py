"""Time of one ``pyro.sample`` statement under 0, 1 and 5 handlers.

The function sampled from is either one that returns a constant, so that nothing but the runtime is
measured, or a standard normal made beforehand, as a scale for the overhead. 100 statements with
names of their own run inside handlers that are entered once. Condition and replay each know one of
the names; to the other statements they are handlers that look and leave it alone.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

import torch
from harness.timing import THREADS, Case, emit, measure

import pyro
import pyro.distributions as dist
from pyro import poutine

torch.set_num_threads(THREADS)
pyro.set_rng_seed(0)

NAMES = [f"x_{i}" for i in range(100)]
RUNS = 10
CONSTANT = torch.zeros(())
NORMAL = dist.Normal(0.0, 1.0)
FIRST, LAST = NAMES[0], NAMES[-1]
OTHER_TRACE = poutine.trace(lambda: pyro.sample(LAST, NORMAL)).get_trace()


def constant() -> torch.Tensor:
    """What costs nothing to sample from."""
    return CONSTANT


def no_handlers() -> list:
    """Nothing on the stack."""
    return []


def one_handler() -> list:
    """A fresh trace."""
    return [poutine.trace()]


def five_handlers() -> list:
    """Trace, scale, mask, condition on the first name, replay of a trace with the last."""
    return [
        poutine.trace(),
        poutine.scale(scale=2.0),
        poutine.mask(mask=True),
        poutine.condition(data={FIRST: CONSTANT}),
        poutine.replay(trace=OTHER_TRACE),
    ]


def program(fn: Callable, handlers: Callable[[], list]) -> Callable[[], None]:
    """Execute the statements, ``RUNS`` times, each time inside fresh handlers."""

    def run() -> None:
        for _ in range(RUNS):
            with ExitStack() as stack:
                for handler in handlers():
                    stack.enter_context(handler)
                for name in NAMES:
                    pyro.sample(name, fn)

    return run


CASES = {
    f"{label}, {number} handler{'s' * (number != 1)}": Case(
        program(fn, handlers), units=RUNS * len(NAMES)
    )
    for label, fn in (("constant", constant), ("Normal(0, 1)", NORMAL))
    for number, handlers in ((0, no_handlers), (1, one_handler), (5, five_handlers))
}

if __name__ == "__main__":
    emit("statement", measure(CASES, repeats=15), pyro.__version__)
