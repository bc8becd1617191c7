"""Optimisers on vectors: the same as torch's, step for step, whatever the options."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

from pyro import optim
from pyro.optim.flat import FlatOptimizer, NotFlat

TARGETS = {"a": torch.tensor([1.0, -2.0, 30.0]), "b": torch.tensor([[0.5]]), "c": torch.tensor(3.0)}


class Case(NamedTuple):
    """An optimiser with its arguments and how gradients are clipped."""

    name: str
    make: Any
    args: Any
    clip: Any = None

    def optimiser(self) -> optim.PyroOptim:
        return self.make(self.args, self.clip)


CASES = [
    Case("adam", optim.Adam, {"lr": 0.1}),
    Case("adam_decay", optim.Adam, {"lr": 0.1, "betas": (0.5, 0.9), "weight_decay": 0.3}),
    Case("adamw", optim.AdamW, {"lr": 0.1, "weight_decay": 0.3}),
    Case("clipped_adam", optim.ClippedAdam, {"lr": 0.1, "lrd": 0.9, "clip_norm": 2.0}),
    Case("belief", optim.ClippedAdam, {"lr": 0.1, "centered_variance": True, "weight_decay": 0.1}),
    Case("sgd", optim.SGD, {"lr": 0.05, "weight_decay": 0.1}),
    Case("momentum", optim.SGD, {"lr": 0.05, "momentum": 0.9, "dampening": 0.2}),
    Case("nesterov", optim.SGD, {"lr": 0.05, "momentum": 0.9, "nesterov": True}),
    Case("adagrad", optim.Adagrad, {"lr": 0.3, "lr_decay": 0.1, "weight_decay": 0.1}),
    Case("rmsprop", optim.RMSprop, {"lr": 0.05, "weight_decay": 0.1}),
    Case("rmsprop_all", optim.RMSprop, {"lr": 0.05, "momentum": 0.5, "centered": True}),
    Case("advi", optim.AdagradRMSProp, {"eta": 0.5, "t": 0.2}),
    Case("each_its_own", optim.Adam, lambda name: {"lr": 0.1 if name.endswith("0") else 0.3}),
    Case("clip_norm", optim.SGD, {"lr": 0.1}, {"clip_norm": 1.5}),
    Case("clip_value", optim.SGD, {"lr": 0.1}, {"clip_value": 0.7}),
    Case("clip_all", optim.Adam, {"lr": 0.1}, {"global_clip_norm": 2.0}),
    Case("clip_mixed", optim.SGD, {"lr": 0.1}, lambda name: {"clip_norm": 1.0, "clip_value": 0.4}),
]


def fresh(dtype: torch.dtype) -> dict[str, Tensor]:
    return {k: torch.zeros_like(t, dtype=dtype).requires_grad_() for k, t in TARGETS.items()}


def gradients(leaves: list[Tensor], step: int) -> list[Tensor]:
    """Of a quadratic function, larger in every third step."""
    scale = 1.0 + 3.0 * (step % 3 == 0)
    return [
        scale * (x.detach() - t).to(x.dtype) for x, t in zip(leaves, TARGETS.values(), strict=True)
    ]


def eager(case: Case, leaves: dict[str, Tensor], optimiser: Any, steps: range) -> None:
    for step in steps:
        for x, g in zip(leaves.values(), gradients(list(leaves.values()), step), strict=True):
            x.grad = g
        optimiser(leaves)


def flat_steps(flat: FlatOptimizer, leaves: dict[str, Tensor], steps: range) -> None:
    for step in steps:
        order = [next(k for k, x in leaves.items() if x is leaf) for leaf in flat.leaves]
        found = dict(zip(leaves, gradients(list(leaves.values()), step), strict=True))
        new = flat.step([found[k] for k in order])
        for array, value in zip(flat.arrays, new, strict=True):
            array.copy_(value)
        flat.write(1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_same_as_the_optimiser(case, dtype):
    mine, theirs = fresh(dtype), fresh(dtype)
    optimiser, reference = case.optimiser(), case.optimiser()
    eager(case, theirs, reference, range(9))
    eager(case, mine, optimiser, range(2))
    flat = FlatOptimizer(optimiser, mine)
    flat_steps(flat, mine, range(2, 7))
    eager(case, mine, optimiser, range(7, 8))  # torch goes on from there, and then the vectors
    flat.read()
    flat_steps(flat, mine, range(8, 9))
    for name in mine:
        torch.testing.assert_close(mine[name], theirs[name], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(optimiser.get_state(), reference.get_state(), rtol=1e-5, atol=1e-6)


TAKE_A_GRADIENT = {"momentum", "nesterov", "advi"}  # to have the state that they begin with


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_from_the_first_step_on(case, dtype):
    """The state with which vectors begin is torch's, in each of its types."""
    mine, theirs = fresh(dtype), fresh(dtype)
    optimiser, reference = case.optimiser(), case.optimiser()
    optimiser.admit(mine)
    if case.name in TAKE_A_GRADIENT:
        with pytest.raises(NotFlat, match="yet"):
            FlatOptimizer(optimiser, mine)
        return
    flat = FlatOptimizer(optimiser, mine)
    eager(case, theirs, reference, range(5))
    begun, expected = optimiser.get_state(), reference.get_state()
    for name in expected:
        for key, value in expected[name]["state"].get(0, {}).items():
            found = begun[name]["state"][0][key]
            assert type(found) is type(value)
            if isinstance(value, Tensor):
                assert (found.dtype, found.shape) == (value.dtype, value.shape)
    flat_steps(flat, mine, range(3))
    eager(case, mine, optimiser, range(3, 5))  # torch goes on from there
    for name in mine:
        torch.testing.assert_close(mine[name], theirs[name], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(optimiser.get_state(), expected, rtol=1e-5, atol=1e-6)


def test_a_change_from_outside_is_seen():
    leaves, optimiser = fresh(torch.float64), optim.Adam({"lr": 0.1})
    eager(CASES[0], leaves, optimiser, range(2))
    flat = FlatOptimizer(optimiser, leaves)
    with torch.no_grad():
        leaves["a"].fill_(7.0)
    flat.read()
    assert flat.params[:3].tolist() == [7.0] * 3


@pytest.mark.parametrize(
    ("make", "args", "reason"),
    [
        (optim.Adadelta, {}, "Adadelta is an optimiser without machine code"),
        (optim.Adam, {"lr": 0.1, "amsgrad": True}, "Adam with amsgrad=True"),
        (optim.SGD, {"lr": 0.1, "maximize": True}, "SGD with maximize=True"),
    ],
)
def test_what_cannot_be_had_is_named(make, args, reason):
    leaves, optimiser = fresh(torch.float64), make(args)
    eager(CASES[0], leaves, optimiser, range(1))
    with pytest.raises(NotFlat, match=reason):
        FlatOptimizer(optimiser, leaves)


def test_parameters_must_be_equally_old():
    leaves, optimiser = fresh(torch.float64), optim.Adam({"lr": 0.1})
    for count in (3, 1):
        for x in list(leaves.values())[:count]:
            x.grad = torch.ones_like(x)
        optimiser(list(leaves.values())[:count])
    with pytest.raises(NotFlat, match="different numbers of times"):
        FlatOptimizer(optimiser, leaves)
