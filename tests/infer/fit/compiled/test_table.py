"""Machine code against torch, with the same noise: optimisers, schedules, objectives, batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils import _pytree as pytree
from torch.utils.data import DataLoader, TensorDataset

import pyro
import pyro.distributions as dist
from pyro import optim, settings
from pyro.compile.draws import Counted, make_key
from pyro.distributions import constraints
from pyro.infer import (
    SVI,
    EnergyDistance,
    RenyiELBO,
    ReweightedWakeSleep,
    Trace_ELBO,
    Trace_MMD,
    TraceEnum_ELBO,
    TraceGraph_ELBO,
    TraceMeanField_ELBO,
    TraceTailAdaptive_ELBO,
    TraceTMC_ELBO,
    config_enumerate,
)
from pyro.infer.fit.feed import batches, in_slices
from pyro.rng import new_seed

STEPS = 16
X = torch.tensor([0.3, -1.2, 0.8, 2.0, 1.1, -0.4], dtype=torch.float64)


@pytest.fixture(autouse=True)
def double() -> Iterator[None]:
    with settings.context():
        torch.set_default_dtype(torch.float64)
        yield
        torch.set_default_dtype(torch.float32)


def normal(x: Tensor | None = X) -> None:
    z = pyro.sample("z", dist.Normal(0.0, 1.0))
    with pyro.plate("data", 6 if x is None else len(x)):
        pyro.sample("x", dist.Normal(z, 1.0), obs=x)


def normal_guide(x: Tensor | None = X) -> None:
    loc = pyro.param("loc", torch.tensor(0.5))
    scale = pyro.param("scale", torch.tensor(1.0), constraint=constraints.positive)
    pyro.sample("z", dist.Normal(loc, scale))


def local(x: Tensor = X) -> None:
    rate = pyro.sample("rate", dist.LogNormal(0.0, 1.0))
    with pyro.plate("data", len(x), subsample_size=3) as rows:
        z = pyro.sample("z", dist.Normal(0.0, rate))
        pyro.sample("x", dist.StudentT(4.0, z, 1.0), obs=x[rows])


def local_guide(x: Tensor = X) -> None:
    loc = pyro.param("rate_loc", torch.tensor(0.1))
    pyro.sample("rate", dist.LogNormal(loc, 0.3))
    with pyro.plate("data", len(x), subsample_size=3) as rows:
        locs = pyro.param("z_locs", torch.zeros(len(x)))
        pyro.sample("z", dist.Normal(locs[rows], 0.5))


@config_enumerate
def switch(x: Tensor = X) -> None:
    p = pyro.param("p", torch.tensor(0.4), constraint=constraints.unit_interval)
    with pyro.plate("data", len(x)):
        side = pyro.sample("side", dist.Bernoulli(p))
        pyro.sample("x", dist.Normal(2.0 * side, 1.0), obs=x)


@config_enumerate
def switch_guide(x: Tensor = X) -> None:
    logits = pyro.param("logits", torch.zeros(len(x)))
    with pyro.plate("data", len(x)):
        pyro.sample("side", dist.Bernoulli(logits=logits))


def coin(x: Tensor = X) -> None:
    switch.__wrapped__(x)


def coin_guide(x: Tensor = X) -> None:
    switch_guide.__wrapped__(x)


@config_enumerate
def chain(x: Tensor = X) -> None:
    """States of more steps than are summed out in rounds where loops are cheap."""
    stay = pyro.sample("stay", dist.Beta(2.0, 1.0))
    moves = stay * torch.eye(3) + (1 - stay) / 3
    state: Any = 0
    for t in pyro.markov(range(18)):
        state = pyro.sample(f"state_{t}", dist.Categorical(moves[state]))
        pyro.sample(f"x_{t}", dist.Normal(1.0 * state, 1.0), obs=x[t % len(x)])


def chain_guide(x: Tensor = X) -> None:
    amount = pyro.param("amount", torch.tensor(2.0), constraint=constraints.positive)
    pyro.sample("stay", dist.Beta(amount, 1.5))


def seen(x: Tensor = X, observations: Any = None) -> None:
    x = x if observations is None else observations["x"]
    rate = pyro.param("rate", torch.tensor(0.7), constraint=constraints.positive)
    z = pyro.sample("z", dist.Gamma(2.0, rate))
    with pyro.plate("data", 6):
        side = pyro.sample("side", dist.Bernoulli(0.3))
        pyro.sample("x", dist.Normal(z * side, 1.0), obs=x)


def seen_guide(x: Tensor = X, observations: Any = None) -> None:
    x = x if observations is None else observations["x"]
    loc = pyro.param("loc", torch.tensor(0.1))
    pyro.sample("z", dist.LogNormal(loc * x.mean(-1, keepdim=x.dim() > 1), 0.5))
    slope = pyro.param("slope", torch.tensor(0.5))
    with pyro.plate("data", 6):
        pyro.sample("side", dist.Bernoulli(logits=slope * x))


def scheduled(kind: Any, optimizer: Any = torch.optim.Adam, **options: Any) -> Callable[[], Any]:
    rate = 0.001 if optimizer is torch.optim.SGD else 0.05
    return lambda: kind({"optimizer": optimizer, "optim_args": {"lr": rate}, **options})


OPTIMISERS: dict[str, Callable[[], Any]] = {
    "Adam": lambda: optim.Adam({"lr": 0.05, "betas": (0.8, 0.95), "weight_decay": 0.1}),
    "AdamW": lambda: optim.AdamW({"lr": 0.05}),
    "ClippedAdam": lambda: optim.ClippedAdam({"lr": 0.05, "lrd": 0.95, "clip_norm": 1.0}),
    "SGD": lambda: optim.SGD({"lr": 0.01}),
    "momentum": lambda: optim.SGD({"lr": 0.01, "momentum": 0.9, "dampening": 0.1}),
    "nesterov": lambda: optim.SGD({"lr": 0.01, "momentum": 0.9, "nesterov": True}),
    "Adagrad": lambda: optim.Adagrad({"lr": 0.1, "lr_decay": 0.1}),
    "RMSprop": lambda: optim.RMSprop({"lr": 0.01, "momentum": 0.5, "centered": True}),
    "AdagradRMSProp": lambda: optim.AdagradRMSProp({}),
    "clipped": lambda: optim.Adam({"lr": 0.05}, {"clip_norm": 0.5, "clip_value": 0.3}),
    "by name": lambda: optim.Adam(lambda name: {"lr": 0.1 if name == "loc" else 0.01}),
}
SCHEDULES: dict[str, Callable[[], Any]] = {
    "exponential": scheduled(optim.ExponentialLR, gamma=0.9),
    "steps": scheduled(optim.StepLR, step_size=4, gamma=0.5),
    "cosine": scheduled(optim.CosineAnnealingLR, T_max=STEPS),
    "one cycle": scheduled(optim.OneCycleLR, max_lr=0.1, total_steps=STEPS + 1),
    "one cycle, momentum": scheduled(
        optim.OneCycleLR, torch.optim.SGD, max_lr=0.02, total_steps=STEPS + 1
    ),
    "function": scheduled(optim.LambdaLR, lr_lambda=lambda step: 1 / (1 + step)),
}


def gaussian(x: Tensor, y: Tensor) -> Tensor:
    return (-(x.unsqueeze(1) - y).square().sum(-1) / 2).exp()


OBJECTIVES: dict[str, Callable[[], Any]] = {
    "trace": Trace_ELBO,
    "mean field": lambda: TraceMeanField_ELBO(num_particles=2),
    "graph": TraceGraph_ELBO,
    "renyi": lambda: RenyiELBO(alpha=0.3, num_particles=4, vectorize_particles=True),
    "tail adaptive": lambda: TraceTailAdaptive_ELBO(num_particles=4, vectorize_particles=True),
    "enumeration": lambda: TraceEnum_ELBO(max_plate_nesting=1),
    "discrepancy": lambda: Trace_MMD(gaussian, mmd_scale=3.0, num_particles=4),
    "discrepancy, one by one": lambda: Trace_MMD(
        gaussian, num_particles=3, vectorize_particles=False
    ),
    "energy": lambda: EnergyDistance(beta=1.3, prior_scale=0.1, num_particles=3),
    "wake": lambda: ReweightedWakeSleep(num_particles=3),
    "wake, one by one": lambda: ReweightedWakeSleep(num_particles=3, vectorize_particles=False),
    "wake and sleep": lambda: ReweightedWakeSleep(3, 0.4, num_sleep_particles=2),
    "sleep": lambda: ReweightedWakeSleep(2, 0.0, model_has_params=False),
    "Monte Carlo": lambda: TraceTMC_ELBO(max_plate_nesting=1),
}
OF_DRAWS = ("discrepancy", "discrepancy, one by one", "energy")
MODELS: dict[str, tuple[Any, Any]] = {
    "normal": (normal, normal_guide),
    "local": (local, local_guide),
    "switch": (switch, switch_guide),
    "coin": (coin, coin_guide),
    "chain": (chain, chain_guide),
    "seen": (seen, seen_guide),
}
TABLE = [
    *(("normal", "trace", make) for make in OPTIMISERS.values()),
    *(("local", "trace", make) for make in SCHEDULES.values()),
    *(
        ("normal", loss, OPTIMISERS["Adam"])
        for loss in ("mean field", "graph", "renyi", "tail adaptive", *OF_DRAWS)
    ),
    *(("local", loss, OPTIMISERS["Adam"]) for loss in ("mean field", "graph", "renyi", *OF_DRAWS)),
    *(("switch", loss, OPTIMISERS["Adam"]) for loss in ("enumeration", "Monte Carlo")),
    ("chain", "enumeration", OPTIMISERS["Adam"]),
    *(("coin", loss, OPTIMISERS["Adam"]) for loss in ("trace", "graph")),
    *(
        ("seen", loss, OPTIMISERS["Adam"])
        for loss in ("wake", "wake, one by one", "wake and sleep", "sleep")
    ),
    ("seen", "wake and sleep", SCHEDULES["cosine"]),
]
NAMES = [
    *OPTIMISERS,
    *SCHEDULES,
    *(f"{model}-{loss}" for model, loss, _ in TABLE[len(OPTIMISERS) + len(SCHEDULES) :]),
]


def state(svi: SVI) -> tuple[dict[str, Tensor], list[Any]]:
    """The parameters, and all numbers of the optimiser's state."""
    store = pyro.get_param_store()
    numbers = [
        torch.as_tensor(x)
        for x in pytree.tree_leaves(svi.optim.get_state())
        if isinstance(x, int | float | Tensor)
    ]
    return {name: value.detach().clone() for name, value in store.items()}, numbers


