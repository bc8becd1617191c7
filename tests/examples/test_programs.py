"""The five programs that must run as written."""

import importlib
import math
import warnings
from pathlib import Path
from types import ModuleType

import pytest
import torch

import pyro
import pyro.distributions as dist
from pyro import poutine
from pyro.distributions import constraints
from pyro.infer import SVI, Trace_ELBO
from pyro.optim import Adam


@pytest.fixture
def programs() -> ModuleType:
    return importlib.import_module("first_programs")


class TestProgram1CoinAndObservation:
    def test_outside_of_inference(self) -> None:
        draws = [pyro.sample("x", dist.Bernoulli(0.5)) for _ in range(50)]
        assert {float(x) for x in draws} == {0.0, 1.0}
        data = torch.randn(5)
        with pytest.warns(RuntimeWarning, match="outside of inference at data"):
            assert pyro.sample("data", dist.Normal(0, 1), obs=data) is data

    @pytest.mark.parametrize("data", [0.3, torch.tensor(0.3), torch.tensor(0.3).numpy()])
    def test_traced(self, programs: ModuleType, data: object) -> None:
        trace = poutine.trace(programs.coin_and_observation).get_trace(data)
        assert trace.observation_nodes == ["data"]
        expected = math.log(0.5) - 0.5 * 0.3**2 - 0.5 * math.log(2 * math.pi)
        assert trace.log_prob_sum().item() == pytest.approx(expected, rel=1e-6)


def test_program_2_positive_parameter(programs: ModuleType) -> None:
    theta = programs.positive_parameter()
    assert theta.shape == (100,)
    theta.log().sum().backward()
    leaf = pyro.get_param_store().unconstrained("theta")
    assert torch.allclose(leaf.grad, torch.ones(100))
    assert (pyro.param("theta") > 0).all()


class TestProgram3Plates:
    data = torch.randn(100) + 2

    @pytest.mark.parametrize("batch_size", [None, 10])
    @pytest.mark.parametrize("name", ["vectorised_plate", "sequential_plate"])
    def test_scores_are_scaled(self, programs: ModuleType, name: str, batch_size: int) -> None:
        model = pyro.condition(getattr(programs, name), data={"mu": torch.tensor(2.0)})
        trace = poutine.trace(model).get_trace(self.data, batch_size)
        ids = trace.nodes["data"]["value"]
        assert len(ids) == (batch_size or 100) and len(set(ids.tolist())) == len(ids)
        expected = dist.Normal(2.0, 1.0).log_prob(self.data[ids]).sum() * 100 / len(ids)
        expected = expected + dist.Normal(0.0, 10.0).log_prob(torch.tensor(2.0))
        assert torch.allclose(trace.log_prob_sum(), expected, rtol=1e-4)

    @pytest.mark.parametrize("name", ["vectorised_plate", "sequential_plate"])
    def test_fitted(self, programs: ModuleType, name: str) -> None:
        def guide(data: torch.Tensor, batch_size: int | None = None) -> None:
            loc = pyro.param("loc", torch.tensor(0.0))
            scale = pyro.param("scale", torch.tensor(1.0), constraint=constraints.positive)
            pyro.sample("mu", dist.Normal(loc, scale))

        svi = SVI(getattr(programs, name), guide, Adam({"lr": 0.03}), Trace_ELBO())
        batch_size = None if name == "vectorised_plate" else 10
        for _ in range(400):
            svi.step(self.data, batch_size)
        assert abs(pyro.param("loc").item() - self.data.mean().item()) < 0.2


