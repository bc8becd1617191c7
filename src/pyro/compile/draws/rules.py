"""What each random operation of torch does with uniform and normal numbers.

A rule computes in float64 and returns what the operation returns; it is a tensor program itself.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor

from pyro.compile import views
from pyro.compile.draws.permutation import permutation

Take = Callable[[str, int], Tensor]
Rule = Callable[..., Any]
R = TypeVar("R", bound=Rule)
RULES: dict[str, Rule] = {}


def rule_of(func: Any, kwargs: dict[str, Any]) -> Rule | None:
    """The rule of an ATen operation; None if there is none, or it has a generator of its own."""
    if kwargs.get("generator") is not None:
        return None
    return RULES.get(func._schema.name.removeprefix("aten::"))


def rule(*names: str) -> Callable[[R], R]:
    """Register ``fn(take, *args, **kwargs)``, where ``take(stream, n)`` gives random numbers."""

    def register(fn: R) -> R:
        for name in names:
            RULES[name] = fn
        return fn

    return register


def _numbers(take: Take, stream: str, shape: Sequence[int]) -> Tensor:
    return take(stream, math.prod(shape)).reshape(tuple(shape))


def _below_one(uniform: Tensor, dtype: torch.dtype) -> Tensor:
    """In a type with fewer digits a number could be rounded to 1, which no generator returns."""
    if dtype is torch.float64:
        return uniform
    return uniform.clamp(max=1 - torch.finfo(dtype).eps / 2)


def _dtype(dtype: torch.dtype | None) -> torch.dtype:
    return torch.get_default_dtype() if dtype is None else dtype


# ---------------------------------------------------------------- new tensors


@rule("randn")
def _randn(take: Take, size: Sequence[int], *, dtype: Any = None, **_: Any) -> Tensor:
    return _numbers(take, "normal", size).to(_dtype(dtype))


@rule("rand")
def _rand(take: Take, size: Sequence[int], *, dtype: Any = None, **_: Any) -> Tensor:
    dtype = _dtype(dtype)
    return _below_one(_numbers(take, "uniform", size), dtype).to(dtype)


@rule("randn_like")
def _randn_like(take: Take, x: Tensor, *, dtype: Any = None, **_: Any) -> Tensor:
    return _randn(take, x.shape, dtype=x.dtype if dtype is None else dtype)


@rule("rand_like")
def _rand_like(take: Take, x: Tensor, *, dtype: Any = None, **_: Any) -> Tensor:
    return _rand(take, x.shape, dtype=x.dtype if dtype is None else dtype)


@rule("normal")
def _normal(take: Take, mean: Any, std: Any = 1.0, size: Any = None, **options: Any) -> Tensor:
    if size is None:
        parts = [x for x in (mean, std) if isinstance(x, Tensor)]
        shape = views.broadcast_shapes(*(x.shape for x in parts))
        found = _numbers(take, "normal", shape).to(parts[0].dtype)
    else:
        found = _randn(take, size, **options)
    scaled: Tensor = found * std + mean
    return scaled


@rule("randint")
def _randint(take: Take, *args: Any, dtype: Any = torch.int64, **_: Any) -> Tensor:
    *bounds, size = args
    low, high = bounds if len(bounds) == 2 else (0, bounds[0])
    found: Tensor = (_numbers(take, "uniform", size) * (high - low)).floor() + low
    return found.to(torch.int64 if dtype is None else dtype)


@rule("randperm")
def _randperm(take: Take, n: int, *, dtype: Any = torch.int64, **_: Any) -> Tensor:
    found: Tensor = permutation()(take("uniform", 1), n)
    return found if dtype is None else found.to(dtype)


# ---------------------------------------------------------------- into a tensor


def _fill(x: Tensor, value: Tensor) -> Tensor:
    return x.copy_(value.to(x.dtype))


@rule("normal_")
def _normal_(take: Take, x: Tensor, mean: float = 0.0, std: float = 1.0, **_: Any) -> Tensor:
    return _fill(x, _numbers(take, "normal", x.shape) * std + mean)


@rule("log_normal_")
def _log_normal_(take: Take, x: Tensor, mean: float = 1.0, std: float = 2.0, **_: Any) -> Tensor:
    return _fill(x, (_numbers(take, "normal", x.shape) * std + mean).exp())


@rule("uniform_")
def _uniform_(take: Take, x: Tensor, low: float = 0.0, high: float = 1.0, **_: Any) -> Tensor:
    uniform = _below_one(_numbers(take, "uniform", x.shape), x.dtype)
    return _fill(x, uniform * (high - low) + low)


@rule("exponential_")
def _exponential_(take: Take, x: Tensor, rate: float = 1.0, **_: Any) -> Tensor:
    return _fill(x, _numbers(take, "uniform", x.shape).log() / -rate)


@rule("cauchy_")
def _cauchy_(take: Take, x: Tensor, median: float = 0.0, sigma: float = 1.0, **_: Any) -> Tensor:
    angle = (_numbers(take, "uniform", x.shape) - 0.5) * math.pi
    return _fill(x, angle.tan() * sigma + median)


@rule("geometric_")
def _geometric_(take: Take, x: Tensor, p: float, **_: Any) -> Tensor:
    return _fill(x, (_numbers(take, "uniform", x.shape).log() / math.log1p(-p)).ceil())


@rule("bernoulli_")
def _bernoulli_(take: Take, x: Tensor, p: Any = 0.5, **_: Any) -> Tensor:
    return _fill(x, _numbers(take, "uniform", x.shape) < p)


# ---------------------------------------------------------------- of probabilities


@rule("bernoulli")
def _bernoulli(take: Take, probs: Tensor, p: float | None = None, **_: Any) -> Tensor:
    chance = probs if p is None else p
    return (_numbers(take, "uniform", probs.shape) < chance).to(probs.dtype)


@rule("multinomial")
def _multinomial(
    take: Take, probs: Tensor, count: int, replacement: bool = False, **_: Any
) -> Tensor:
    shape = (*probs.shape[:-1], count)
    if count > 1 and not replacement:  # the largest of log(p) + Gumbel, by their order
        waiting = _numbers(take, "uniform", probs.shape).log() / -probs.double()
        return waiting.argsort(-1)[..., :count]
    upto = probs.double().cumsum(-1)
    level = _numbers(take, "uniform", shape) * upto[..., -1:]
    passed = level.unsqueeze(-1) >= upto.unsqueeze(-2)
    return passed.sum(-1).clamp(max=probs.shape[-1] - 1)


@rule("native_dropout")
def _native_dropout(take: Take, x: Tensor, p: float, train: bool | None) -> tuple[Tensor, Tensor]:
    if not train or p == 0:
        return x.clone(), torch.ones_like(x, dtype=torch.bool)
    mask = _numbers(take, "uniform", x.shape) >= p
    return x * mask * (0.0 if p == 1 else 1 / (1 - p)), mask


@functools.cache
def is_random(func: Any) -> bool:
    """Whether an ATen operation draws random numbers."""
    return torch.Tag.nondeterministic_seeded in func.tags
