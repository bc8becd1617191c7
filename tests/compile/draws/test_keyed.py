"""A mode that looks only where numbers may be drawn draws what one that looks everywhere does."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pyro.compile.draws import Counted, Keyed, make_key
from pyro.compile.pure_functions import DRAWLESS
from tests.compile.draws.test_rules import CASES
from tests.laws.distribution_case import Case
from tests.laws.distribution_cases import CASES as FAMILIES
from tests.laws.distribution_cases import draw

LAYER = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.5)


def same(fn: Any) -> bool:
    torch.manual_seed(0)  # for what has no rule
    with Counted(make_key(5)):
        expected = fn()
    torch.manual_seed(0)
    with Keyed(make_key(5)):
        found = fn()
    return torch.equal(found, expected)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_random_functions(case: Any) -> None:
    x = torch.zeros(())
    assert same(lambda: case.fn(x)) and same(lambda: torch.stack([case.fn(x), case.fn(x)]))


@pytest.mark.parametrize("case", FAMILIES, ids=lambda case: case.id)
def test_families(case: Case) -> None:
    made = case.build((3,))
    assert same(lambda: draw(made))


def test_what_draws_is_not_in_the_list() -> None:
    assert not DRAWLESS & {torch.randn, torch.rand, Tensor.normal_, nn.functional.dropout}


def names() -> list[str]:
    found = {f.__name__ for f in DRAWLESS if not f.__name__.startswith("__")}
    return sorted(name for name in found if hasattr(torch.ops.aten, name))


@pytest.mark.parametrize("name", names())
def test_nothing_in_the_list_draws(name: str) -> None:
    packet = getattr(torch.ops.aten, name)
    for overload in packet.overloads():
        assert torch.Tag.nondeterministic_seeded not in getattr(packet, overload).tags


def test_draws_inside_of_modules() -> None:
    x = torch.ones(3, 1, 4)
    assert same(lambda: LAYER(x).detach())
    with Keyed(make_key(5)):
        assert not torch.equal(LAYER(x), LAYER(x))
