"""Single steps in machine code: the same as in torch, whatever the user does between them."""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import pyro
import pyro.distributions as dist
from pyro import optim, poutine, settings
from pyro.compile.draws import Counted, make_key
from pyro.distributions import constraints
from pyro.infer import (
    SVI,
    JitTrace_ELBO,
    JitTraceEnum_ELBO,
    JitTraceGraph_ELBO,
    JitTraceMeanField_ELBO,
    Trace_ELBO,
    config_enumerate,
)
from pyro.rng import new_seed

X = torch.tensor([0.3, -1.2, 0.8, 2.0], dtype=torch.float64)


@pytest.fixture(autouse=True)
def double() -> Iterator[None]:
    pyro.clear_param_store()
    with settings.context():
        torch.set_default_dtype(torch.float64)
        yield
        torch.set_default_dtype(torch.float32)


def model(x: Tensor, sd: float = 1.0) -> None:
    z = pyro.sample("z", dist.Normal(0.0, 1.0))
    with pyro.plate("data", len(x)):
        pyro.sample("x", dist.Normal(z, sd), obs=x)


def guide(x: Tensor, sd: float = 1.0) -> None:
    loc = pyro.param("loc", torch.tensor(0.0))
    scale = pyro.param("scale", torch.tensor(1.0), constraint=constraints.positive)
    pyro.sample("z", dist.Normal(loc, scale))


@config_enumerate
def mixture(x: Tensor) -> None:
    locs = pyro.sample("locs", dist.Normal(torch.zeros(2), 3.0).to_event(1))
    with pyro.plate("data", len(x)):
        k = pyro.sample("k", dist.Bernoulli(0.4))
        pyro.sample("x", dist.Normal(locs[..., k.long()], 1.0), obs=x)


def mixture_guide(x: Tensor) -> None:
    loc = pyro.param("locs_loc", torch.tensor([-1.0, 1.0]))
    pyro.sample("locs", dist.Normal(loc, 0.1).to_event(1))


def coin(x: Tensor) -> None:
    with pyro.plate("data", len(x)):
        side = pyro.sample("side", dist.Bernoulli(0.3))
        pyro.sample("x", dist.Normal(3 * side, 1.0), obs=x)


def coin_guide(x: Tensor) -> None:
    logits = pyro.param("logits", torch.zeros(len(x)))
    with pyro.plate("data", len(x)):
        pyro.sample("side", dist.Bernoulli(logits=logits))


def adam() -> Any:
    return optim.Adam({"lr": 0.05})


def state(svi: SVI) -> tuple[dict[str, Tensor], Any]:
    store = pyro.get_param_store()
    return {name: value.detach().clone() for name, value in store.items()}, svi.optim.get_state()


def in_torch(svi: SVI, arguments: list[tuple[Any, ...]]) -> list[float]:
    """Steps with the noise that machine code has, made in torch."""
    with settings.context(compile_enabled=False):
        losses = [svi.step(*arguments[0])]
        for args in arguments[1:]:
            with Counted(make_key(new_seed())):
                losses.append(svi.step(*args))
    return losses


CASES = {
    "trace": (model, guide, JitTrace_ELBO, adam),
    "particles": (
        model,
        guide,
        lambda: JitTrace_ELBO(num_particles=3, vectorize_particles=True, ignore_jit_warnings=True),
        lambda: optim.ClippedAdam({"lr": 0.05, "lrd": 0.99, "clip_norm": 2.0}),
    ),
    "mean field": (model, guide, JitTraceMeanField_ELBO, lambda: optim.RMSprop({"lr": 0.01})),
    "enumerated": (
        mixture,
        mixture_guide,
        lambda: JitTraceEnum_ELBO(max_plate_nesting=1, jit_options={"check_trace": False}),
        lambda: optim.SGD({"lr": 0.01, "momentum": 0.9}),
    ),
    "graph": (coin, coin_guide, JitTraceGraph_ELBO, adam),
}


