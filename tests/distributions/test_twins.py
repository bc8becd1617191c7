"""Twins are equal to, and independent of, the first; other arguments make no twin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

import pyro.distributions as dist
from pyro.distributions.twins import twins

LOC = torch.tensor([0.5, -1.0])
PROBS = torch.tensor([[0.2, 0.8], [0.5, 0.5]])
SAME: dict[str, Callable[[], Any]] = {
    "normal": lambda: dist.Normal(LOC, 2.0),
    "by name": lambda: dist.Normal(loc=LOC, scale=2.0),
    "categorical": lambda: dist.Categorical(PROBS),
    "by logits": lambda: dist.Categorical(logits=PROBS),
}


class Mine(dist.Normal):
    """A family of the user's."""

    def __init__(self, loc: torch.Tensor, note: str) -> None:
        self.note = note
        super().__init__(loc, 1.0)


@pytest.mark.parametrize("name", SAME)
def test_twins_share_tensors(name: str) -> None:
    make = SAME[name]
    with twins():
        first, second = make(), make()
    alone = make()
    assert first is not second
    value = torch.zeros((), dtype=torch.long if "cat" in name or "logits" in name else None)
    assert torch.equal(second.log_prob(value), alone.log_prob(value))
    assert second.batch_shape == alone.batch_shape
    shared = {k for k, v in first.__dict__.items() if isinstance(v, torch.Tensor)}
    assert shared
    assert all(first.__dict__[k] is second.__dict__[k] for k in shared & second.__dict__.keys())


def test_what_is_done_to_one_is_not_done_to_the_other() -> None:
    with twins():
        first = dist.Normal(LOC, 2.0).has_rsample_(False)
        second = dist.Normal(LOC, 2.0)
    assert second.has_rsample
    assert not first.has_rsample


OTHERS: dict[str, Callable[[], tuple[Any, Any]]] = {
    "another tensor": lambda: (dist.Categorical(PROBS), dist.Categorical(PROBS.clone())),
    "another number": lambda: (dist.Normal(LOC, 2.0), dist.Normal(LOC, 3.0)),
    "signs of zero": lambda: (dist.Normal(0.0, 2.0), dist.Normal(-0.0, 2.0)),
    "another argument": lambda: (dist.Categorical(PROBS), dist.Categorical(logits=PROBS)),
    "another family": lambda: (dist.Normal(LOC, 2.0), dist.Laplace(LOC, 2.0)),
    "a family of one's own": lambda: (Mine(LOC, "a"), Mine(LOC, "b")),
}


@pytest.mark.parametrize("name", OTHERS)
def test_others_are_no_twins(name: str) -> None:
    with twins():
        first, second = OTHERS[name]()
    plain = OTHERS[name]()
    for made, alone in zip((first, second), plain, strict=True):
        assert type(made) is type(alone)
        tensors = {k: v for k, v in alone.__dict__.items() if isinstance(v, torch.Tensor)}
        for key, value in tensors.items():
            assert torch.equal(made.__dict__[key], value)
            assert torch.equal(torch.signbit(made.__dict__[key]), torch.signbit(value))
    if isinstance(first, Mine):
        assert (first.note, second.note) == ("a", "b")


def test_a_write_ends_it() -> None:
    probs = PROBS.clone()
    with twins():
        first = dist.Categorical(probs)
        probs[0, 0] = 0.8
        second = dist.Categorical(probs)
    assert not torch.equal(first.probs, second.probs)


def test_gradients_need_a_graph() -> None:
    probs = PROBS.clone().requires_grad_()
    with twins():
        with torch.no_grad():
            dist.Categorical(probs)
        assert dist.Categorical(probs).probs.requires_grad


def test_wrong_arguments_are_wrong_again() -> None:
    scale = torch.tensor(-1.0)
    with twins():
        for _ in range(2):
            with pytest.raises(ValueError, match="scale"):
                dist.Normal(LOC, scale)


def test_outside_there_are_none() -> None:
    with twins():
        first = dist.Categorical(PROBS)
    assert dist.Categorical(PROBS).probs is not first.probs
