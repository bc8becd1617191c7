"""Values that users hand to sample sites."""

from __future__ import annotations

from numbers import Number
from typing import Any

import numpy as np
import torch


def as_observation(value: Any) -> Any:
    """Turn Python and numpy numbers and arrays into tensors; leave everything else alone.

    Numbers get torch's default dtype, arrays keep theirs.
    """
    if isinstance(value, torch.Tensor) or value is None:
        return value
    if isinstance(value, Number | np.generic) and not isinstance(value, complex):
        return torch.tensor(float(value))  # type: ignore[arg-type]
    if isinstance(value, np.ndarray):
        return torch.as_tensor(value)
    return value
