"""Seeds for generators outside of torch."""

from __future__ import annotations

import torch


def new_seed() -> int:
    """A number from 0 to 2**63 - 1 from torch's generator, so that ``pyro.set_rng_seed`` decides.

    Example::

        >>> from pyro.infer.mcmc.random_seed import new_seed
        >>> pyro.set_rng_seed(1)
        >>> first = new_seed()
        >>> pyro.set_rng_seed(1)
        >>> new_seed() == first
        True
    """
    return int(torch.randint(2**63 - 1, ()))
