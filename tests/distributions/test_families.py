"""What single families promise beyond the common laws."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import pyro.distributions as dist
from pyro import settings
from pyro.distributions.testing import fakes
from pyro.distributions.validation import holds


def p(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


CONJUGATE = [
    (dist.Normal(p(0.3), p(1.2)), dist.Normal(p(-1.0), p(0.5)), p(0.1)),
    (dist.Beta(p(2.0), p(3.0)), dist.Beta(p(1.5), p(4.0)), p(0.3)),
    (dist.Gamma(p(2.0), p(3.0)), dist.Gamma(p(1.5), p(4.0)), p(0.7)),
    (dist.Dirichlet(p(2.0, 3.0, 1.5)), dist.Dirichlet(p(1.5, 4.0, 2.0)), p(0.2, 0.5, 0.3)),
    (dist.Normal(p(0, 1), 1.0).to_event(1), dist.Normal(p(1, 2), 2.0).to_event(1), p(0.1, 0.2)),
    (dist.Delta(p(0.3)), dist.Normal(p(0.0), p(1.0)), p(0.3)),
]


@pytest.mark.parametrize(("left", "right", "x"), CONJUGATE, ids=lambda v: type(v).__name__)
def test_conjugate_update(left: Any, right: Any, x: Tensor) -> None:
    updated, log_normalizer = left.conjugate_update(right)
    product = left.log_prob(x) + right.log_prob(x)
    torch.testing.assert_close(updated.log_prob(x) + log_normalizer, product)


def test_conjugate_update_refuses_other_families() -> None:
    with pytest.raises(NotImplementedError, match="Gamma"):
        dist.Normal(0.0, 1.0).conjugate_update(dist.Gamma(1.0, 1.0))
    with pytest.raises(NotImplementedError, match="Cauchy"):
        dist.Cauchy(0.0, 1.0).conjugate_update(dist.Normal(0.0, 1.0))


def test_categorical_recognises_its_own_support() -> None:
    d = dist.Categorical(logits=torch.randn(4, 3))
    values = d.enumerate_support(expand=False)
    assert values.shape == (3, 1)
    reshaped = values.reshape(3, 1, 1, 1)
    fast = d.log_prob(reshaped)
    assert fast.shape == (3, 1, 1, 4)
    assert fast.data_ptr() == d.logits.data_ptr()
    torch.testing.assert_close(fast, d.log_prob(reshaped.clone()))
    assert not vars(values)
    flipped = values.flip(0)
    torch.testing.assert_close(d.log_prob(flipped), fast.reshape(3, 4).flip(0))


@pytest.mark.parametrize(
    "batch", [(), (1,), (4,), (2, 1), (1, 4), (3, 1, 2), (2, 3, 1, 1)], ids=str
)
@pytest.mark.parametrize("rank", [1, 2, 3, 4])
@pytest.mark.parametrize("categories", [1, 3])
def test_categorical_scores_its_support_at_any_dim(
    batch: tuple[int, ...], rank: int, categories: int
) -> None:
    """As where it is not recognised, whether the batch has a dim there or not; gradients too."""
    if rank <= len(batch) and batch[-rank] not in (1, categories):
        pytest.skip("not broadcastable")
    logits = torch.randn(*batch, categories, requires_grad=True)
    d = dist.Categorical(logits=logits)
    values = d.enumerate_support(expand=False).reshape(categories, *(1,) * (rank - 1))
    found, expected = d.log_prob(values), d.log_prob(values.clone())
    torch.testing.assert_close(found, expected)
    weights = torch.randn(found.shape)
    sums = [(scores * weights).sum() for scores in (found, expected)]
    grads = [torch.autograd.grad(x, logits, retain_graph=True)[0] for x in sums]
    torch.testing.assert_close(*grads)


def test_categorical_support_changed_in_place_is_scored_as_it_is() -> None:
    d = dist.Categorical(logits=torch.randn(4, 3))
    values = d.enumerate_support(expand=False)
    expected = d.log_prob(values.flip(0))
    values.copy_(values.flip(0))
    torch.testing.assert_close(d.log_prob(values), expected)
    assert d.enumerate_support(expand=False).flatten().tolist() == [0, 1, 2]


def test_uniform_support_keeps_unbroadcast_bounds() -> None:
    d = dist.Uniform(0.0, torch.ones(3, 1)).expand((3, 4))
    assert d.support.lower_bound.shape == ()
    assert d.support.upper_bound.shape == (3, 1)
    with pytest.raises(ValueError, match=r"low|high"):
        dist.Uniform(1.0, 0.0)


def test_sparse_poisson_is_poisson() -> None:
    rate = torch.rand(5, 3)
    counts = torch.poisson(rate)
    dense, sparse = dist.Poisson(rate), dist.Poisson(rate, is_sparse=True)
    torch.testing.assert_close(sparse.log_prob(counts), dense.log_prob(counts))
    assert sparse.expand((2, 5, 3)).is_sparse


def test_fakes_score_alike_and_hide_gradients() -> None:
    one = torch.ones((), requires_grad=True)
    for fake, args in [
        (fakes.NonreparameterizedNormal, (one, one)),
        (fakes.NonreparameterizedBeta, (one, one)),
        (fakes.NonreparameterizedGamma, (one, one)),
        (fakes.NonreparameterizedDirichlet, (one.expand(3),)),
    ]:
        d: Any = fake(*args)
        x = d()
        assert not d.has_rsample
        assert not x.requires_grad
        assert not d.expand((2,)).has_rsample
        assert isinstance(d.expand((2,)), fake)
        torch.testing.assert_close(d.log_prob(x), fake.__mro__[1](*args).log_prob(x))


def test_subclass_with_its_own_constructor_expands() -> None:
    class Standard(dist.Normal):
        def __init__(self) -> None:
            super().__init__(0.0, 1.0)

    big = Standard().expand((3,))
    assert big.batch_shape == (3,)
    assert len(set(big().tolist())) == 3


def test_plain_mixin_on_a_torch_class() -> None:
    class Mine(torch.distributions.Normal, dist.TorchDistributionMixin):
        pass

    d = Mine(torch.zeros(3), torch.ones(3))
    assert d().shape == (3,)
    assert d.to_event(1).log_prob(torch.zeros(3)).shape == ()
    assert d.mask(False).log_prob(torch.zeros(3)).eq(0).all()


def test_has_rsample_leaves_a_shared_base_alone() -> None:
    base = dist.Normal(torch.zeros(2, requires_grad=True), 1.0)
    moved = dist.TransformedDistribution(base, [dist.transforms.ExpTransform()])
    assert not moved.has_rsample_(False)().requires_grad
    assert base.has_rsample
    with pytest.raises(ValueError, match="True or False"):
        base.has_rsample_(1)  # type: ignore[arg-type]


def test_mask_false_does_not_evaluate_the_density() -> None:
    class Exploding(dist.Normal):
        def log_prob(self, value: Any) -> Tensor:
            raise AssertionError("evaluated")

    d = Exploding(0.0, 1.0).expand((3,)).mask(False)
    assert d.log_prob(torch.zeros(4, 3)).tolist() == [[0.0] * 3] * 4


@pytest.mark.parametrize("bad", [1, 0.5, torch.ones(3), None])
def test_mask_is_a_bool(bad: Any) -> None:
    with pytest.raises(ValueError, match="bool"):
        dist.Normal(0.0, 1.0).mask(bad)


def test_reshape_explains() -> None:
    with pytest.raises(NotImplementedError, match="expand_by"):
        dist.Normal(0.0, 1.0).reshape(sample_shape=[2])


def test_empirical() -> None:
    d = dist.Empirical(torch.tensor([[1.0, 2.0], [3.0, 5.0]]), torch.tensor([1.0, 3.0]).log())
    assert d.event_shape == (2,)
    assert d.sample_size == 2
    torch.testing.assert_close(d.mean, torch.tensor([2.5, 4.25]))
    torch.testing.assert_close(d.variance, torch.tensor([0.75, 27 / 16]))
    assert d.log_prob(torch.tensor([3.0, 2.0])) == -torch.inf
    torch.testing.assert_close(d.log_weights.exp(), torch.tensor([0.25, 0.75]))
    x = d.sample(torch.Size((4000,)))
    share = (x[:, 0] == 3.0).float().mean()
    assert abs(share - 0.75) < 5 * (0.75 * 0.25 / 4000) ** 0.5
    with pytest.raises(ValueError, match="log_weights"):
        dist.Empirical(torch.zeros(3), torch.zeros(2))


def test_improper_uniform_cannot_be_sampled() -> None:
    d = dist.ImproperUniform(dist.constraints.positive, (), ())
    with pytest.raises(NotImplementedError, match="initial value"):
        d()
    with pytest.raises(ValueError, match="support"):
        d.log_prob(torch.tensor(-1.0))


def test_messages_show_parameter_constraint_and_first_bad_entries() -> None:
    with pytest.raises(ValueError, match=r"scale.*GreaterThan.*-1\.0 at index \(0, 1\) and 0|-1"):
        dist.Normal(0.0, torch.tensor([[1.0, -1.0]]))
    with pytest.raises(ValueError, match=r"nan at index \(1,\)"):
        dist.Normal(torch.tensor([0.0, float("nan")]), 1.0)
    with pytest.raises(ValueError, match=r"support.*2\.0 at index \(2,\)"):
        dist.Bernoulli(torch.full((3,), 0.5)).log_prob(torch.tensor([0.0, 1.0, 2.0]))
    with pytest.raises(ValueError, match="event_shape"):
        dist.Dirichlet(torch.ones(3)).log_prob(torch.ones(4) / 4)


def test_validation_switches() -> None:
    with dist.validation_enabled(False):
        assert not dist.is_validation_enabled()
        dist.Normal(0.0, -1.0)
    assert dist.is_validation_enabled()
    with settings.context(validate_distributions_pyro=False):
        dist.Normal(0.0, -1.0)
    with (
        settings.context(validate_distributions_torch=False),  # as torch.compile leaves it
        pytest.raises(ValueError, match="scale"),
    ):
        dist.Normal(0.0, -1.0)
    dist.Normal(0.0, -1.0, validate_args=False)
    with dist.validation_enabled(False), pytest.raises(ValueError, match="scale"):
        dist.Normal(0.0, -1.0, validate_args=True)


OUTSIDE: list[tuple[Any, Any]] = [
    (dist.constraints.positive, [1.0, 0.0]),
    (dist.constraints.nonnegative, [1.0, -1e-3]),
    (dist.constraints.unit_interval, [0.5, 1.5]),
    (dist.constraints.boolean, [0.0, 0.5]),
    (dist.constraints.boolean, [0.0, float("inf")]),
    (dist.constraints.real, [0.0, float("nan")]),
    (dist.constraints.real_vector, [0.0, float("nan")]),
    (dist.constraints.nonnegative_integer, [1.0, 1.5]),
    (dist.constraints.nonnegative_integer, [1.0, -1.0]),
    (dist.constraints.integer_interval(0, 2), [1.0, 3.0]),
    (dist.constraints.integer_interval(0, 2), [1.0, 1.5]),
    (dist.constraints.simplex, [0.5, 0.6]),
    (dist.constraints.simplex, [1.5, -0.5]),
    (dist.constraints.lower_cholesky, [[1.0, 0.5], [0.0, 1.0]]),
    (dist.constraints.lower_cholesky, [[1.0, 0.0], [0.0, -1.0]]),
    (dist.constraints.positive_definite, [[1.0, 2.0], [2.0, 1.0]]),
    (dist.constraints.positive_definite, [[1.0, 0.5], [0.0, 1.0]]),
    (dist.constraints.interval(torch.tensor(0.0), torch.tensor(1.0)), [0.5, 2.0]),
    (dist.constraints.interval(torch.zeros(2), torch.tensor([1.0, 0.1])), [0.5, 0.5]),
]


@pytest.mark.parametrize(("constraint", "value"), OUTSIDE, ids=str)
def test_fast_checks_agree_with_the_constraint(constraint: Any, value: Any) -> None:
    tensor = torch.tensor(value)
    assert not holds(constraint, tensor)
    assert not holds(constraint, torch.stack([tensor, tensor]))
    if tensor.dim() == 1 and constraint.event_dim == 0:
        for entry in tensor:
            assert holds(constraint, entry) == bool(constraint.check(entry).all())


@pytest.mark.parametrize(
    ("constraint", "value"),
    [
        (dist.constraints.real, [0.0, float("inf")]),
        (dist.constraints.real, [float("-inf"), float("inf")]),
        (dist.constraints.positive, [1e-40, 5.0]),
        (dist.constraints.boolean, [0.0, 1.0]),
        (dist.constraints.simplex, [0.25, 0.75]),
        (dist.constraints.integer_interval(0, 2), [0.0, 2.0]),
        (dist.constraints.lower_cholesky, [[1.0, 0.0], [3.0, 1.0]]),
        (dist.constraints.positive_definite, [[2.0, 0.5], [0.5, 1.0]]),
    ],
    ids=str,
)
def test_fast_checks_accept_the_inside(constraint: Any, value: Any) -> None:
    assert holds(constraint, torch.tensor(value))


def test_masked_kl_and_others_against_monte_carlo() -> None:
    """Within 5 standard errors of the Monte Carlo estimate."""
    a, b = dist.Normal(torch.zeros(3, 2), 1.0), dist.Normal(torch.ones(3, 2), 2.0)
    mask = torch.tensor([[True], [False], [True]])
    whole = dist.kl_divergence(a, b)
    for left, right in ((a.mask(mask), b), (a, b.mask(mask)), (a.mask(mask), b.mask(mask))):
        torch.testing.assert_close(
            dist.kl_divergence(left, right), torch.where(mask, whole, torch.zeros(()))
        )
    assert dist.kl_divergence(a.mask(False), b).eq(0).all()
    event = dist.kl_divergence(a.to_event(1), b.to_event(1))
    x = a.sample(torch.Size((4000,)))
    draws = (a.log_prob(x) - b.log_prob(x)).sum(-1)
    assert ((draws.mean(0) - event).abs() < 5 * draws.std(0) / 4000**0.5).all()
    tril = torch.tensor([[1.5, 0.0], [0.7, 0.8]])
    mvn = dist.MultivariateNormal(torch.ones(2), scale_tril=tril).expand((3,))
    same = dist.MultivariateNormal(torch.zeros(2), torch.eye(2)).expand((3,))
    torch.testing.assert_close(
        dist.kl_divergence(a.to_event(1), mvn), dist.kl_divergence(same, mvn)
    )
    point = dist.Delta(torch.tensor(0.5), log_density=0.2)
    torch.testing.assert_close(
        dist.kl_divergence(point, dist.Normal(0.0, 1.0)),
        0.2 - dist.Normal(0.0, 1.0).log_prob(0.5),
    )