def in_torch(svi: SVI, data: list[Tensor], advance: Callable[[], Any] | None) -> list[float]:
    """What a run does, step by step in torch with the noise of machine code."""
    losses, seed = [svi.step(data[0])], None
    for step, x in enumerate(data[1:], 1):
        if advance is not None:
            advance()
        seed = new_seed() if seed is None else seed
        with Counted(make_key(seed, step)):
            losses.append(svi.step(x))
    if advance is not None:
        advance()
    return losses


@pytest.mark.parametrize(("model", "loss", "make"), TABLE, ids=NAMES)
def test_the_same_as_in_torch(model: str, loss: str, make: Callable[[], Any]) -> None:
    def fresh() -> SVI:
        pyro.clear_param_store()
        pyro.set_rng_seed(2)
        return SVI(*MODELS[model], make(), OBJECTIVES[loss]())

    svi = fresh()
    advance = svi.optim.step if hasattr(svi.optim, "pt_scheduler_constructor") else None
    expected = in_torch(svi, [X] * STEPS, advance)
    after = state(svi)
    svi = fresh()
    result = svi.run(STEPS, X, compile=True, progress=False)
    assert result.why_not_compiled is None and result.compiled_steps in (STEPS - 3, STEPS - 2)
    torch.testing.assert_close(result.losses, torch.tensor(expected), rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(state(svi), after, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("shuffle", [False, True])
def test_batches_of_a_loader(shuffle: bool) -> None:
    """The same batches as the loader's own, with a ragged last one, and a schedule by epoch."""
    data = torch.arange(22, dtype=torch.float64) / 10
    loader = DataLoader(TensorDataset(data), batch_size=6, shuffle=shuffle)
    make = SCHEDULES["exponential"]

    def fresh() -> SVI:
        pyro.clear_param_store()
        pyro.set_rng_seed(2)
        return SVI(normal, normal_guide, make(), Trace_ELBO())

    svi = fresh()
    result = svi.run(batches=loader, epochs=6, compile=True, progress=False)
    assert result.why_not_compiled is None and result.compiled_steps == 24 - 1 - 2 * 2
    after = state(svi)
    svi, losses, seed = fresh(), [], 0
    for _ in range(6):
        for (x,) in loader:
            if len(losses) == 1:
                seed = new_seed()
            if losses:
                with Counted(make_key(seed, len(losses))):
                    losses.append(svi.step(x))
            else:
                losses.append(svi.step(x))
        svi.optim.step()
    torch.testing.assert_close(result.losses, torch.tensor(losses), rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(state(svi), after, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("options", [{}, {"shuffle": True}, {"shuffle": True, "drop_last": True}])
def test_slices_are_what_the_loader_collects(options: dict[str, Any]) -> None:
    rows = torch.arange(46).reshape(23, 2)
    loader = DataLoader(TensorDataset(X.repeat(4)[:23], rows), batch_size=5, **options)
    assert in_slices(loader) is not loader
    torch.manual_seed(0)
    expected = [batch for _ in range(2) for batch in loader]
    generator = torch.get_rng_state()
    torch.manual_seed(0)
    found = [portion.args for portion in batches(loader, None, 2, (), {})]
    torch.testing.assert_close(found, [tuple(batch) for batch in expected])
    assert torch.equal(generator, torch.get_rng_state())
    other = DataLoader(TensorDataset(rows), batch_size=5, collate_fn=len)
    assert in_slices(other) is other


class Doubled(EnergyDistance):
    """A subclass whose gradients are others than those of its loss."""

    def loss_and_grads(self, model: Any, guide: Any, *args: Any, **kwargs: Any) -> float:
        loss = self.differentiable_loss(model, guide, *args, **kwargs)
        (2 * loss).backward()
        return loss.item()


class Redoubled(ReweightedWakeSleep):
    """The same of an objective with two losses."""

    def loss_and_grads(self, model: Any, guide: Any, *args: Any, **kwargs: Any) -> Any:
        losses = self.differentiable_losses(model, guide, *args, **kwargs)
        (2 * losses[0] + losses[1]).backward()
        return tuple(loss.item() for loss in losses)


@pytest.mark.parametrize("loss", [Redoubled, Doubled])
def test_objectives_with_gradients_of_their_own_stay_in_torch(loss: Callable[[], Any]) -> None:
    pyro.clear_param_store()
    svi = SVI(normal, normal_guide, optim.Adam({"lr": 0.01}), loss())
    result = svi.run(5, X, compile=True, progress=False)
    assert result.compiled_steps == 0 and "in its own way" in (result.why_not_compiled or "")
