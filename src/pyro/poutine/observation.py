"""Values that users hand to sample sites."""

from __future__ import annotations

from numbers import Number
from typing import Any

import numpy as np
import torch
from torch.distributions import Categorical


def as_observation(value: Any, fn: Any) -> Any:
    """Turn Python and numpy numbers and arrays into tensors; leave everything else alone.

    Arrays keep their dtype. Numbers get torch's default dtype, the type that distributions draw;
    a whole number at a ``Categorical`` site stays an integer, so that it can be an index.

    :param fn: The distribution at the site.
    """
    if isinstance(value, torch.Tensor) or value is None:
        return value
    if isinstance(value, np.ndarray):
        return torch.as_tensor(value)
    if isinstance(value, Number | np.generic) and not isinstance(value, complex):
        number: Any = value
        if isinstance(value, int | np.integer) and _draws_indices(fn):
            return torch.tensor(int(number))
        return torch.tensor(float(number))
    return value


def _draws_indices(fn: Any) -> bool:
    while hasattr(fn, "base_dist"):
        fn = fn.base_dist
    return isinstance(fn, Categorical)