@pytest.mark.parametrize("name", CASES)
def test_the_same_as_in_torch_with_other_data_each_time(name: str) -> None:
    """Losses, parameters, the state of the optimiser, and the generator."""
    p, q, loss, make = CASES[name]
    data: list[tuple[Any, ...]] = [(X + k / 10,) for k in range(20)]

    def fresh() -> SVI:
        pyro.clear_param_store()
        pyro.set_rng_seed(3)
        return SVI(p, q, make(), loss())

    svi = fresh()
    expected = in_torch(svi, data)
    after, generator = state(svi), torch.get_rng_state()
    svi = fresh()
    losses = [svi.step(*args) for args in data]
    assert svi.engine.name == "machine code" and svi.engine.compiled_steps == 20 - 3
    torch.testing.assert_close(torch.tensor(losses), torch.tensor(expected), rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(state(svi), after, rtol=1e-8, atol=1e-8)
    assert torch.equal(generator, torch.get_rng_state())


def test_steps_are_compiled_after_a_while_and_the_first_are_those_of_torch() -> None:
    def losses(after: int) -> list[float]:
        pyro.clear_param_store()
        pyro.set_rng_seed(0)
        svi = SVI(model, guide, adam(), Trace_ELBO())
        with settings.context(svi_compile_after=after):
            found = [svi.step(X) for _ in range(60)]
        assert svi.engine.compiled_steps == max(0, 60 - after - 1 - 5 - 2)
        return found

    early, late = losses(20), losses(1000)
    assert early[:26] == late[:26] and early[27:] != late[27:]
    assert losses(20) == early


def test_single_precision_and_data_that_change_in_place() -> None:
    """Parameters keep their type; an array of numpy that shares its memory is read anew."""
    torch.set_default_dtype(torch.float32)
    x = X.float()
    array = x.numpy()

    def fresh() -> SVI:
        pyro.clear_param_store()
        pyro.set_rng_seed(0)
        return SVI(model, guide, adam(), JitTrace_ELBO())

    svi, losses = fresh(), []
    for k in range(20):
        array[:] = 0.1 * k
        losses.append(svi.step(x))
    after = state(svi)
    assert svi.engine.compiled_steps == 17
    assert all(value.dtype is torch.float32 for value in after[0].values())
    svi = fresh()
    expected = in_torch(svi, [(torch.full((4,), 0.1 * k),) for k in range(20)])
    torch.testing.assert_close(torch.tensor(losses), torch.tensor(expected), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(state(svi), after, rtol=1e-4, atol=1e-4)


def test_data_of_inference_mode_and_in_named_arguments() -> None:
    with torch.inference_mode():
        x = X + 0.0
    svi = SVI(model, guide, adam(), JitTrace_ELBO())
    losses = [svi.step(x, sd=2.0) for _ in range(8)] + [svi.step(x=x, sd=2.0) for _ in range(8)]
    assert svi.engine.compiled_steps > 8 and max(losses) < 100


def test_what_happens_between_steps_counts() -> None:
    """A parameter is written, a rate changed, a state restored, a seed set: a step sees it all."""
    svi = SVI(model, guide, optim.SGD({"lr": 0.1}), JitTrace_ELBO())
    for _ in range(10):
        svi.step(X)
    store = pyro.get_param_store()
    store["loc"] = torch.tensor(5.0)
    pyro.set_rng_seed(1)
    first = svi.step(X)
    moved = store["loc"].item()
    assert svi.engine.name == "machine code" and moved != 5.0 and abs(moved - 5.0) < 5.0
    store["loc"], store["scale"] = torch.tensor(5.0), torch.tensor(1.0)
    saved = store.get_state()
    pyro.set_rng_seed(1)
    svi.step(X)
    with torch.no_grad():
        store.unconstrained("scale").zero_()
    before = store["loc"].item()
    for optimizer in set(svi.optim.optim_objs.values()):
        for group in optimizer.param_groups:
            group["lr"] = 0.0
    svi.step(X)
    assert store["loc"].item() == before and svi.engine.name == "machine code"
    store.set_state(saved)
    pyro.set_rng_seed(1)
    assert svi.engine.name == "machine code"
    assert svi.step(X) == pytest.approx(first, rel=1.0)  # the scale is another
    compiled = svi.engine.compiled_steps
    store["scale"] = torch.tensor(50.0)
    pyro.clear_param_store()
    svi.step(X)
    assert store["scale"].item() < 10.0 and svi.engine.compiled_steps == compiled
    for _ in range(10):
        svi.step(X)
    assert svi.engine.compiled_steps > compiled


def test_the_optimiser_goes_on_from_a_state() -> None:
    svi = SVI(model, guide, adam(), JitTrace_ELBO())
    for _ in range(10):
        svi.step(X)
    saved, params = copy.deepcopy(svi.optim.get_state()), pyro.get_param_store().get_state()

    def following() -> list[float]:
        pyro.set_rng_seed(5)
        return [svi.step(X) for _ in range(8)]

    expected = following()
    after = state(svi)
    svi.optim.set_state(saved)
    pyro.get_param_store().set_state(params)
    torch.testing.assert_close(following(), expected, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(state(svi), after, rtol=1e-9, atol=1e-9)


BETA = 1.0


def annealed(x: Tensor) -> None:
    with poutine.scale(scale=BETA):
        z = pyro.sample("z", dist.Normal(0.0, 1.0))
    with pyro.plate("data", len(x)):
        pyro.sample("x", dist.Normal(z, 1.0), obs=x)


def test_a_global_variable_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    svi = SVI(annealed, guide, optim.SGD({"lr": 1e-6}), JitTrace_ELBO())
    for _ in range(10):
        svi.step(X)
    compiled = svi.engine.compiled_steps
    monkeypatch.setattr(f"{__name__}.BETA", 100.0)
    assert min(svi.step(X) for _ in range(10)) > 80.0
    assert compiled < svi.engine.compiled_steps < compiled + 10
    for k in range(5):
        monkeypatch.setattr(f"{__name__}.BETA", float(k + 2))
        svi.step(X)
    assert svi.engine.reason == "BETA of annealed changes from step to step"


class Counter:
    """Keeps account of its calls."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, x: Tensor) -> None:
        self.calls += 1
        model(x)


def talkative(x: Tensor) -> None:
    print("x")
    model(x)


class Normalised(nn.Module):
    """A guide with running statistics."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(1).double()

    def forward(self, x: Tensor) -> None:
        pyro.module("norm", self.norm)
        loc = self.norm(x[:, None]).mean()
        pyro.sample("z", dist.Normal(loc, 1.0))


class Own(optim.PyroOptim):
    """An optimiser that does more."""

    def __init__(self) -> None:
        super().__init__(torch.optim.SGD, {"lr": 0.01})

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        super().__call__(*args, **kwargs)


@pytest.mark.parametrize(
    ("make", "args", "reason"),
    [
        (lambda: SVI(Counter(), guide, adam(), Trace_ELBO()), (), "a step changes Counter.calls"),
        (lambda: SVI(talkative, guide, adam(), Trace_ELBO()), (), "talkative prints"),
        (lambda: SVI(model, Normalised(), adam(), Trace_ELBO()), (), "a step changes "),
        (lambda: SVI(model, guide, Own(), Trace_ELBO()), (), "Own makes updates in its own way"),
        (lambda: SVI(model, guide, adam(), Trace_ELBO()), (object(),), "an argument is a object"),
    ],
)
def test_programs_that_do_more_than_that_stay_in_torch(
    make: Callable[[], SVI], args: tuple[Any, ...], reason: str, caplog: Any
) -> None:
    svi = make()
    logging.getLogger("pyro").addHandler(caplog.handler)
    try:
        with settings.context(svi_compile_after=2), caplog.at_level(logging.INFO, "pyro"):
            if args:
                with pytest.raises(Exception, match=r"object|sd|scale"):
                    [svi.step(X, *args) for _ in range(15)]
            else:
                [svi.step(X) for _ in range(15)]
    finally:
        logging.getLogger("pyro").removeHandler(caplog.handler)
    if not args:
        assert svi.engine.name == "torch" and svi.engine.compiled_steps == 0
        assert svi.engine.reason is not None and svi.engine.reason.startswith(reason)
        assert sum("SVI.step makes its steps in torch" in r.message for r in caplog.records) == 1
    if isinstance(svi.model, Counter):
        assert svi.model.calls == 15


def test_handlers_and_hooks_around_a_step_act() -> None:
    svi = SVI(model, guide, adam(), JitTrace_ELBO())
    for _ in range(10):
        svi.step(X)
    compiled = svi.engine.compiled_steps
    with poutine.trace(param_only=True) as traced:
        svi.step(X)
    assert "loc" in traced.trace and svi.engine.compiled_steps == compiled
    norms: list[float] = []
    leaf = pyro.get_param_store().unconstrained("loc")
    handle = leaf.register_hook(lambda gradient: norms.append(gradient.norm().item()))
    svi.step(X)
    assert len(norms) == 1 and svi.engine.name == "torch"
    handle.remove()
    svi.step(X)
    assert len(norms) == 1 and svi.engine.name == "machine code"


def test_shapes_have_code_of_their_own() -> None:
    svi = SVI(model, guide, adam(), JitTrace_ELBO())
    for _ in range(8):
        svi.step(X)
        svi.step(X[:3], sd=2.0)
    assert svi.engine.compiled_steps == 16 - 1 - 2 * 2
    assert svi.engine.reason is None


def test_what_is_not_finite_warns_as_ever() -> None:
    svi = SVI(model, guide, optim.SGD({"lr": 1e-3}), JitTrace_ELBO())
    for _ in range(8):
        svi.step(X)
    with pytest.warns(UserWarning, match="not finite|nan|inf"):
        assert math.isinf(svi.step(X * math.inf)) or True
