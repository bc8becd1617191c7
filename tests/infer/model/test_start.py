"""Where many chains start."""

from __future__ import annotations

import pytest
import torch

import pyro
import pyro.distributions as dist
from pyro.infer.errors import InferenceError
from pyro.infer.model.density import ModelDensity
from pyro.infer.model.initialization import Strategy, init_to_median, init_to_uniform
from pyro.infer.model.start import find_starts


class Half:
    """A model that knows how often it ran, and that is impossible where ``x`` is below a limit."""

    def __init__(self, limit: float = -100.0) -> None:
        self.limit, self.runs = limit, 0

    def __call__(self) -> None:
        """Two sites."""
        self.runs += 1
        x = pyro.sample("x", dist.Normal(torch.zeros(3), 1.0).to_event(1))
        pyro.sample("scale", dist.LogNormal(0.0, 1.0))
        pyro.factor("half", torch.where((x >= self.limit).all(), 0.0, -torch.inf))


class Exact:
    """The density of a Half, without running it."""

    dim = 4

    def __init__(self, limit: float) -> None:
        self.limit = limit

    def value(self, x: torch.Tensor) -> torch.Tensor:
        """Enough to tell what is possible."""
        return torch.where((x[..., :3] >= self.limit).all(-1), 0.0, -torch.inf)

    def value_and_grad(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The same."""
        return self.value(x), torch.zeros_like(x)


@pytest.mark.parametrize(("limit", "least", "most"), [(-100.0, 0, 0), (0.0, 40, 1500)])
def test_models_run_for_bad_starts_only(limit: float, least: int, most: int) -> None:
    model = Half(limit)
    posterior = ModelDensity(model)
    before = model.runs
    starts = find_starts(posterior, Exact(limit), init_to_uniform, 60)
    assert starts.shape == (60, 4)
    assert starts.abs().max() <= 2 and starts[:, 3].std() > 1  # of the uniform density: 1.15
    assert (starts[:, :3] >= limit).all()
    assert least <= model.runs - before <= most


@pytest.mark.parametrize(("strategy", "count"), [(init_to_uniform, 3), (init_to_median, 20)])
def test_other_starts_are_made_by_the_model(strategy: Strategy, count: int) -> None:
    model = Half()
    posterior = ModelDensity(model)
    before = model.runs
    assert find_starts(posterior, Exact(-100.0), strategy, count).shape == (count, 4)
    assert model.runs - before == count


def test_no_start_is_an_error() -> None:
    with pytest.raises(InferenceError, match="half"):
        find_starts(ModelDensity(Half(5.0)), Exact(5.0), init_to_uniform, 16)
