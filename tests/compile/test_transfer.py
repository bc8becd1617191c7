"""All copies in one call, between the types that there are."""

from __future__ import annotations

import pytest
import torch

from pyro.compile.transfer import Transfer

DTYPES = [
    (torch.float64, torch.float64),
    (torch.float32, torch.float64),
    (torch.float64, torch.float32),
]


@pytest.mark.parametrize(("source", "target"), DTYPES)
def test_elements_are_copied_and_rounded(source: torch.dtype, target: torch.dtype) -> None:
    pairs = [
        (torch.rand(n, dtype=source) - 0.5, torch.empty(n, dtype=target)) for n in (0, 1, 7, 100)
    ]
    pairs.append((torch.tensor([-0.0], dtype=source), torch.ones(1, dtype=target)))
    count = torch.tensor(3.0)
    copy = Transfer(pairs, [count])
    copy()
    for a, b in pairs:
        assert torch.equal(a.to(target), b) and torch.equal(a.signbit(), b.signbit())
    assert count.item() == 4.0
    pairs[2][0].zero_()
    copy()
    assert not pairs[2][1].any() and count.item() == 5.0


def test_nothing() -> None:
    Transfer([])()


def test_what_does_not_suit() -> None:
    x = torch.zeros(4, 4)
    real = x.double()
    assert Transfer.suits([(x, real)], [x[0, 0]])
    assert not Transfer.suits([(x.t()[:, :2], real)])
    assert not Transfer.suits([(x.half(), real)])
    assert not Transfer.suits([(x, real)], [torch.zeros((), dtype=torch.int64)])
    assert not Transfer.suits([(torch.zeros(10**6), real)])
