"""Run a program from a known state of the random generators."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import torch

from pyro.poutine.messenger import Messenger
from pyro.rng import RngState, get_rng_state, set_rng_seed, set_rng_state


class SeedMessenger(Messenger):
    """Seed torch, ``random`` and numpy on entry, and put back their states on exit.

    Draws inside are reproducible, draws outside are as if nothing had been drawn inside. The
    generators belong to the process: other threads draw from them too.

    :param rng_seed: Any integer.

    Example::

        >>> def draw():
        ...     return pyro.sample("x", dist.Normal(torch.zeros(3), 1.0))
        >>> seeded = poutine.seed(draw, rng_seed=1)
        >>> torch.equal(seeded(), seeded()), torch.equal(draw(), draw())
        (True, False)
    """

    _reentrant = True  # it never joins the stack: sites do not concern it

    def __init__(self, rng_seed: int) -> None:
        self.rng_seed = rng_seed
        self._saved: list[tuple[RngState, list[torch.Tensor]]] = []

    def __enter__(self) -> Any:
        gpu = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
        self._saved.append((get_rng_state(), gpu))
        set_rng_seed(self.rng_seed)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        state, gpu = self._saved.pop()
        set_rng_state(state)
        if gpu:
            torch.cuda.set_rng_state_all(gpu)
        return None
