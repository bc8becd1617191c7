"""LinearHMM against exact moments, and IndependentHMM against its components."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import torch
from torch import Tensor

import pyro.distributions as dist
from pyro.errors import ShapeError
from pyro.ops.scan import affine_recursion, scan_states

F = torch.tensor([[0.8, 0.3], [-0.2, 0.7]]).double()
H = torch.tensor([[1.0, 0.5, 0.0], [0.2, -1.0, 2.0]]).double()


def normal(loc: list[float], scale: float) -> Any:
    return dist.Normal(torch.tensor(loc).double(), scale).to_event(1)


def model(steps: int, **changes: Any) -> dist.LinearHMM:
    """Transition matrices and noise that change over time, if ``steps`` is even."""
    factor = torch.linspace(0.5, 1.0, steps).double() if steps % 2 == 0 else torch.ones(1)
    parts = {
        "initial_dist": normal([1.0, -1.0], 0.5),
        "transition_matrix": F * factor[:, None, None].double(),
        "transition_dist": normal([0.1, 0.2], 0.3),
        "observation_matrix": H,
        "observation_dist": normal([0.0, 1.0, 2.0], 0.4),
        **changes,
    }
    return dist.LinearHMM(**parts, duration=steps)


def exact_moments(d: dist.LinearHMM) -> tuple[Tensor, Tensor]:
    """Mean and covariance of all observations, in the order of time, by steps."""
    steps = d.duration or 1
    mean, cov = d.initial_dist.mean, d.initial_dist.variance.diag()
    noise = [p.expand((steps,)) for p in (d.transition_dist, d.observation_dist)]
    matrices = d.transition_matrix.expand(steps, 2, 2)
    means, covs, cross = [], [], []
    for t in range(steps):
        cross = [c @ matrices[t] for c in cross]
        mean = mean @ matrices[t] + noise[0].mean[t]
        cov = matrices[t].mT @ cov @ matrices[t] + noise[0].variance[t].diag()
        means.append(mean @ H + noise[1].mean[t])
        cross.append(cov)
        row = [H.mT @ c @ H for c in cross]
        row[-1] = row[-1] + noise[1].variance[t].diag()
        covs.append(row)
    blocks = [[covs[max(s, t)][min(s, t)] for t in range(steps)] for s in range(steps)]
    ordered = [[b if s <= t else b.mT for t, b in enumerate(r)] for s, r in enumerate(blocks)]
    return torch.stack(means), torch.cat([torch.cat(r, 1) for r in ordered])


@pytest.mark.parametrize("steps", [1, 4, 7])
def test_moments(steps: int) -> None:
    """Each moment within 6 standard errors: a false alarm in 2e-9 of the entries."""
    torch.manual_seed(0)
    d, count = model(steps), 20_000
    x = d.rsample((count,))
    mean, cov = exact_moments(d)
    assert x.shape == (count, steps, 3)
    flat = x.flatten(1)
    variance = cov.diagonal()
    error = (flat.mean(0) - mean.flatten()).abs() / (variance / count).sqrt()
    assert error.max() < 6
    spread = (variance[:, None] * variance + cov.square()) / count
    assert ((flat.T.cov() - cov).abs() / spread.sqrt()).max() < 6


def test_gradient_of_a_draw() -> None:
    """The draw is the same function of the parameters as steps one after the other."""

    def draw(matrix: Tensor, scale: Tensor) -> Tensor:
        torch.manual_seed(1)
        noise = dist.Normal(torch.zeros(2).double(), scale).to_event(1)
        return model(9, transition_matrix=matrix, transition_dist=noise).rsample()

    leaves = (F.clone().requires_grad_(), torch.tensor([0.3, 0.5]).double().requires_grad_())
    assert torch.autograd.gradcheck(draw, leaves)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 16, 33])
def test_scan_is_the_recursion(size: int) -> None:
    torch.manual_seed(2)
    a, b, start = torch.randn(size, 5), torch.randn(size, 5), torch.randn(5)
    states = scan_states(
        lambda x, y: (x[0] * y[0], x[1] * y[0] + y[1]), lambda s, x: s * x[0] + x[1], (a, b), start
    )
    for t in range(size):
        start = start * a[t] + b[t]
        torch.testing.assert_close(states[t], start)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 16, 33])
@pytest.mark.parametrize("shape", [(), (1,), (0,), (4, 1), (4, 0)], ids=str)
def test_affine_recursion(size: int, shape: tuple[int, ...]) -> None:
    """Matrices that are common, or differ in time (0 in ``shape``) or in the batch."""
    torch.manual_seed(7)
    matrix = torch.randn(*(size if n == 0 else n for n in shape), 2, 2).double()
    state, noise = torch.randn(4, 1, 2).double(), torch.randn(3, 4, size, 2).double()
    states = affine_recursion(state, matrix, noise)
    for t in range(size):
        step = matrix if matrix.dim() == 2 else matrix[..., min(t, matrix.shape[-3] - 1), :, :]
        state = state @ step + noise[..., t, None, :]
        torch.testing.assert_close(states[..., t, :], state.squeeze(-2))


def test_heavy_tails_and_transforms() -> None:
    torch.manual_seed(3)
    heavy = dist.Stable(torch.tensor([1.2, 1.7]).double(), 0.0).to_event(1)
    positive = dist.LogNormal(torch.zeros(3).double(), 1e-8).to_event(1)
    d = model(50, transition_dist=heavy, observation_dist=positive)
    assert [type(t).__name__ for t in d.transforms] == ["ExpTransform"]
    x = d.rsample((4,))
    assert d.support.event_dim == 2
    assert (x >= 0).all()
    torch.manual_seed(3)
    noiseless = dist.Normal(torch.zeros(3).double(), 1e-8).to_event(1)
    y = model(50, transition_dist=heavy, observation_dist=noiseless).rsample((4,))
    torch.testing.assert_close(x, y.exp())
    steps = dist.TransformedDistribution(
        dist.Normal(torch.zeros(2).double(), 1.0).to_event(1),
        [dist.transforms.AffineTransform(1.0, 2.0), dist.transforms.StickBreakingTransform()],
    )
    shares = model(5, observation_matrix=H[:, :2], observation_dist=steps)
    assert shares.event_shape == (5, 3)
    assert shares.support.check(shares.sample((6,))).all()


def test_shapes_and_copies() -> None:
    d = model(4, initial_dist=dist.Normal(torch.zeros(3, 1, 2).double(), 1.0).to_event(1))
    assert (d.batch_shape, d.event_shape, d.hidden_dim, d.obs_dim) == ((3, 1), (4, 3), 2, 3)
    big = d.expand((5, 3, 2))
    x = big.rsample((7,))
    assert x.shape == (7, 5, 3, 2, 4, 3)
    assert len(x.flatten().unique()) == x.numel()
    for twin in (copy.deepcopy(big), pickle.loads(pickle.dumps(big))):
        assert twin.rsample().shape == (5, 3, 2, 4, 3)
    assert big.to_event(1).event_shape == (2, 4, 3)
    assert not d.sample().requires_grad


def test_draws_of_parts_without_gradients() -> None:
    counts = dist.Poisson(torch.ones(3).double()).to_event(1)
    d = model(4, observation_dist=counts)
    assert not d.has_rsample
    assert d().shape == (4, 3)
    leaf = F.clone().requires_grad_()
    assert model(4, transition_matrix=leaf)().requires_grad
    assert not model(4, transition_matrix=leaf).has_rsample_(False)().requires_grad


def test_refusals() -> None:
    with pytest.raises(NotImplementedError, match="LinearHMMReparam"):
        model(4).log_prob(torch.zeros(4, 3))
    for changes in (
        {"observation_matrix": H.mT},
        {"transition_matrix": H},
        {"transition_dist": normal([0.0], 1.0)},
        {"initial_dist": dist.Normal(0.0, 1.0)},
    ):
        with pytest.raises(ShapeError, match="transition_matrix"):
            model(3, **changes)
    open_end = dist.LinearHMM(
        normal([0.0] * 2, 1.0), F, normal([0.0] * 2, 1.0), H, normal([0.0] * 3, 1.0)
    )
    with pytest.raises(ValueError, match="duration"):
        open_end.rsample()


def components(count: int, duration: int | None) -> dist.DiscreteHMM:
    torch.manual_seed(4)
    noise = dist.Normal(torch.randn(count, 1, 3, 1), 1.0).to_event(1)
    return dist.DiscreteHMM(torch.randn(3), torch.randn(count, 1, 3, 3), noise, duration=duration)


def test_independent_hmm() -> None:
    base = components(5, 6)
    d = dist.IndependentHMM(base)
    assert (d.batch_shape, d.event_shape, d.duration) == ((), (6, 5), 6)
    x = d.sample((4,))
    assert x.shape == (4, 6, 5)
    columns = x.mT.unsqueeze(-1)
    torch.testing.assert_close(d.log_prob(x), base.log_prob(columns).sum(-1))
    torch.testing.assert_close(d.filter(x).logits, base.filter(columns).logits)
    big = d.expand((2, 4))
    assert big.log_prob(x).shape == big.batch_shape == (2, 4)
    assert big.sample().shape == (2, 4, 6, 5)
    anywhere = dist.IndependentHMM(components(5, None))
    assert anywhere.log_prob(torch.randn(9, 5)).shape == ()


def test_independent_hmm_is_reparameterised_if_its_base_is() -> None:
    scale = torch.ones(1).double().requires_grad_()
    noise = dist.Normal(torch.zeros(5, 1, 1).double(), scale).to_event(1)
    base = model(4, observation_matrix=H[:, :1], observation_dist=noise)
    d = dist.IndependentHMM(base)
    assert (d.batch_shape, d.event_shape) == ((), (4, 5))
    assert d.rsample((2,)).shape == (2, 4, 5)
    assert d().requires_grad
    assert not d.has_rsample_(False)().requires_grad


def test_independent_hmm_refuses_other_shapes() -> None:
    with pytest.raises(ShapeError, match="batch dim"):
        dist.IndependentHMM(
            model(4, observation_matrix=H[:, :1], observation_dist=normal([0.0], 1.0))
        )
    with pytest.raises(ShapeError, match="to_event"):
        dist.IndependentHMM(model(4))


def gaussian_components(count: int, steps: int | None) -> dist.GaussianHMM:
    torch.manual_seed(8)
    return dist.GaussianHMM(
        dist.Normal(torch.randn(count, 2).double(), 1.0).to_event(1),
        0.5 * torch.randn(count, 1, 2, 2).double(),
        dist.Normal(torch.zeros(count, 1, 2).double(), 0.3).to_event(1),
        torch.randn(count, 1, 2, 1).double(),
        dist.Normal(torch.randn(count, 1, 1).double(), 0.5).to_event(1),
        duration=steps,
    )


def joint(base: dist.GaussianHMM, count: int, steps: int) -> dist.GaussianHMM:
    """The components as one model, whose matrices have blocks."""

    def blocks(matrix: Tensor) -> Tensor:
        return torch.block_diag(*matrix[:, 0])

    return dist.GaussianHMM(
        dist.Normal(base.initial_dist.mean.flatten(), 1.0).to_event(1),
        blocks(base.transition_matrix),
        dist.Normal(torch.zeros(2 * count).double(), 0.3).to_event(1),
        blocks(base.observation_matrix),
        dist.Normal(base.observation_dist.mean.flatten(), 0.5).to_event(1),
        duration=steps,
    )


def test_independent_gaussian_components() -> None:
    base = gaussian_components(3, 7)
    d, whole = dist.IndependentHMM(base), joint(base, 3, 7)
    assert (d.batch_shape, d.event_shape) == ((), (7, 3))
    x = d.rsample((4,))
    assert x.shape == (4, 7, 3)
    torch.testing.assert_close(d.log_prob(x), whole.log_prob(x))
    last = d.filter(x)
    assert last.batch_shape == (4, 3)
    torch.testing.assert_close(last.mean.flatten(1), whole.filter(x).mean)
    assert d.rsample_posterior(x, (5,)).shape == (5, 4, 3, 7, 2)
    rest = d.prefix_condition(x[0, :4])
    assert (rest.batch_shape, rest.event_shape) == ((), (3, 3))
    torch.testing.assert_close(
        rest.log_prob(x[0, 4:]), whole.prefix_condition(x[0, :4]).log_prob(x[0, 4:])
    )
    several = d.expand((2, 4))
    assert several.rsample().shape == (2, 4, 7, 3)
    torch.testing.assert_close(several.log_prob(x)[1], d.log_prob(x))


def test_independent_gaussian_components_of_any_length() -> None:
    base = gaussian_components(3, None)
    d = dist.IndependentHMM(base)
    assert d.duration is None
    x = torch.randn(9, 3).double()
    torch.testing.assert_close(d.log_prob(x), joint(base, 3, 9).log_prob(x))
