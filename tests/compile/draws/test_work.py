"""Products are counted as torch's own counter counts them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from pyro.compile.draws import Counted, make_key

PROGRAMS: dict[str, Callable[[], Tensor]] = {
    "mm": lambda: torch.ones(3, 4, requires_grad=True) @ torch.ones(4, 5, requires_grad=True),
    "bmm": lambda: torch.ones(2, 3, 4, requires_grad=True) @ torch.ones(2, 4, 5),
    "linear": lambda: functional.linear(
        torch.ones(3, 4), torch.ones(5, 4, requires_grad=True), torch.ones(5)
    ),
    "convolution": lambda: functional.conv2d(
        torch.ones(2, 3, 8, 8, requires_grad=True),
        torch.ones(5, 3, 3, 3, requires_grad=True),
        padding=1,
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_products(name: str) -> None:
    with FlopCounterMode(display=False) as expected:
        PROGRAMS[name]().sum().backward()
    with Counted(make_key(0)) as counted:
        PROGRAMS[name]().sum().backward()
    assert counted.work.products == expected.get_total_flops() / 2
    assert counted.work.operations > 3


def test_many_small_operations_are_no_matter_for_torch() -> None:
    with Counted(make_key(0)) as counted:
        x = torch.ones(8, 8)
        for _ in range(50):
            x = (x @ x).tanh()
    assert not counted.work.is_for_torch(1)
    with Counted(make_key(0)) as counted:
        (torch.ones(400, 400) @ torch.ones(400, 400)).tanh()
    assert counted.work.is_for_torch(1)


def test_threads_count_where_arrays_are_long() -> None:
    """Torch has them for what lies between products of matrices; views are nothing to do."""
    with Counted(make_key(0)) as counted:
        x = torch.ones(1000, 1000)
        for _ in range(20):
            x = x.t() + 1
    work = counted.work
    assert 20_000_000 <= work.elements <= 21_000_000
    assert not work.is_for_many_threads(1) and not work.is_for_many_threads(2)
    assert work.is_for_many_threads(16)
    with Counted(make_key(0)) as short:
        for _ in range(20):
            x = torch.ones(1000) + 1
    assert not short.work.is_for_many_threads(16)
