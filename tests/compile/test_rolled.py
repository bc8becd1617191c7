"""Programs with loops over time: compiled is eager, and the code does not grow with the loop."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro.compile import compile_value_and_grad
from pyro.compile.density import NativeDensity
from pyro.infer import config_enumerate
from pyro.infer.model.density import ModelDensity
from pyro.ops.contract import loops_are_cheap
from pyro.primitives.validation import validation_enabled
from tests.compile.case import real

Density = Callable[[Tensor], Tensor]


class Case(NamedTuple):
    """A density of ``dim(T)`` numbers over ``T`` steps; ``grows``: how much its code may grow."""

    make: Callable[[int], Density]
    dim: Callable[[int], int]
    short: int = 25
    grows: float = 0.3


def normal(x: Any, loc: Any, scale: Any) -> Tensor:
    return -0.5 * ((x - loc) / scale) ** 2 - scale.log()


def auto_regressive(steps: int) -> Density:
    """Observed: the steps do not depend on each other."""
    y = real(steps, seed=1)

    def density(u: Tensor) -> Tensor:
        total = u.new_zeros(())
        for t in range(2, steps):
            total = total + normal(y[t], u[0] * y[t - 1] + u[1] * y[t - 2], u[2].exp())
        return total

    return density


def counts(steps: int) -> Density:
    """Zeros and ones among the data are numbers like others."""
    y = (real(steps, seed=2).abs() * 2).floor()

    def density(u: Tensor) -> Tensor:
        total, rate = u.new_zeros(()), u[0].exp()
        for t in range(1, steps):
            rate = 0.5 * rate + u[1].exp() * y[t - 1] + 0.1
            total = total + y[t] * rate.log() - rate
        return total

    return density


def garch(steps: int) -> Density:
    y = real(steps, seed=3)

    def density(u: Tensor) -> Tensor:
        a, b, c, h = u[0].exp(), u[1].sigmoid(), u[2].sigmoid(), u[3].exp()
        total = u.new_zeros(())
        for t in range(1, steps):
            h = a + b * y[t - 1] ** 2 + c * h
            total = total - 0.5 * (h.log() + y[t] ** 2 / h)
        return total

    return density


def moving_average(steps: int) -> Density:
    """Two errors back: two states are carried."""
    y = real(steps, seed=4)

    def density(u: Tensor) -> Tensor:
        first, second = u.new_zeros(()), u.new_zeros(())
        total = u.new_zeros(())
        for t in range(steps):
            error = y[t] - u[0] - u[1] * first - u[2] * second
            total = total - 0.5 * error**2
            first, second = error, first
        return total

    return density


def local_level(steps: int) -> Density:
    y = real(steps, seed=5)

    def density(u: Tensor) -> Tensor:
        total, before, scale = u.new_zeros(()), u.new_zeros(()), u[steps].exp()
        for t in range(steps):
            total = total + normal(u[t], before, scale) + normal(y[t], u[t].sin(), torch.ones(()))
            before = u[t]
        return total

    return density


def network(steps: int) -> Density:
    x = real(steps, 3, seed=6)

    def density(u: Tensor) -> Tensor:
        w, v, h = u[:16].reshape(4, 4), u[16:28].reshape(4, 3), u[28:32]
        total = u.new_zeros(())
        for t in range(steps):
            h = torch.tanh(w @ h + v @ x[t])
            total = total - h.square().sum()
        return total

    return density


def lstm(steps: int) -> Density:
    x = real(steps, 2, seed=7)

    def density(u: Tensor) -> Tensor:
        w = u[:60].reshape(12, 5)
        h, c = u[60:63], u[63:66]
        for t in range(steps):
            gates = w @ torch.cat([h, x[t]])
            i, f, o, g = gates.reshape(4, 3)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
        return -h.square().sum() - c.sum()

    return density


def runge_kutta(steps: int) -> Density:
    """Predators and prey."""

    def slope(z: Tensor, u: Tensor) -> Tensor:
        prey, predators = z[0], z[1]
        return torch.stack([u[0] * prey - u[1] * prey * predators, prey * predators - predators])

    def density(u: Tensor) -> Tensor:
        z, h = u[2:4].exp(), 0.02
        for _ in range(steps):
            k1 = slope(z, u)
            k2 = slope(z + h / 2 * k1, u)
            k3 = slope(z + h / 2 * k2, u)
            z = z + h / 6 * (k1 + 4 * k2 + k3)
        return z.log().sum()

    return density


def nested(steps: int) -> Density:
    y = real(steps, 3, seed=8)

    def density(u: Tensor) -> Tensor:
        total, h = u.new_zeros(()), u[0]
        for t in range(steps):
            for k in range(3):
                h = 0.9 * h + u[k].sin() * y[t, k]
            total = total - h**2
        return total

    return density


def ends(steps: int) -> Density:
    """The first and the last steps are not like the others."""
    y = real(steps, seed=9)

    def density(u: Tensor) -> Tensor:
        total, h = u.new_zeros(()), u[0]
        for t in range(steps):
            if t < 3:
                h = h.exp() / 2
            elif t > steps - 3:
                h = h - u[1]
            else:
                h = (h * u[1] + y[t]).tanh()
            total = total + h
        return total

    return density


def one_step_differs(steps: int) -> Density:
    y = real(steps, seed=10)

    def density(u: Tensor) -> Tensor:
        total, h = u.new_zeros(()), u[0]
        for t in range(steps):
            h = (h * u[1] + y[t]).tanh() if t != steps // 2 else (h / u[1] + y[t]).sin()
            total = total + h * (2.0 if t == steps // 3 else 1.0)
        return total

    return density


def one_place_differs(steps: int) -> Density:
    """The same operations, but one step reads another element."""

    def density(u: Tensor) -> Tensor:
        total, h = u.new_zeros(()), u.new_zeros(())
        for t in range(steps):
            h = (0.5 * h + u[t if t != steps // 2 else 0]).tanh()
            total = total + h
        return total

    return density


def buffer(steps: int) -> Density:
    """States in the elements of an array."""

    def density(u: Tensor) -> Tensor:
        held = torch.zeros(steps, dtype=u.dtype)
        held[0] = u[0]
        for t in range(1, steps):
            held[t] = (held[t - 1].clone() * u[1]).sin() + u[2]
        return held.square().sum()

    return density


def backwards(steps: int) -> Density:
    def density(u: Tensor) -> Tensor:
        h = u[steps]
        for t in reversed(range(steps)):
            h = (h * 0.7 + u[t]).tanh()
        return h.log1p()

    return density


def model_density(model: Callable[..., None], *args: Any) -> Density:
    return ModelDensity(model, *args).log_density


def hidden_markov(steps: int) -> Density:
    y = real(steps, seed=11)

    @config_enumerate
    def model() -> None:
        rows = dist.Dirichlet(torch.ones(3, 3) + torch.eye(3)).to_event(1)
        moves = pyro.sample("moves", rows)
        locs = pyro.sample("locs", dist.Normal(torch.arange(3.0), 1.0).to_event(1))
        state: Any = 0
        for t in pyro.markov(range(steps)):
            state = pyro.sample(f"state_{t}", dist.Categorical(moves[state]))
            pyro.sample(f"x_{t}", dist.Normal(locs[state], 0.5), obs=y[t])

    return model_density(model)


def factorial(steps: int) -> Density:
    """Two chains."""
    y = real(steps, seed=12)

    @config_enumerate
    def model() -> None:
        stays = pyro.sample("stays", dist.Beta(torch.ones(2), 1.0).to_event(1))
        a: Any = torch.tensor(0.0)
        b: Any = torch.tensor(0.0)
        for t in pyro.markov(range(steps)):
            a = pyro.sample(f"a_{t}", dist.Bernoulli(stays[0] * a + 0.1 * (1 - a)))
            b = pyro.sample(f"b_{t}", dist.Bernoulli(stays[1] * b + 0.2 * (1 - b)))
            pyro.sample(f"x_{t}", dist.Normal(a + 2 * b, 0.5), obs=y[t])

    return model_density(model)


def sites(steps: int) -> Density:
    """A latent site per step."""
    y = real(steps, seed=13)

    def model() -> None:
        scale = pyro.sample("scale", dist.LogNormal(0.0, 1.0))
        z = torch.zeros(())
        for t in range(steps):
            z = pyro.sample(f"z_{t}", dist.Normal(0.9 * z, scale))
            pyro.sample(f"x_{t}", dist.Normal(z, 0.3), obs=y[t])

    return model_density(model)


CASES = {
    "AR(2)": Case(auto_regressive, lambda t: 3),
    "counts": Case(counts, lambda t: 2, short=70),
    "GARCH": Case(garch, lambda t: 4),
    "MA(2)": Case(moving_average, lambda t: 3),
    "local level": Case(local_level, lambda t: t + 1),
    "RNN": Case(network, lambda t: 32),
    "LSTM": Case(lstm, lambda t: 66),
    "Runge-Kutta": Case(runge_kutta, lambda t: 4, short=18),
    "nested": Case(nested, lambda t: 3),
    "ends": Case(ends, lambda t: 2),
    "one step differs": Case(one_step_differs, lambda t: 2, short=60),
    "one place differs": Case(one_place_differs, lambda t: t),
    "buffer": Case(buffer, lambda t: 3, grows=3.0),  # its gradient is written out
    "backwards": Case(backwards, lambda t: t + 1),
    "HMM": Case(hidden_markov, lambda t: 9),
    "factorial HMM": Case(factorial, lambda t: 2, grows=1.5),  # a tree of sums
    "sites": Case(sites, lambda t: t + 1),
}


def compiled(case: Case, steps: int) -> NativeDensity:
    """The code of a case, which is compared with the case."""
    torch.set_default_dtype(torch.float64)
    try:
        with validation_enabled(False), loops_are_cheap():
            fn = case.make(steps)
            x = 0.3 * real(case.dim(steps), seed=20) + 0.1
            code = compile_value_and_grad(fn, x, verify=False)
            point = 0.3 * real(case.dim(steps), seed=21) + 0.1
            agree(code, fn, point)
    finally:
        torch.set_default_dtype(torch.float32)
    return code


def agree(code: NativeDensity, fn: Density, point: Tensor) -> None:
    variable = point.clone().requires_grad_()
    value = fn(variable)
    (gradient,) = torch.autograd.grad(value, variable)
    found = code.value_and_grad(point)
    torch.testing.assert_close(found[0], value.detach(), rtol=1e-10, atol=1e-10)
    scale = float(gradient.abs().max())
    torch.testing.assert_close(found[1], gradient, rtol=1e-10, atol=1e-10 * max(1.0, scale))


@pytest.mark.parametrize("name", CASES)
def test_recurrences(name: str) -> None:
    case = CASES[name]
    sizes = [compiled(case, steps).report().code_bytes for steps in (case.short, 4 * case.short)]
    assert sizes[1] < (1 + case.grows) * sizes[0], sizes


def test_what_repeats_itself_is_written_once() -> None:
    """The loop is in the code, and explained."""
    code = compiled(CASES["GARCH"], 100)
    assert "steps; an array" in code.explain()
    assert code.report().nodes < 200


operations: list[Callable[[Tensor, Tensor], Tensor]] = [
    lambda a, b: a + b,
    lambda a, b: a * b.sin(),
    lambda a, b: (a - b).tanh(),
    lambda a, b: torch.logaddexp(a, b),
    lambda a, b: torch.where(a > 0, a, b) / 2,
    lambda a, b: torch.maximum(a, b.cos()),
    lambda a, b: a.sum() + b,
    lambda a, b: torch.stack([a, b]).logsumexp(0) - math.log(2),
    lambda a, b: a.flip(0) * 0.5 + b.cumsum(0) / 3,
]

recipes = st.lists(
    st.tuples(st.sampled_from(operations), st.integers(0, 5), st.integers(0, 5), st.integers(0, 1)),
    min_size=1,
    max_size=5,
)


@given(recipe=recipes, odd=st.integers(0, 60), width=st.integers(1, 3), lag=st.integers(1, 3))
@settings(max_examples=8, deadline=None, derandomize=True)
def test_any_recurrence(recipe: list[Any], odd: int, width: int, lag: int) -> None:
    """Random bodies; one step may do its last operation twice."""
    steps = 40
    data = real(steps, width, seed=30)

    def density(u: Tensor) -> Tensor:
        states = [u[:width], u[width : 2 * width], u[2 * width : 3 * width]]
        total = u.new_zeros(())
        for t in range(steps):
            found = [states[-1], states[-lag], data[t], u[3 * width : 4 * width]]
            for operation, i, j, keep in recipe * (1 + (t == odd)):
                made = operation(found[i % len(found)], found[j % len(found)])
                found.append(made.clamp(-3, 3))
                total = total + keep * made.clamp(-3, 3).sum()
            states = [*states[1:], found[-1] * 0.9 + 0.05]
        return total + states[-1].square().sum() - u.square().sum()

    torch.set_default_dtype(torch.float64)
    try:
        x = real(4 * width, seed=31)
        agree(compile_value_and_grad(density, x, verify=False), density, real(4 * width, seed=32))
    finally:
        torch.set_default_dtype(torch.float32)
