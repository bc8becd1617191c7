"""DiscreteHMM against sums over all paths of states."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import scipy.stats as sp
import torch
from torch import Tensor

import pyro.distributions as dist
from pyro.errors import ShapeError

INITIAL = torch.tensor([0.5, -1.0, 0.2]).double()
MOVES = torch.tensor([[0.1, -0.5, -torch.inf], [0.3, 0.7, -0.2], [-1.0, -torch.inf, 0.4]]).double()
NOISE = dist.Categorical(torch.tensor([[0.7, 0.3], [0.2, 0.8], [0.5, 0.5]]).double())


def each_path(d: dist.DiscreteHMM, x: Tensor) -> Tensor:
    """The joint log density of x and of each path of states, by the last state: (n, paths)."""
    n, steps = d.initial_logits.shape[-1], x.shape[0]
    noise = d.observation_dist.log_prob(x.unsqueeze(1))
    moves = d.transition_logits.expand(steps, n, n)
    noise = noise.expand(steps, n)
    result: list[list[Tensor]] = [[] for _ in range(n)]
    for path in itertools.product(range(n), repeat=steps + 1):
        joint = d.initial_logits[path[0]]
        for t in range(steps):
            joint = joint + moves[t, path[t], path[t + 1]] + noise[t, path[t + 1]]
        result[path[-1]].append(joint)
    return torch.stack([torch.stack(r) for r in result])


def model(steps: int, moves: str, noise: str) -> dist.DiscreteHMM:
    torch.manual_seed(0)
    transition = MOVES + (torch.randn(steps, 3, 3).double() if moves == "each" else 0)
    logits = NOISE.logits + (torch.randn(steps, 3, 2).double() if noise == "each" else 0)
    return dist.DiscreteHMM(INITIAL, transition, dist.Categorical(logits=logits))


@pytest.mark.parametrize("steps", [1, 2, 3, 6])
@pytest.mark.parametrize("moves", ["same", "each"])
@pytest.mark.parametrize("noise", ["same", "each"])
def test_all_paths(steps: int, moves: str, noise: str) -> None:
    d = model(steps, moves, noise)
    x = torch.randint(2, (steps,))
    paths = each_path(d, x)
    torch.testing.assert_close(d.log_prob(x), paths.logsumexp((0, 1)))
    last = paths.logsumexp(1)
    torch.testing.assert_close(d.filter(x).probs, (last - last.logsumexp(0)).exp())


@pytest.mark.parametrize("steps", [1, 4, 9])
def test_masses_sum_to_one(steps: int) -> None:
    d = dist.DiscreteHMM(INITIAL, MOVES, NOISE, duration=steps)
    x = torch.tensor(list(itertools.product(range(2), repeat=steps)))
    assert d.event_shape == (steps,)
    assert d.log_prob(x).exp().sum().item() == pytest.approx(1, abs=1e-12)


def test_derivatives() -> None:
    x = torch.randn(10).double()

    def log_prob(initial: Tensor, transition: Tensor, loc: Tensor) -> Tensor:
        return dist.DiscreteHMM(initial, transition, dist.Normal(loc, 0.7)).log_prob(x)

    leaves = [torch.randn(s).double().requires_grad_() for s in ((2, 3), (3, 3), (10, 3))]
    assert torch.autograd.gradcheck(log_prob, leaves)
    assert torch.autograd.gradgradcheck(log_prob, leaves)


def test_batches_broadcast() -> None:
    torch.manual_seed(1)
    initial, transition, loc = torch.randn(4, 1, 3), torch.randn(2, 1, 3, 3), torch.randn(5, 3, 2)
    d = dist.DiscreteHMM(initial, transition, dist.Normal(loc, 1.0).to_event(1))
    assert d.batch_shape == (4, 2)
    assert d.event_shape == (5, 2)
    x = d.sample((7,))
    assert x.shape == (7, 4, 2, 5, 2)
    whole, filtered = d.log_prob(x), d.filter(x)
    assert filtered.batch_shape == (7, 4, 2)
    for i, j in itertools.product(range(4), range(2)):
        noise = dist.Normal(loc, 1.0).to_event(1)
        one = dist.DiscreteHMM(initial[i, 0], transition[j, 0], noise)
        torch.testing.assert_close(whole[:, i, j], one.log_prob(x[:, i, j]))
        torch.testing.assert_close(filtered.probs[:, i, j], one.filter(x[:, i, j]).probs)


def test_any_length() -> None:
    d = dist.DiscreteHMM(INITIAL, MOVES, NOISE)
    assert d.duration is None
    assert d.event_shape == (1,)
    x = torch.tensor([0, 1, 1, 0, 1])
    torch.testing.assert_close(d.log_prob(x), each_path(d, x).logsumexp((0, 1)))
    assert d.expand((2,)).log_prob(x).shape == (2,)
    with pytest.raises(ValueError, match="duration"):
        d.sample()
    fixed = dist.DiscreteHMM(INITIAL, MOVES, NOISE, duration=4)
    with pytest.raises(ShapeError, match=r"\(4,\).*\(5,\)"):
        fixed.log_prob(x)
    with pytest.raises(ShapeError, match="duration=4"):
        dist.DiscreteHMM(INITIAL, MOVES.expand(5, 3, 3), NOISE, duration=4)


@pytest.mark.parametrize("shapes", [((3,), (3, 2), (3,)), ((2,), (3, 3), (3,)), ((3,), (3,), (3,))])
def test_numbers_of_states_agree(shapes: tuple[tuple[int, ...], ...]) -> None:
    with pytest.raises(ShapeError, match="number n of states"):
        dist.DiscreteHMM(
            torch.zeros(shapes[0]), torch.zeros(shapes[1]), dist.Normal(torch.zeros(shapes[2]), 1.0)
        )


def test_a_state_without_a_way_out_is_refused() -> None:
    moves = torch.tensor([[0.0, 0.0], [-torch.inf, -torch.inf]])
    with pytest.raises(ValueError, match="transition_logits"):
        dist.DiscreteHMM(torch.zeros(2), moves, dist.Normal(torch.zeros(2), 1.0))


def test_missing_observations() -> None:
    """A step without an observation leaves one transition matrix more to the next."""
    loc = torch.tensor([-1.0, 0.0, 2.0]).double()
    x = torch.tensor([0.3, 1.5, torch.nan, torch.nan, -0.4]).double().requires_grad_()
    seen = ~x.isnan()
    step = MOVES.softmax(-1)
    joined = torch.stack([step, step, step @ step @ step]).log()
    exact = dist.DiscreteHMM(INITIAL, joined, dist.Normal(loc, 1.0)).log_prob(x[seen])
    for noise in (dist.Normal(loc, 1.0).mask(seen.unsqueeze(-1)), dist.NanMaskedNormal(loc, 1.0)):
        d = dist.DiscreteHMM(INITIAL, MOVES, noise)
        torch.testing.assert_close(d.log_prob(x), exact)
        assert torch.isfinite(d.filter(x).logits).all()
        (gradient,) = torch.autograd.grad(d.log_prob(x), x)
        assert (gradient != 0).tolist() == seen.tolist()


@pytest.mark.parametrize("separation", [3.0, 300.0])
def test_ten_thousand_steps_in_single_precision(separation: float) -> None:
    """A chain from left to right, with states that the data tell apart, or almost contradict."""
    torch.manual_seed(2)
    n, steps = 4, 10_000
    forbidden = torch.ones(n, n).triu().tril(1) == 0
    moves = torch.zeros(n, n).masked_fill(forbidden, -torch.inf).requires_grad_()
    initial = torch.tensor([0.0, *[-torch.inf] * (n - 1)], requires_grad=True)
    loc = (separation * torch.arange(float(n))).requires_grad_()
    x = separation * (torch.arange(steps) * n // steps) + torch.randn(steps)
    results = []
    for dtype in (torch.float32, torch.float64):
        leaves = [p.detach().to(dtype).requires_grad_() for p in (initial, moves, loc)]
        d = dist.DiscreteHMM(leaves[0], leaves[1], dist.Normal(leaves[2], 1.0))
        value = d.log_prob(x.to(dtype))
        assert torch.isfinite(value)
        gradients = torch.autograd.grad(value, leaves)
        assert not any(g.isnan().any() for g in gradients)
        assert (gradients[1][forbidden] == 0).all()
        results.append((value, *gradients))
    for single, double in zip(*results, strict=True):
        torch.testing.assert_close(single.double(), double, rtol=1e-4, atol=1e-2)


def test_draws_fit() -> None:
    """All 16 sequences by chi-squared: a false alarm in 1e-5 of the seeds."""
    torch.manual_seed(3)
    d = dist.DiscreteHMM(INITIAL, torch.stack([MOVES, MOVES.flip(0)] * 2), NOISE)
    draws = d.sample((8000,))
    values = torch.tensor(list(itertools.product(range(2), repeat=4)))
    observed = (draws.unsqueeze(1) == values).all(-1).sum(0)
    expected = 8000 * d.log_prob(values).exp()
    assert sp.chisquare(observed.numpy(), expected.numpy()).pvalue > 1e-5


def test_draws_never_make_forbidden_moves() -> None:
    torch.manual_seed(4)
    states = dist.Delta(torch.arange(3.0).double())
    d = dist.DiscreteHMM(INITIAL, MOVES, states, duration=2000)
    x = d.sample((5,)).long()
    assert x.shape == (5, 2000)
    assert torch.isfinite(MOVES[x[:, :-1], x[:, 1:]]).all()
    assert {0, 1, 2} == set(x.flatten().tolist())


def test_values_of_any_event_shape_are_drawn() -> None:
    noise: Any = dist.Normal(torch.arange(6.0).reshape(3, 2), 1e-3).to_event(1)
    d = dist.DiscreteHMM(INITIAL.float(), MOVES.float(), noise, duration=6)
    x = d.expand((4,)).sample((2,))
    assert x.shape == (2, 4, 6, 2)
    assert (x[..., 1] - x[..., 0] - 1).abs().max() < 0.02
