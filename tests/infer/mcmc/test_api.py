"""What a user of MCMC sees: draws, tables, errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro.errors import ShapeError, SiteError
from pyro.infer import HMC, MCMC, NUTS, Predictive
from pyro.infer.autoguide import init_to_value
from pyro.infer.errors import InferenceError, SubsampleError
from pyro.infer.mcmc import MCMCKernel
from tests.infer.mcmc.long_models import Walk

DATA = torch.tensor([2.0, 3.0, 4.0])
Params = dict[str, Tensor]


def model(data: Tensor | None = DATA, size: int = 3) -> Tensor:
    loc = pyro.sample("loc", dist.Normal(0.0, 10.0))
    scale = pyro.sample("scale", dist.LogNormal(0.0, 1.0))
    twice = pyro.deterministic("twice", 2 * loc)
    with pyro.plate("data", size):
        pyro.sample("y", dist.Normal(loc, scale), obs=data)
    return twice


def fitted(kernel: MCMCKernel, chains: int = 1, draws: int = 200, **options: Any) -> MCMC:
    mcmc = MCMC(kernel, draws, 100, num_chains=chains, disable_progbar=True, **options)
    mcmc.run()
    return mcmc


@pytest.mark.parametrize("kernel", [NUTS, HMC])
def test_shapes_and_names(kernel: Callable[..., MCMCKernel]) -> None:
    mcmc = fitted(kernel(model), 3)
    grouped, flat = mcmc.get_samples(group_by_chain=True), mcmc.get_samples()
    assert set(flat) == {"loc", "scale", "twice"}
    assert grouped["loc"].shape == (3, 200)
    assert flat["loc"].shape == (600,)
    assert flat["loc"].dtype == torch.float32
    torch.testing.assert_close(flat["twice"], 2 * flat["loc"])
    assert (flat["scale"] > 0).all()
    some = mcmc.get_samples(num_samples=50)
    assert some["loc"].shape == (50,)
    torch.testing.assert_close(some["twice"], 2 * some["loc"])
    assert mcmc.get_samples(50, group_by_chain=True)["loc"].shape == (3, 50)


def test_diagnostics_and_summary(capsys: pytest.CaptureFixture[str]) -> None:
    mcmc = fitted(NUTS(model), 2, 500)
    found = mcmc.diagnostics()
    assert set(found) == {"loc", "scale", "twice", "divergences", "acceptance rate"}
    assert set(found["divergences"]) == {"chain 0", "chain 1"}
    assert 0.5 < found["acceptance rate"]["chain 1"] < 1
    assert found["loc"]["r_hat"] < 1.1
    mcmc.summary()
    text = capsys.readouterr().out
    assert "loc" in text
    assert "r_hat" in text
    assert "Number of divergences: " in text


def test_a_seed_decides_and_threads_do_not() -> None:
    draws = []
    for method in ("native", "sequential", "native"):
        pyro.set_rng_seed(7)
        draws.append(fitted(NUTS(model), 2, chain_method=method).get_samples()["loc"])
    assert torch.equal(draws[0], draws[1])
    assert torch.equal(draws[0], draws[2])
    pyro.set_rng_seed(8)
    assert not torch.equal(draws[0], fitted(NUTS(model), 2).get_samples()["loc"])


def test_initial_params_are_unconstrained() -> None:
    seen: list[Params] = []
    start = {"loc": torch.tensor([5.0, 6.0]), "scale": torch.tensor([-3.0, -3.0])}
    kernel = NUTS(model, step_size=1e-9, adapt_step_size=False, max_tree_depth=1)
    mcmc = MCMC(
        kernel, 2, 1, initial_params=start, num_chains=2, disable_progbar=True,
        hook_fn=lambda kernel, params, stage, i: seen.append(params),
    )  # fmt: skip
    mcmc.run()
    samples = mcmc.get_samples(group_by_chain=True)
    torch.testing.assert_close(samples["loc"][:, 0], start["loc"])
    torch.testing.assert_close(samples["scale"][:, 0], start["scale"].exp())
    torch.testing.assert_close(seen[0]["scale"], torch.tensor(-3.0))


def test_initial_params_of_another_shape() -> None:
    start = {"loc": torch.zeros(()), "scale": torch.zeros(())}
    with pytest.raises(ShapeError, match="3 chains"):
        fitted(NUTS(model), 3, initial_params=start)


def test_hook_sees_stages_and_numbers() -> None:
    seen: list[tuple[str, int]] = []
    mcmc = MCMC(
        NUTS(model), 3, 2, disable_progbar=True,
        hook_fn=lambda kernel, params, stage, i: seen.append((stage, i)),
    )  # fmt: skip
    mcmc.run()
    assert seen == [("Warmup", 0), ("Warmup", 1), ("Sample", 0), ("Sample", 1), ("Sample", 2)]


def test_a_hook_changes_no_draw() -> None:
    draws = []
    for hook in (None, lambda *args: None):
        pyro.set_rng_seed(1)
        draws.append(fitted(NUTS(model), 2, 20, hook_fn=hook).get_samples()["loc"])
    assert torch.equal(*draws)


def test_save_params_and_thinning() -> None:
    mcmc = fitted(NUTS(model), save_params=["scale"], thinning=2)
    assert set(mcmc.get_samples()) == {"scale"}
    assert mcmc.get_samples()["scale"].shape == (200,)


@pytest.mark.parametrize("kernel", [lambda: NUTS(model), Walk])
def test_names_that_are_none_of_a_site_are_said(kernel: Any) -> None:
    log = dist.transforms.ExpTransform().inv
    known = "x" if kernel is Walk else "loc"
    good = {} if kernel is Walk else {"scale": log}
    options: dict[str, Any]
    for options in ({"save_params": [known, "sclae"]}, {"transforms": {"sclae": log, **good}}):
        text = rf"{next(iter(options))} names sites.*\['sclae'\].*'{known}'"
        with pytest.warns(UserWarning, match=text):
            fitted(kernel(), 2, 10, **options)


def test_the_transforms_of_a_kernel_are_checked_and_deterministic_sites_can_be_kept() -> None:
    log = dist.transforms.ExpTransform().inv
    with pytest.warns(UserWarning, match="transforms names sites"):
        fitted(NUTS(model, transforms={"sclae": log, "scale": log}), draws=10)
    assert set(fitted(NUTS(model), draws=10, save_params=["twice"]).get_samples()) == {"twice"}


def test_samples_feed_predictive() -> None:
    mcmc = fitted(NUTS(model), 2)
    draws = Predictive(model, mcmc.get_samples())(None, 5)
    assert draws["y"].shape == (400, 5)


def test_potential_fn_and_transforms() -> None:
    positive = dist.transforms.ExpTransform().inv

    def energy(params: Params) -> Tensor:
        u = params["rate"]
        return u.exp() - 3 * u  # Gamma(3, 1) at exp(u), with the log determinant

    kernel = NUTS(potential_fn=energy, transforms={"rate": positive})
    mcmc = fitted(kernel, draws=2000, initial_params={"rate": torch.zeros(())})
    rate = mcmc.get_samples()["rate"]
    assert abs(rate.mean() - 3) < 0.3  # about 5 standard errors


def test_the_users_transforms_replace_all() -> None:
    def unscaled() -> None:
        pyro.sample("x", dist.Normal(2.0, 1.0))
        pyro.sample("y", dist.LogNormal(0.0, 0.5))

    log = dist.transforms.ExpTransform().inv
    samples = fitted(NUTS(unscaled), draws=1000, transforms={"y": log}).get_samples()
    assert abs(samples["x"].mean() - 2) < 0.25
    assert abs(samples["y"].log().mean()) < 0.15


def test_supports_that_depend_on_other_sites() -> None:
    """Uniform on the triangle: both coordinates have mean 1/3."""

    def triangle() -> None:
        alpha = pyro.sample("alpha", dist.Uniform(0.0, 1.0))
        pyro.sample("beta", dist.Uniform(0.0, 1.0 - alpha))
        pyro.factor("jacobian", torch.log(1 - alpha))

    samples = fitted(NUTS(triangle), 4, 1000).get_samples()
    assert ((samples["alpha"] + samples["beta"]) < 1).all()
    for values in samples.values():  # 5 standard errors with 1000 effective draws
        assert abs(values.mean() - 1 / 3) < 0.04


def test_discrete_sites_are_summed_out() -> None:
    def mixture() -> None:
        loc = pyro.sample("loc", dist.Normal(0.0, 10.0))
        with pyro.plate("data", 3):
            z = pyro.sample("z", dist.Bernoulli(0.5))
            pyro.sample("y", dist.Normal(loc + 10 * z, 1.0), obs=torch.tensor([0.0, 10.0, 0.0]))

    samples = fitted(NUTS(mixture), 2, 500, initial_params={"loc": torch.zeros(2)}).get_samples()
    assert set(samples) == {"loc"}
    assert abs(samples["loc"].mean()) < 0.4


def test_improper_priors_need_no_start() -> None:
    def improper() -> None:
        loc = pyro.sample("loc", dist.ImproperUniform(dist.constraints.real, (), ()))
        scale = pyro.sample("scale", dist.ImproperUniform(dist.constraints.positive, (), ()))
        with pyro.plate("data", 20):
            pyro.sample("y", dist.Normal(loc, scale), obs=torch.linspace(-1, 1, 20))

    samples = fitted(NUTS(improper), 2, 500).get_samples()
    assert abs(samples["loc"].mean()) < 0.1


@pytest.mark.parametrize("dim", [0, 1])
def test_few_dimensions(dim: int) -> None:
    def few() -> None:
        if dim:
            pyro.sample("x", dist.Normal(0.0, 1.0))
        pyro.sample("y", dist.Normal(0.0, 1.0), obs=torch.tensor(0.5))

    mcmc = fitted(NUTS(few), 2, 50)
    assert mcmc.engine.name == "native"
    assert list(mcmc.get_samples()) == ["x"][:dim]
    mcmc.describe()


def test_model_with_a_branch_runs_eagerly_and_says_so() -> None:
    def branching() -> None:
        x = pyro.sample("x", dist.Normal(0.0, 1.0))
        pyro.sample("y", dist.Normal(1.0 if x > 0 else -1.0, 1.0), obs=torch.tensor(1.0))

    mcmc = fitted(NUTS(branching), draws=20)
    assert mcmc.engine.density == "eager"
    assert "not compiled" in str(mcmc.engine)
    assert "test_api.py" in str(mcmc.engine)


def test_full_mass_by_names() -> None:
    fitted(NUTS(model, full_mass=[("loc", "scale")]), draws=20)
    fitted(NUTS(model, full_mass=True), draws=20)
    with pytest.raises(InferenceError, match="latent sites"):
        fitted(NUTS(model, full_mass=[("other",)]), draws=20)


def test_kernels_of_the_users_own() -> None:
    class Coin(MCMCKernel):
        """Independent draws."""

        initial_params = {"x": torch.zeros(2)}

        def sample(self, params: Params) -> Params:
            return {"x": torch.randn(2)}

        def diagnostics(self) -> dict[str, Any]:
            return {"acceptance rate": 1.0}

    mcmc = fitted(Coin(), 2, 300)
    assert mcmc.get_samples(group_by_chain=True)["x"].shape == (2, 300, 2)
    assert mcmc.engine.name == "sequential"
    assert mcmc.diagnostics()["acceptance rate"] == {"chain 0": 1.0, "chain 1": 1.0}


def test_kernels_without_mcmc() -> None:
    kernel = NUTS(model)
    kernel.setup(10)
    params = kernel.initial_params
    for _ in range(20):
        params = kernel.sample(params)
    assert set(params) == {"loc", "scale"}
    assert "step size" in kernel.logging()
    assert "divergences" in kernel.diagnostics()
    kernel.cleanup()


def fails(error: type[Exception], match: str, program: Callable[[], Any]) -> None:
    with pytest.raises(error, match=match):
        fitted(NUTS(program), draws=5)


def test_no_valid_start_names_the_site() -> None:
    def impossible() -> None:
        x = pyro.sample("x", dist.Normal(0.0, 1.0))
        pyro.sample("y", dist.Uniform(x, x + 1), obs=torch.tensor(100.0))

    fails(InferenceError, "cannot find valid initial params.*'y' has log density -inf", impossible)


def test_nan_names_the_site() -> None:
    def undefined() -> None:
        x = pyro.sample("x", dist.Normal(0.0, 1.0))
        pyro.factor("broken", (x - 1e3).log())

    fails(InferenceError, "'broken' has log density nan", undefined)


def test_subsampling_is_refused() -> None:
    def subsampled() -> None:
        with pyro.plate("data", 10, subsample_size=2):
            pyro.sample("x", dist.Normal(0.0, 1.0))

    fails(SubsampleError, r"plate\('data'\)", subsampled)


def test_discrete_sites_without_finite_support_are_refused() -> None:
    fails(SiteError, "'n'", lambda: pyro.sample("n", dist.Poisson(2.0)))


def test_a_density_that_raises_is_heard() -> None:
    calls = iter(range(10**6))

    def broken() -> None:
        x = pyro.sample("x", dist.Normal(0.0, 1.0))
        if x > -1e9 and next(calls) > 60:
            raise ArithmeticError("sixty is enough")

    with pytest.raises(ArithmeticError, match="sixty"):
        fitted(NUTS(broken))


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"num_samples": 0}, "num_samples"),
        ({"num_chains": 0}, "num_chains"),
        ({"warmup_steps": -1}, "warmup_steps"),
        ({"chain_method": "fast"}, "chain_method"),
    ],
)
def test_bad_options(options: dict[str, Any], match: str) -> None:
    with pytest.raises(InferenceError, match=match):
        MCMC(NUTS(model), **({"num_samples": 10} | options))


def test_bad_kernels() -> None:
    with pytest.raises(InferenceError, match="Only one of"):
        NUTS()
    with pytest.raises(InferenceError, match="target_accept_prob"):
        NUTS(model, target_accept_prob=1.5)
    with pytest.raises(InferenceError, match="initial_params"):
        fitted(NUTS(potential_fn=lambda params: params["x"] ** 2))
    with pytest.raises(InferenceError, match="run"):
        MCMC(NUTS(model), 5).get_samples()


def test_starts_are_chosen_by_the_strategy() -> None:
    strategy = init_to_value(values={"loc": torch.tensor(3.0), "scale": torch.tensor(0.5)})
    kernel = NUTS(
        model, step_size=1e-9, adapt_step_size=False, max_tree_depth=1, init_strategy=strategy
    )
    mcmc = MCMC(kernel, 1, 0, disable_progbar=True)
    mcmc.run()
    assert mcmc.get_samples()["loc"].item() == pytest.approx(3.0, abs=1e-4)
