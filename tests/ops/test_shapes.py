"""Shape helpers, scaling and masking."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pyro.distributions.normal import Normal
from pyro.distributions.score_parts import ScoreParts
from pyro.distributions.util import (
    deep_to,
    eye_like,
    gather,
    is_identically_one,
    is_identically_zero,
    scalar_like,
)
from pyro.ops.masking import scale_and_mask
from pyro.ops.shapes import (
    broadcast_shape,
    broadcast_tensors,
    sum_leftmost,
    sum_rightmost,
    tensor_like,
)


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        ([], ()),
        ([(3,)], (3,)),
        ([(3, 1), (4,)], (3, 4)),
        ([(1,), (5, 1, 1), (2, 1)], (5, 2, 1)),
        ([(0,), (1,)], (0,)),
    ],
)
def test_broadcast_shape(shapes: list[tuple[int, ...]], expected: tuple[int, ...]) -> None:
    assert broadcast_shape(*shapes) == expected


def test_broadcast_shape_errors() -> None:
    with pytest.raises(ValueError, match=r"\(3,\) vs \(4,\)"):
        broadcast_shape((3,), (4,))
    with pytest.raises(ValueError, match="broadcast"):
        broadcast_shape((1,), (4,), strict=True)
    assert broadcast_shape((4,), (3, 4), strict=True) == (3, 4)


def test_sums() -> None:
    x = torch.arange(24.0).reshape(2, 3, 4)
    assert sum_rightmost(x, 0) is x
    torch.testing.assert_close(sum_rightmost(x, 2), x.sum((1, 2)))
    torch.testing.assert_close(sum_rightmost(x, -1), x.sum((1, 2)))
    torch.testing.assert_close(sum_rightmost(x, float("inf")), x.sum())
    torch.testing.assert_close(sum_leftmost(x, 1), x.sum(0))
    torch.testing.assert_close(sum_leftmost(x, -1), x.sum((0, 1)))
    with pytest.raises(ValueError, match="cannot sum"):
        sum_rightmost(x, 4)


def test_broadcast_tensors_takes_dtype_from_the_first_tensor() -> None:
    a, b = broadcast_tensors(1, torch.zeros(3, dtype=torch.float64))
    assert a.dtype is b.dtype is torch.float64
    assert a.shape == (3,)
    assert tensor_like(np.float32(1.5), b).dtype is torch.float64
    assert tensor_like(2).dtype is torch.get_default_dtype()
    assert tensor_like(np.zeros(2)).dtype is torch.float64


def test_scale_and_mask() -> None:
    x = torch.tensor([1.0, float("nan")], requires_grad=True)
    assert scale_and_mask(x) is x
    assert scale_and_mask(x, mask=True) is x
    assert scale_and_mask(0, scale=3.0, mask=False) == 0
    assert scale_and_mask(x, mask=False).tolist() == [0.0, 0.0]  # type: ignore[union-attr]
    masked = scale_and_mask(x, 2.0, torch.tensor([True, False]))
    assert masked.tolist() == [2.0, 0.0]  # type: ignore[union-attr]
    (gradient,) = torch.autograd.grad(masked.sum(), x)  # type: ignore[union-attr]
    assert gradient.tolist() == [2.0, 0.0]


def test_score_function_is_neither_scaled_nor_masked() -> None:
    x = torch.ones(2)
    parts = ScoreParts(x, x, x).scale_and_mask(3.0, torch.tensor([True, False]))
    assert parts.log_prob.tolist() == [3.0, 0.0]
    assert parts.score_function is x
    assert parts.entropy_term.tolist() == [3.0, 0.0]  # type: ignore[union-attr]


def test_small_helpers() -> None:
    assert is_identically_zero(0.0)
    assert not is_identically_zero(torch.zeros(()))
    assert is_identically_one(1)
    assert scalar_like(torch.zeros(2, dtype=torch.float64), 3.0).dtype is torch.float64
    assert eye_like(torch.zeros(1), 2, 3).shape == (2, 3)
    table = torch.arange(6.0).reshape(2, 3)
    index = torch.tensor([[0], [2]])
    assert gather(table, index, -1).tolist() == [[0.0], [5.0]]
    moved = deep_to(Normal(0.0, 1.0).expand((2,)).to_event(1), torch.float64)
    assert moved.log_prob(torch.zeros(2, dtype=torch.float64)).dtype is torch.float64
