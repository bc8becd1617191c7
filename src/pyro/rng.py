"""The random generators of a process: torch, ``random`` and numpy, seeded together."""

from __future__ import annotations

import operator
import random
from typing import Any, TypedDict

import numpy as np
import torch


class RngState(TypedDict):
    """The state of the three generators."""

    torch: torch.Tensor
    random: tuple[Any, ...]
    numpy: dict[str, Any] | tuple[Any, ...]


def set_rng_seed(rng_seed: int) -> None:
    """Seed torch (all devices), ``random`` and numpy.

    :param rng_seed: Any integer, numpy's included; numpy uses it modulo 2**32.

    Example::

        >>> set_rng_seed(7)
        >>> first = torch.rand(3)
        >>> set_rng_seed(7)
        >>> torch.equal(torch.rand(3), first)
        True
    """
    seed = operator.index(rng_seed)
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)


def get_rng_state() -> RngState:
    """The current state of the three generators (torch's CPU generator).

    Example::

        >>> state = get_rng_state()
        >>> sorted(state)
        ['numpy', 'random', 'torch']
    """
    return {
        "torch": torch.get_rng_state(),
        "random": random.getstate(),
        "numpy": np.random.get_state(),
    }


def set_rng_state(state: RngState) -> None:
    """Put the generators back into a state taken by :func:`get_rng_state`.

    Example::

        >>> state = get_rng_state()
        >>> first = torch.rand(3), random.random(), np.random.rand()
        >>> set_rng_state(state)
        >>> again = torch.rand(3), random.random(), np.random.rand()
        >>> torch.equal(first[0], again[0]), first[1:] == again[1:]
        (True, True)
    """
    torch.set_rng_state(state["torch"])
    random.setstate(state["random"])
    np.random.set_state(state["numpy"])


def new_seed() -> int:
    """A number from 0 to 2**63 - 1 from torch's generator, so that ``pyro.set_rng_seed`` decides.

    Example::

        >>> from pyro.rng import new_seed
        >>> pyro.set_rng_seed(1)
        >>> first = new_seed()
        >>> pyro.set_rng_seed(1)
        >>> new_seed() == first
        True
    """
    return int(torch.randint(2**63 - 1, ()))
