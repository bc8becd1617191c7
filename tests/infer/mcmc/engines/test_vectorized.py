"""Chains as one batch: right answers, and the same ones however they are run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from scipy import stats
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro.infer import HMC, MCMC, NUTS, ChEES, RandomWalkKernel
from pyro.infer.errors import InferenceError
from pyro.infer.mcmc import MCMCKernel
from pyro.infer.mcmc.engines.task import STATISTICS, Drawn
from pyro.infer.mcmc.engines.vectorized.run import VectorizedRun
from pyro.infer.mcmc.progress.monitor import ChainView, Silence
from pyro.infer.mcmc.trajectories import Kind
from tests.infer.mcmc.kernels.targets import TARGETS, Target, named, normal, student, task

SCALES = torch.tensor([0.5, 0.8, 1.0, 2.0])

KINDS: dict[str, tuple[Kind, int, int, int, dict[str, Any]]] = {  # chains, warm-up, draws
    "nuts": ("nuts", 40, 40, 50, {}),
    "nuts-own": ("nuts", 12, 40, 60, {"adaptation": "stan"}),
    "nuts-dense": ("nuts", 40, 40, 50, {"full_mass": True}),
    "nuts-blocks": ("nuts", 40, 40, 50, {"full_mass": [("a",)]}),
    "hmc": ("hmc", 40, 60, 60, {}),
    "chees": ("chees", 100, 100, 60, {}),
    "walk": ("walk", 100, 200, 400, {"adapt_mass_matrix": True}),
}


def run(target: Target, kind: Kind, chains: int, warmup: int, draws: int, **options: Any) -> Drawn:
    pooled = options.pop("pooled", None)
    made = task(target, kind, chains, warmup, draws, **options)
    return VectorizedRun(made, target, pooled=pooled).advance(draws, Silence())


def equal(ours: Drawn, theirs: Drawn) -> None:
    assert torch.equal(ours.positions, theirs.positions)
    for name in STATISTICS:
        assert torch.equal(ours.statistics[name], theirs.statistics[name]), name


SLOW = ("nuts-own", "nuts-blocks")


@pytest.mark.parametrize(
    "case", [pytest.param(c, marks=[pytest.mark.slow] * (c in SLOW)) for c in KINDS]
)
def test_moments(case: str) -> None:
    """Means within 0.15 sd and variances within 20 %; sampling errors are below a quarter of it."""
    kind, chains, warmup, draws, options = KINDS[case]
    target = normal(SCALES)
    target.flat = named(("a", 0, 2), ("b", 2, 4))
    drawn = run(target, kind, chains, warmup, draws, **options)
    x = drawn.positions / SCALES
    assert drawn.positions.shape == (chains, draws, 4)
    assert drawn.positions.dtype == torch.double
    assert x.mean((0, 1)).abs().max() < 0.15
    assert (x.var((0, 1)) - 1).abs().max() < 0.2
    rate = drawn.statistics["acceptance_rate"].mean()
    low, high = {"walk": (0.1, 0.4), "chees": (0.4, 0.9)}.get(kind, (0.6, 0.999))
    assert low < rate < high
    torch.testing.assert_close(
        drawn.statistics["lp"], target.value(drawn.positions), check_dtype=False
    )
    assert drawn.gradients >= chains * (warmup + draws)


@pytest.mark.parametrize("kind", ["nuts", "hmc", "walk"])
def test_a_chain_depends_on_its_number_alone(kind: Kind) -> None:
    target, starts = normal(SCALES), torch.randn(7, 4).double()
    target.log_density = _sequential(target.log_density)
    many = run(target, kind, 7, 20, 5, starts=starts, pooled=False)
    one = run(target, kind, 1, 20, 5, starts=starts[5:6], pooled=False, first_chain=5)
    assert torch.equal(many.positions[5:6], one.positions)


def _sequential(density: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """The same, row by row: rounding does not depend on the number of rows."""
    return lambda x: torch.stack([density(row) for row in x])


@pytest.mark.parametrize("kind", ["nuts", "hmc", "chees", "walk"])
@pytest.mark.parametrize("pooled", [False, True])
def test_resumed_is_uninterrupted(kind: Kind, pooled: bool) -> None:
    """Saved and loaded after draws of warm-up and after draws, a run goes on as it would have."""
    target = normal(SCALES)
    made = task(target, kind, 5, 20, 10)

    def new() -> VectorizedRun:
        return VectorizedRun(made, target, pooled=pooled, keep_warmup=True)

    whole = new()
    parts = [whole.advance(n, Silence()) for n in (13, 7, 3, 6)]
    saved: list[bytes] | None = None
    for n, expected in zip((13, 7, 3, 6), parts, strict=True):
        other = new()
        if saved is not None:
            other.load(saved)
        equal(other.advance(n, Silence()), expected)
        saved = other.save()


@pytest.mark.parametrize("kind", ["nuts", "hmc", "walk"])
def test_draws_in_parts(kind: Kind) -> None:
    target = normal(SCALES)
    made = task(target, kind, 5, 0, 15)
    parts = VectorizedRun(made, target)
    first = parts.advance(6, Silence())
    equal(
        Drawn.joined([first, parts.advance(9, Silence())]),
        VectorizedRun(made, target).advance(15, Silence()),
    )


def test_thinning() -> None:
    target, starts = normal(SCALES), torch.randn(5, 4).double()
    all_draws = run(target, "nuts", 5, 0, 18, starts=starts)
    thinned = run(target, "nuts", 5, 0, 6, starts=starts, thinning=3)
    assert torch.equal(thinned.positions, all_draws.positions[:, 2::3])
    assert torch.equal(thinned.statistics["energy"], all_draws.statistics["energy"][:, 2::3])


@pytest.mark.parametrize("kind", ["nuts", "hmc", "chees", "walk"])
@pytest.mark.parametrize("dim", [0, 1])
def test_few_dimensions(kind: Kind, dim: int) -> None:
    target = normal(torch.ones(dim))
    drawn = run(target, kind, 3, 25, 10)
    assert drawn.positions.shape == (3, 10, dim)
    assert drawn.statistics["lp"].isfinite().all()


@pytest.mark.parametrize("kind", ["nuts", "hmc", "walk"])
@pytest.mark.parametrize("outside", [-torch.inf, torch.nan, torch.inf])
def test_no_draw_outside(kind: Kind, outside: float) -> None:
    """An exponential density; points below zero are rejected, whatever is said of them.

    The mean of one coordinate has a standard error below 0.05.
    """
    target = Target(
        1, lambda x: torch.where(x[..., 0] >= 0, -x[..., 0], x[..., 0] * 0 + outside), torch.randn
    )
    starts = torch.rand(30, 1).double() + 0.1
    options = {"step_size": 0.3, "adapt_step_size": False, "adapt_mass_matrix": False}
    if kind == "walk":
        options["step_size"] = 1.5
    if kind == "hmc":
        options["trajectory_length"] = 1.5
    drawn = run(target, kind, 100, 0, 60 if kind != "walk" else 400, starts=starts, **options)
    assert (drawn.positions >= 0).all()
    assert abs(drawn.positions.mean() - 1) < 0.25
    if kind != "walk":
        assert drawn.statistics["diverging"].any()
        assert any((places < 0).any() for places in drawn.divergences)
        flagged = drawn.statistics["diverging"].sum(1).tolist()
        assert [len(places) for places in drawn.divergences] == flagged


def test_depths() -> None:
    target = normal(torch.ones(3))
    options = {"step_size": 0.01, "adapt_step_size": False, "adapt_mass_matrix": False}
    drawn = run(target, "nuts", 20, 0, 5, max_tree_depth=4, **options)
    assert (drawn.statistics["tree_depth"] == 4).all()
    assert (drawn.statistics["n_steps"] == 15).all()
    with pytest.raises(InferenceError, match="at most 20"):
        run(target, "nuts", 1, 0, 1, max_tree_depth=21)


def test_interrupted() -> None:
    """Ctrl-C leaves the draws that all chains have, and the run can go on."""
    target = normal(SCALES)
    plain, left = target.log_density, [150]

    def density(x: Tensor) -> Tensor:
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt
        return plain(x)

    target.log_density = density
    chains = VectorizedRun(task(target, "nuts", 5, 2, 500, step_size=1.0), target)
    drawn = chains.advance(500, Silence())
    assert drawn.interrupted
    assert 0 < drawn.positions.shape[1] < 500
    assert (drawn.statistics["lp"] != 0).all()
    again = chains.advance(20, Silence())
    assert not again.interrupted
    assert again.positions.shape == (5, 20, 4)
    assert not (again.positions[:, :1] == drawn.positions).all(-1).any()


def test_progress_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyro.infer.mcmc.engines.vectorized.paced_monitor._EVERY", 0.0)
    seen: list[Sequence[ChainView]] = []

    class Notes(Silence):
        def show(self, chains: Sequence[ChainView]) -> None:
            seen.append(chains)

    target = normal(SCALES)
    VectorizedRun(task(target, "nuts", 5, 10, 20), target).advance(20, Notes())
    assert len(seen[-1]) == 5
    assert max(view.iteration for view in seen[-1]) == 30
    assert all(view.step_size > 0 for view in seen[-1])
    iterations = [sum(view.iteration for view in views) for views in seen]
    assert iterations == sorted(iterations)


def test_tails() -> None:
    """The mass beyond the quartiles and the 1 % points of Student's t with four degrees of freedom.

    Five standard errors for 4000 effective draws.
    """
    drawn = run(student(), "nuts", 400, 20, 30)
    law = stats.t(4)
    for mass in (0.01, 0.25, 0.75, 0.99):
        share = (drawn.positions < law.ppf(mass)).double().mean()
        assert abs(share - mass) < 5 * (mass * (1 - mass) / 4000) ** 0.5


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["nuts", "hmc", "chees"])
@pytest.mark.parametrize("name", TARGETS)
def test_warm_and_exact(kind: Kind, name: str) -> None:
    """Means and variances within five Monte Carlo errors, from differences between chains."""
    target = TARGETS[name]()
    drawn = run(target, kind, 200, 300, 500)
    exact = target.draw(400_000)
    for power in (1, 2):
        means = drawn.positions.pow(power).mean(1)
        expected = exact.pow(power)
        error = (means.var(0) / 200 + expected.var(0) / 400_000).sqrt()
        assert ((means.mean(0) - expected.mean(0)).abs() < 5 * error).all()


@pytest.mark.slow
def test_a_thousand_dimensions() -> None:
    """Condition number 10^4. A thousand variances: each within five standard errors of 400
    effective draws, of 1200; their mean within five of the thousand together.
    """
    scales = torch.logspace(-2, 2, 1000)
    drawn = run(normal(scales), "nuts", 20, 200, 60)
    x = drawn.positions / scales
    assert x.mean((0, 1)).abs().max() < 5 / 1200**0.5
    variances = x.var((0, 1))
    assert (variances - 1).abs().max() < 5 * (2 / 400) ** 0.5
    assert abs(variances.mean() - 1) < 5 * (2 / 400 / 1000) ** 0.5


DATA = torch.tensor([2.0, 3.0, 4.0])


def model(data: Tensor = DATA) -> None:
    loc = pyro.sample("loc", dist.Normal(0.0, 10.0))
    with pyro.plate("data", 3):
        pyro.sample("y", dist.Normal(loc, 1.0), obs=data)
    pyro.deterministic("twice", 2 * loc)


def awkward(data: Tensor = DATA) -> None:
    """Control flow on a latent value: it can neither be compiled nor broadcast."""
    loc = pyro.sample("loc", dist.Normal(0.0, 10.0))
    if loc < 0:
        pyro.factor("penalty", -loc.abs())
    for i, y in enumerate(data):
        pyro.sample(f"y{i}", dist.Normal(loc, 1.0), obs=y)


@pytest.mark.parametrize(
    "kernel",
    [
        lambda f: NUTS(f),
        lambda f: HMC(f, trajectory_length=2.0),
        lambda f: ChEES(f),
        lambda f: RandomWalkKernel(f),
    ],
)
def test_kernels_in_mcmc(kernel: Callable[[Any], MCMCKernel]) -> None:
    """The posterior is normal around 3 (nearly); the error of the mean is below 0.05."""
    mcmc = MCMC(kernel(model), 50, 80, num_chains=32, chain_method="vectorized")
    mcmc.run()
    assert mcmc.engine.name == "vectorized"
    assert mcmc.engine.density == "compiled"
    samples = mcmc.get_samples(group_by_chain=True)
    assert samples["loc"].shape == (32, 50)
    assert samples["loc"].dtype == torch.float32
    torch.testing.assert_close(samples["twice"], 2 * samples["loc"])
    assert abs(samples["loc"].mean() - 3) < 0.25
    assert abs(samples["loc"].std() - 3**-0.5) < 0.15
    assert set(mcmc.result.statistics) == set(STATISTICS)


def test_densities_that_are_not_compiled() -> None:
    mcmc = MCMC(NUTS(awkward), 3, 8, num_chains=16)
    mcmc.run()
    assert mcmc.engine.name == "vectorized"
    assert mcmc.engine.density == "loop"
    assert "not compiled" in str(mcmc.engine)
    assert mcmc.get_samples(group_by_chain=True)["loc"].shape == (16, 3)


def test_one_batch_only() -> None:
    with pytest.raises(InferenceError, match="move as one batch"):
        MCMC(ChEES(model), 10, num_chains=4, chain_method="native").run()


@pytest.mark.parametrize("kernel", [ChEES, RandomWalkKernel])
def test_kernels_without_mcmc(kernel: Callable[..., MCMCKernel]) -> None:
    one = kernel(model)
    one.setup(20)
    params = one.initial_params
    places = []
    for _ in range(60):
        params = one.sample(params)
        places.append(params["loc"])
    assert len(set(torch.stack(places).tolist())) > 5
    assert "step size" in one.logging()


def test_hooks_see_warm_up() -> None:
    stages: list[str] = []
    mcmc = MCMC(
        NUTS(model),
        5,
        4,
        num_chains=2,
        chain_method="vectorized",
        hook_fn=lambda kernel, params, stage, i: stages.append(stage),
    )
    mcmc.run()
    assert stages.count("Warmup [0]") == 4
    assert stages.count("Sample [1]") == 5
