"""Families over vectors and matrices against scipy, dense computations and quadrature."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import scipy.stats as sp
import torch
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro.errors import ShapeError

NAN = math.nan


def close(actual: Any, expected: Any, tol: float = 1e-9) -> None:
    expected = (
        torch.as_tensor(np.asarray(expected)) if not isinstance(expected, Tensor) else expected
    )
    torch.testing.assert_close(actual, expected, rtol=tol, atol=tol, check_dtype=False)


def normal(*shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64)


def tril(*shape: int) -> Tensor:
    """Well-conditioned Cholesky factors."""
    return 0.3 * normal(*shape).tril(-1) + torch.diag_embed(0.5 + normal(*shape[:-1]).abs())


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


class TestMultivariateStudentT:
    @pytest.mark.parametrize("df", [0.1, 1.0, 2.5, 40.0, 1e5])
    @pytest.mark.parametrize("n", [1, 2, 5])
    def test_log_prob_is_scipys(self, df: float, n: int) -> None:
        loc, factor, x = normal(n), tril(n, n), 3 * normal(20, n)
        frozen = sp.multivariate_t(loc.numpy(), (factor @ factor.mT).numpy(), df=df)
        expected = np.reshape(frozen.logpdf(x.numpy()), 20)
        close(dist.MultivariateStudentT(df, loc, factor).log_prob(x), expected, 1e-9 * max(1, df))

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
    @pytest.mark.parametrize("df", [1e9, 1e38, math.inf])
    def test_normal_in_the_limit(self, df: float, dtype: torch.dtype) -> None:
        df_ = torch.tensor(df, dtype=dtype, requires_grad=True)
        loc, factor, x = normal(3).to(dtype), tril(3, 3).to(dtype), normal(9, 3).to(dtype)
        log_prob = dist.MultivariateStudentT(df_, loc, factor).log_prob(x)
        close(log_prob, dist.MultivariateNormal(loc, scale_tril=factor).log_prob(x), 2e-6)
        (gradient,) = torch.autograd.grad(log_prob.sum(), df_)
        assert gradient.abs() < 1e-6

    def test_distances_of_draws_have_an_f_distribution(self) -> None:
        """A correct sampler fails with probability 1e-5."""
        d = dist.MultivariateStudentT(2.5, normal(3), tril(3, 3))
        centred = d.sample((3000,)) - d.loc
        squares = ((centred @ d.precision_matrix) * centred).sum(-1)
        assert sp.kstest(squares.numpy() / 3, sp.f(3, 2.5).cdf).pvalue > 1e-5

    def test_moments(self) -> None:
        df = torch.tensor([0.5, 1.0, 1.5, 2.0, 4.0, math.inf])
        factor = tril(2, 2)
        d = dist.MultivariateStudentT(df, torch.ones(2), factor)
        square = factor.square().sum(-1)
        assert d.mean[:2].isnan().all() and (d.mean[2:] == 1).all()
        assert d.variance[:2].isnan().all() and d.variance[2:4].isinf().all()
        close(d.variance[4], 2 * square)
        close(d.variance[5], square)
        close(d.covariance_matrix @ d.precision_matrix, torch.eye(2).expand(6, 2, 2), 1e-6)

    def test_parameters_with_batches_of_their_own(self) -> None:
        df, loc, factor = normal(3, 1).exp(), normal(4, 2), tril(3, 1, 2, 2)
        d, x = dist.MultivariateStudentT(df, loc, factor), normal(5, 3, 4, 2)
        assert d.batch_shape == (3, 4) and d.sample().shape == (3, 4, 2)
        found = d.log_prob(x)
        for i, j in itertools.product(range(3), range(4)):
            one = dist.MultivariateStudentT(df[i, 0], loc[j], factor[i, 0])
            close(found[:, i, j], one.log_prob(x[:, i, j]))

    def test_heavy_draws_are_finite_and_scored(self) -> None:
        d = dist.MultivariateStudentT(0.01, torch.zeros(2), torch.eye(2))
        x = d.sample((1000,))
        assert torch.isfinite(x).all() and torch.isfinite(d.log_prob(x)).all()

    def test_bad_shapes(self) -> None:
        with pytest.raises(ShapeError, match="scale_tril"):
            dist.MultivariateStudentT(1.0, torch.zeros(2), torch.eye(3))
        with pytest.raises(ShapeError, match="loc"):
            dist.MultivariateStudentT(1.0, 0.0, torch.eye(3))


class TestMatrixNormal:
    def test_log_prob_is_scipys(self) -> None:
        loc, row, column, x = normal(2, 4), tril(2, 2), tril(4, 4), normal(7, 2, 4)
        d = dist.MatrixNormal(loc, row, column)
        frozen = sp.matrix_normal(loc.numpy(), (row @ row.mT).numpy(), (column @ column.mT).numpy())
        close(d.log_prob(x), frozen.logpdf(x.numpy()))
        close(d.entropy(), frozen.entropy())

    def test_is_a_normal_with_kronecker_covariance(self) -> None:
        loc, row, column = normal(3, 2, 4), tril(3, 2, 2), tril(4, 4)
        d = dist.MatrixNormal(loc, row, column)
        factor = torch.stack([torch.kron(r, column) for r in row])
        dense = dist.MultivariateNormal(loc.flatten(-2), scale_tril=factor)
        x = normal(5, 3, 2, 4)
        close(d.log_prob(x), dense.log_prob(x.flatten(-2)))
        close(d.variance.flatten(-2), dense.variance)
        close(d.entropy(), dense.entropy())
        assert d.mean is d.mode is d.loc

    def test_draws_have_kronecker_covariance(self) -> None:
        """Each entry within 5 standard errors: a false alarm in 6e-7 of 21 entries."""
        row, column, count = tril(2, 2), tril(3, 3), 20000
        x = dist.MatrixNormal(0 * normal(2, 3), row, column).sample((count,)).flatten(1)
        factor = torch.kron(row, column)
        exact = factor @ factor.mT
        variance = exact.diagonal().outer(exact.diagonal()) + exact.square()
        assert ((x.mT @ x / count - exact).abs() <= 5 * (variance / count).sqrt()).all()

    @pytest.mark.parametrize("shapes", [[(2,), (2, 2), (2, 2)], [(2, 3), (3, 3), (2, 2)]])
    def test_bad_shapes(self, shapes: list[tuple[int, ...]]) -> None:
        with pytest.raises(ShapeError, match="scale_tril_row"):
            dist.MatrixNormal(*(torch.ones(shape) for shape in shapes))


class TestLKJ:
    @pytest.mark.parametrize("eta", [0.3, 1.0, 4.0])
    def test_pairs_integrate_to_one(self, eta: float) -> None:
        angle = (torch.arange(4000, dtype=torch.float64) + 0.5) * (math.pi / 4000)
        r = angle.cos().clamp(-1 + 1e-12, 1 - 1e-12)
        x = torch.stack([torch.ones_like(r), r, r, torch.ones_like(r)], -1).reshape(-1, 2, 2)
        log_prob = dist.LKJ(2, eta, validate_args=False).log_prob(x)
        total = (log_prob.exp() * angle.sin()).sum() * (math.pi / 4000)
        assert (total - 1).abs() < (1e-6 if eta >= 1 else 5e-2)

    @pytest.mark.parametrize("eta", [1.5, 3.0])
    def test_triples_integrate_to_one(self, eta: float) -> None:
        """A product rule on the cube; zero where the matrix is not positive definite."""
        nodes, weights = np.polynomial.legendre.leggauss(60)
        r = torch.tensor(list(itertools.product(nodes, repeat=3)))
        w = torch.tensor(list(itertools.product(weights, repeat=3))).prod(-1)
        a, b, c = r.unbind(-1)
        inside = 1 + 2 * a * b * c - a * a - b * b - c * c > 0
        one = torch.ones_like(a)
        x = torch.stack([one, a, b, a, one, c, b, c, one], -1).reshape(-1, 3, 3)
        density = dist.LKJ(3, eta, validate_args=False).log_prob(x[inside]).exp()
        assert ((density * w[inside]).sum() - 1).abs() < 5e-3

    @pytest.mark.parametrize("n", [2, 3, 6])
    def test_agrees_with_the_law_of_the_factor(self, n: int) -> None:
        eta = torch.tensor(1.7, dtype=torch.float64)
        factors = dist.LKJCholesky(n, eta)
        factor = factors.sample((8,))
        x = factor @ factor.mT
        jacobian = dist.transforms.CorrMatrixCholeskyTransform().log_abs_det_jacobian(x, factor)
        close(dist.LKJ(n, eta).log_prob(x), factors.log_prob(factor) + jacobian)

    @pytest.mark.parametrize("eta", [0.4, 1.0, 5.0])
    @pytest.mark.parametrize("n", [2, 4])
    def test_correlations_have_beta_distributions(self, n: int, eta: float) -> None:
        """A correct sampler fails with probability 1e-5 in each of at most 6 entries."""
        x = dist.LKJ(n, torch.tensor(eta, dtype=torch.float64)).sample((2000,))
        shape = eta - 1 + n / 2
        for i, j in itertools.combinations(range(n), 2):
            law = sp.beta(shape, shape, loc=-1, scale=2)
            assert sp.kstest(x[:, i, j].numpy(), law.cdf).pvalue > 1e-5

    def test_mean_and_variance(self) -> None:
        d = dist.LKJ(3, torch.tensor([0.5, 2.0]))
        close(d.mean, torch.eye(3).expand(2, 3, 3))
        law = sp.beta(2 - 1 + 1.5, 2 - 1 + 1.5, loc=-1, scale=2)
        close(d.variance[1, 0, 1], law.var(), 1e-6)
        assert (d.variance.diagonal(dim1=-2, dim2=-1) == 0).all()

    def test_uniform_where_the_concentration_is_one(self) -> None:
        x = dist.LKJ(4, 3.0).sample((5,))
        log_prob = dist.LKJ(4, 1.0).log_prob(x)
        close(log_prob, log_prob[:1].expand(5), 1e-6)

    @pytest.mark.parametrize("dim", [1, 0, 2.0, torch.tensor(3)])
    def test_bad_dim(self, dim: Any) -> None:
        with pytest.raises(ValueError, match="dim"):
            dist.LKJ(dim, 1.0)

    def test_old_name(self) -> None:
        with pytest.warns(FutureWarning, match="LKJCholesky"):
            d = dist.LKJCorrCholesky(3, torch.tensor(2.0))
        twin = dist.LKJCholesky(3, torch.tensor(2.0))
        x = twin.sample((4,))
        assert isinstance(d, dist.LKJCholesky)
        close(d.log_prob(x), twin.log_prob(x))
        assert d.expand((2,)).sample().shape == (2, 3, 3)


class TestNanMaskedMultivariateNormal:
    patterns = torch.tensor(list(itertools.product([False, True], repeat=3)))

    def reference(self, d: Any, value: Tensor) -> Tensor:
        parts = []
        for row in value:
            there = ~row.isnan()
            covariance = d.covariance_matrix[there][:, there].numpy()
            law = sp.multivariate_normal(d.loc[there].numpy(), covariance) if there.any() else None
            parts.append(law.logpdf(row[there].numpy()) if law else 0.0)
        return torch.tensor(parts, dtype=torch.float64)

    @pytest.mark.parametrize("name", ["covariance_matrix", "precision_matrix", "scale_tril"])
    def test_is_the_marginal(self, name: str) -> None:
        factor = tril(3, 3)
        matrix = factor if name == "scale_tril" else factor @ factor.mT
        d = dist.NanMaskedMultivariateNormal(normal(3), **{name: matrix})
        value = torch.where(self.patterns, NAN, normal(8, 3))
        expected = self.reference(d, value)
        close(d.log_prob(value), expected)
        close(d.expand((8,)).log_prob(value), expected)
        close(d.expand((4, 8)).log_prob(value), expected.expand(4, 8))
        close(d.log_prob(value[:, None]), expected[:, None])

    def test_batched_covariance(self) -> None:
        loc, factor = normal(8, 3), tril(8, 3, 3)
        value = torch.where(self.patterns, NAN, normal(5, 8, 3))
        found = dist.NanMaskedMultivariateNormal(loc, scale_tril=factor).log_prob(value)
        for i in range(8):
            d = dist.NanMaskedMultivariateNormal(loc[i], scale_tril=factor[i])
            close(found[:, i], d.log_prob(value[:, i]))

    @pytest.mark.parametrize("n", [3, 70])
    def test_nothing_and_all_missing(self, n: int) -> None:
        loc, factor = normal(n), tril(n, n)
        d = dist.NanMaskedMultivariateNormal(loc, scale_tril=factor)
        x = normal(4, n)
        close(d.log_prob(x), dist.MultivariateNormal(loc, scale_tril=factor).log_prob(x))
        x[0] = NAN
        x[1, 0] = NAN
        found = d.log_prob(x)
        assert found[0] == 0 and math.copysign(1, found[0].item()) == 1
        close(found[1:2], self.reference(d, x[1:2]), 1e-8)

    @pytest.mark.parametrize("batch", [(), (8,)], ids=str)
    def test_gradients(self, batch: tuple[int, ...]) -> None:
        loc, factor = normal(*batch, 3).requires_grad_(), tril(*batch, 3, 3).requires_grad_()
        value = torch.where(self.patterns, NAN, normal(8, 3)).requires_grad_()

        def score(loc: Tensor, factor: Tensor, value: Tensor) -> Tensor:
            d = dist.NanMaskedMultivariateNormal(loc, scale_tril=factor.tril(), validate_args=False)
            return d.log_prob(value)  # type: ignore[no-any-return]

        found = torch.autograd.grad(score(loc, factor, value).sum(), [loc, factor, value])
        assert not any(gradient.isnan().any() for gradient in found)
        assert (found[2][self.patterns] == 0).all()
        assert torch.autograd.gradcheck(
            lambda loc, factor: score(loc, factor, value.detach()), (loc, factor)
        )

    def test_in_a_plate(self) -> None:
        value = torch.where(self.patterns, NAN, normal(8, 3)).float()

        def model() -> None:
            with pyro.plate("data", 8):
                d = dist.NanMaskedMultivariateNormal(torch.zeros(3), torch.eye(3))
                pyro.sample("x", d, obs=value)

        trace = pyro.poutine.trace(model).get_trace()
        expected = sp.norm.logpdf(value.numpy()[~self.patterns.numpy()]).sum()
        close(trace.log_prob_sum(), expected, 1e-5)

    def test_checks_what_is_there(self) -> None:
        d = dist.NanMaskedMultivariateNormal(torch.zeros(2), torch.eye(2))
        with pytest.raises(ValueError, match="event_shape"):
            d.log_prob(torch.tensor([NAN, 1.0, 2.0, 3.0]))


class TestGroupedNormalNormal:
    index = torch.tensor([3, 0, 0, 3, 1, 0])

    def dense(self, d: Any) -> Any:
        onehot = torch.nn.functional.one_hot(d.group_idx, d.prior_loc.shape[-1]).double()
        prior = torch.diag_embed(d.prior_scale.square())
        covariance = onehot @ prior @ onehot.mT + torch.diag_embed(d.obs_scale.square())
        loc = (onehot @ d.prior_loc.unsqueeze(-1)).squeeze(-1)
        return dist.MultivariateNormal(loc, covariance)

    def build(self, *batch: int) -> Any:
        """Five groups, of which the third and the fifth are empty."""
        scale, noise = normal(*batch, 5).abs() + 0.1, normal(6).abs() + 0.1
        return dist.GroupedNormalNormal(normal(*batch, 5), scale, noise, self.index)

    @pytest.mark.parametrize("batch", [(), (2,), (3, 1)], ids=str)
    def test_is_a_dense_normal(self, batch: tuple[int, ...]) -> None:
        d = self.build(*batch)
        dense, x = self.dense(d), normal(7, *batch, 6)
        close(d.log_prob(x), dense.log_prob(x))
        close(d.mean, dense.mean)
        close(d.variance, dense.variance)

    def test_posterior_by_conditioning(self) -> None:
        d, x = self.build(), normal(6)
        posterior = d.get_posterior(x)
        onehot = torch.nn.functional.one_hot(self.index, 5).double()
        crossed = onehot * d.prior_scale.square()
        gain = crossed.mT @ self.dense(d).precision_matrix
        loc = d.prior_loc + gain @ (x - d.mean)
        covariance = torch.diag(d.prior_scale.square()) - gain @ crossed
        close(posterior.mean, loc)
        close(posterior.variance, covariance.diagonal())
        assert posterior.mean[2] == d.prior_loc[2] and posterior.scale[4] == d.prior_scale[4]
        assert d.get_posterior(normal(3, 6)).batch_shape == (3, 5)

    def test_bayes_theorem(self) -> None:
        """prior(m) likelihood(x | m) = evidence(x) posterior(m | x), whatever m."""
        d, x, m = self.build(), normal(6), normal(5)
        prior = dist.Normal(d.prior_loc, d.prior_scale).log_prob(m).sum()
        likelihood = dist.Normal(m[self.index], d.obs_scale).log_prob(x).sum()
        posterior = d.get_posterior(x).log_prob(m).sum()
        close(d.log_prob(x) + posterior, prior + likelihood)

    def test_draws_of_one_group_are_correlated(self) -> None:
        """Each entry within 5 standard errors: a false alarm in 6e-7 of 21 entries."""
        d, count = self.build(), 20000
        exact = self.dense(d).covariance_matrix
        x = d.sample((count,)) - d.mean
        variance = exact.diagonal().outer(exact.diagonal()) + exact.square()
        assert ((x.mT @ x / count - exact).abs() <= 5 * (variance / count).sqrt()).all()

    def test_far_from_the_prior_in_single_precision(self) -> None:
        x = torch.tensor([1000.0, 1001.0, 999.5], dtype=torch.float64)
        args = torch.zeros(1), torch.tensor([1e3]), torch.full((3,), 0.1)
        index = torch.zeros(3, dtype=torch.long)
        exact = dist.GroupedNormalNormal(*(a.double() for a in args), index).log_prob(x)
        close(dist.GroupedNormalNormal(*args, index).log_prob(x.float()), exact, 1e-4)

    @pytest.mark.parametrize("index", [[0, 5], [-1, 0], [0.0, 1.0], [True, False]], ids=str)
    def test_bad_group_idx(self, index: list[Any]) -> None:
        with pytest.raises(ValueError, match="group_idx"):
            dist.GroupedNormalNormal(
                torch.zeros(5), torch.ones(5), torch.ones(2), torch.tensor(index)
            )
        with pytest.raises(ShapeError, match="group_idx"):
            dist.GroupedNormalNormal(torch.zeros(5), torch.ones(5), 1.0, torch.tensor(0))