class TestProgram4Branching:
    def test_traced_and_scored_in_both_branches(self, programs: ModuleType) -> None:
        seen = set()
        for _ in range(60):
            trace = poutine.trace(programs.branching).get_trace(3.0)
            c = int(trace.nodes["c"]["value"])
            expected = dist.Categorical(torch.ones(10) / 10).log_prob(torch.tensor(c))
            assert ("x" in trace) == ("data" in trace) == (c > 0)
            if c > 0:
                x = trace.nodes["x"]["value"]
                expected = expected + dist.Normal(0.0, 1.0).log_prob(x).sum()
                expected = expected + dist.Normal(x[c - 1], 1.0).log_prob(torch.tensor(3.0))
            assert torch.allclose(trace.log_prob_sum(), expected, rtol=1e-5)
            seen.add(c > 0)
        assert seen == {True, False}

    def test_conditioned(self, programs: ModuleType) -> None:
        x = torch.arange(9.0)
        taken = pyro.condition(programs.branching, data={"c": torch.tensor(4), "x": x})
        trace = poutine.trace(taken).get_trace(3.0)
        assert trace.nodes["data"]["fn"].loc == x[3]
        not_taken = pyro.condition(programs.branching, data={"c": torch.tensor(0), "x": x})
        with pytest.warns(UserWarning, match="did not find sample site 'x'"):
            trace = poutine.trace(not_taken).get_trace(3.0)
        assert trace.observation_nodes == ["c"]

    def test_fitted(self, programs: ModuleType) -> None:
        elbo = Trace_ELBO()
        svi = SVI(programs.branching, programs.branching_guide, Adam({"lr": 0.02}), elbo)
        losses = [svi.step(3.0) for _ in range(1500)]
        assert all(math.isfinite(loss) for loss in losses)
        # c = 0 explains the datum without cost; the model's p learns that
        early, late = sum(losses[:100]) / 100, sum(losses[-100:]) / 100
        assert late < early - 1.0
        assert pyro.param("q")[0].item() > 0.8


class TestProgram5SemiSupervisedVAE:
    def test_as_written_for_one_image(self) -> None:
        """The program without batches: ``image=None`` means "generate"."""
        net = torch.nn.Sequential(torch.nn.Linear(21, 64), torch.nn.Sigmoid())
        loc_scale = torch.nn.Sequential(torch.nn.Linear(65, 40))
        classify = torch.nn.Sequential(torch.nn.Linear(64, 10), torch.nn.Softmax(-1))

        def decoder(style: torch.Tensor, digit: torch.Tensor) -> torch.Tensor:
            return net(torch.cat([style, digit[None].float()]))

        def model(image: torch.Tensor | None = None) -> torch.Tensor:
            pyro.module("decoder", net)
            style = pyro.sample("style", dist.Normal(torch.zeros(20), torch.ones(20)))
            digit = pyro.sample("digit", dist.Categorical(torch.ones(10) * 0.1))
            return pyro.sample("image", dist.Bernoulli(decoder(style, digit)), obs=image)

        def guide(image: torch.Tensor) -> None:
            pyro.module("encoder_style", loc_scale)
            pyro.module("encoder_digit", classify)
            digit = pyro.sample("digit", dist.Categorical(classify(image)))
            loc, scale = loc_scale(torch.cat([image, digit[None].float()])).chunk(2)
            pyro.sample("style", dist.Normal(loc, scale.exp()))

        image = model()
        assert image.shape == (64,) and set(image.tolist()) <= {0.0, 1.0}
        svi = SVI(model, guide, Adam({"lr": 0.01}), Trace_ELBO())
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*site '(style|image)' .*no plates")
            losses = [svi.step(image) for _ in range(200)]
        assert sum(losses[-20:]) < 0.8 * sum(losses[:20])

    def test_learns_to_classify_and_draws(self, tmp_path: Path) -> None:
        """A short training beats chance by far; the full one is ``make quickstart``."""
        ss_vae = importlib.import_module("ss_vae")
        accuracy = ss_vae.main(num_epochs=20, folder=str(tmp_path))
        assert accuracy > 0.7
        pictures = sorted(path.name for path in tmp_path.glob("*.png"))
        assert pictures == ["ss_vae_digits.png", "ss_vae_loss.png"]
        assert all(path.stat().st_size > 1000 for path in tmp_path.glob("*.png"))
