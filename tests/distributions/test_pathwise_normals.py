"""Normal vectors and their mixtures whose draws have gradients of their own."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

import pyro.distributions as dist
from pyro.errors import ShapeError
from pyro.ops.mixture_gradient import mixture_draws, scale_mixture_draws


def close(actual: Tensor, expected: Tensor, tol: float = 1e-9) -> None:
    torch.testing.assert_close(actual, expected, rtol=tol, atol=tol)


def normal(*shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64)


def tril(*shape: int) -> Tensor:
    """Well-conditioned Cholesky factors."""
    return 0.3 * normal(*shape).tril(-1) + torch.diag_embed(0.5 + normal(*shape[:-1]).abs())


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def mixture_parameters(k: int, n: int) -> tuple[Tensor, Tensor, Tensor]:
    return 2 * normal(k, n), 0.3 + normal(k, n).abs(), normal(k)


class TestNormalMixtures:
    @pytest.mark.parametrize(("k", "n"), [(1, 1), (3, 1), (4, 3)])
    def test_log_prob_is_that_of_the_components(self, k: int, n: int) -> None:
        locs, scale, logits = mixture_parameters(k, n)
        x = 2 * normal(9, n)
        weights = dist.Categorical(logits=logits)
        full = dist.MixtureSameFamily(weights, dist.Normal(locs, scale).to_event(1))
        d = dist.MixtureOfDiagNormals(locs, scale, logits)
        close(d.log_prob(x), full.log_prob(x))
        close(d.mean, full.mean)
        close(d.variance, full.variance)
        full = dist.MixtureSameFamily(weights, dist.Normal(locs, scale[0]).to_event(1))
        d = dist.MixtureOfDiagNormalsSharedCovariance(locs, scale[0], logits)
        close(d.log_prob(x), full.log_prob(x))
        close(d.variance, full.variance)
        outer = scale[:, :1] * scale[0]
        full = dist.MixtureSameFamily(weights, dist.Normal(0 * locs, outer).to_event(1))
        d = dist.GaussianScaleMixture(scale[0], logits, scale[:, 0])
        close(d.log_prob(x), full.log_prob(x))
        close(d.variance, full.variance)

    def test_shared_scales_are_equal_scales(self) -> None:
        """The two classes then draw the same values, with the same gradients."""
        locs, scale, logits = (x.requires_grad_() for x in mixture_parameters(4, 3))
        found = []
        for cls, given in (
            (dist.MixtureOfDiagNormals, scale[0].expand(4, 3)),
            (dist.MixtureOfDiagNormalsSharedCovariance, scale[0]),
        ):
            torch.manual_seed(3)
            x = cls(locs, given, logits).rsample((50,))
            gradients = torch.autograd.grad(x.pow(3).sum(), [locs, scale, logits])
            found.append((x.detach(), *gradients))
        for one, other in zip(*found, strict=True):
            close(one, other)

    @pytest.mark.parametrize("n", [1, 2, 3, 8])
    def test_velocity_solves_the_transport_equation(self, n: int) -> None:
        """The derivative of the density is minus the divergence of density times velocity."""
        locs, scale, logits = mixture_parameters(3, n)
        radii = scale[:, 0]
        for d, draws_of in (
            (
                dist.MixtureOfDiagNormals(locs, scale, logits),
                lambda x, w: mixture_draws(x, locs, scale, w),
            ),
            (
                dist.GaussianScaleMixture(torch.ones_like(scale[0]), logits, radii),
                lambda x, w: scale_mixture_draws(x, radii, w),
            ),
        ):
            x = d.sample((7,))
            direction = normal(3)

            step = 1e-5
            divergence = torch.zeros(7, dtype=x.dtype)
            for i, e in enumerate(step * torch.eye(n, dtype=x.dtype)):
                for sign in (1, -1):
                    velocity = self.velocity(draws_of, x + sign * e, logits, direction)[:, i]
                    flux = d.log_prob(x + sign * e).exp() * velocity
                    divergence += sign * flux / (2 * step)
            change = self.density(d, logits + step * direction, x)
            change = (change - self.density(d, logits - step * direction, x)) / (2 * step)
            close(divergence / d.log_prob(x).exp(), -change / d.log_prob(x).exp(), 1e-6)

    @staticmethod
    def velocity(draws_of: Any, x: Tensor, logits: Tensor, direction: Tensor) -> Tensor:
        """The derivative of draws when the logits move in a direction."""
        rows = []
        for point in x:
            leaf = logits.clone().requires_grad_()
            moved = draws_of(point, leaf)
            jacobian = [torch.autograd.grad(m, leaf, retain_graph=True)[0] for m in moved]
            rows.append(torch.stack(jacobian) @ direction)
        return torch.stack(rows)

    @staticmethod
    def density(d: Any, logits: Tensor, x: Tensor) -> Tensor:
        """That of a mixture with other weights."""
        parameters = {name: getattr(d, name) for name in d.arg_constraints}
        parameters["component_logits"] = logits
        return type(d)(**parameters).log_prob(x).exp()  # type: ignore[no-any-return]

    @pytest.mark.parametrize("radius", [1e-6, 0.1, 3.0, 30.0])
    def test_radial_flow_near_and_far(self, radius: float) -> None:
        """In the plane the mass inside a radius is elementary, and precise on either side."""
        scale = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)
        logits = normal(3).requires_grad_()
        weights = logits.detach().softmax(-1)
        moved = scale_mixture_draws(torch.tensor([radius, 0.0], dtype=scale.dtype), scale, logits)
        (found,) = torch.autograd.grad(moved[0], logits)
        x = -0.5 * (radius / scale).square()
        inside = torch.expm1(x) if radius < 1 else x.exp()
        density = (weights * x.exp() / scale.square()).sum()
        expected = weights * (inside - (weights * inside).sum()) / (radius * density)
        close(found / radius, expected / radius)

    def test_between_distant_modes(self) -> None:
        """Where no draw ever is the velocity is huge, but a number."""
        locs = torch.tensor([[0.0, 0.0], [100.0, 0.0]])
        logits = torch.zeros(2, requires_grad=True)
        moved = mixture_draws(torch.tensor([50.0, 0.0]), locs, torch.ones(1, 2), logits)
        (found,) = torch.autograd.grad(moved[0], logits)
        assert torch.isfinite(found).all() and found[0] == -found[1] < 0

    @pytest.mark.parametrize("count", [1, 100], ids=["one-coordinate", "all-coordinates"])
    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
    @pytest.mark.parametrize("scale", [1e-5, 1e-3, 1.0, 1e3])
    @pytest.mark.parametrize("n", [2, 100])
    def test_extremes_have_finite_gradients(
        self, n: int, scale: float, dtype: torch.dtype, count: int
    ) -> None:
        """Scales and places of very different size, and a component without weight."""
        k = 4
        locs = torch.tensor([0.0, 0.0, 100.0, -1e4], dtype=dtype).unsqueeze(-1).repeat(1, n)
        locs[:, count:] = 0.0
        spread = torch.tensor([1.0, scale, 1.0, scale], dtype=dtype)
        logits = torch.tensor([0.0, -3.0, 2.0, -math.inf], dtype=dtype)
        leaves = [x.requires_grad_() for x in (locs, spread, logits)]
        wide = spread.unsqueeze(-1).expand(k, n)
        for d in (
            dist.MixtureOfDiagNormals(locs, wide, logits),
            dist.MixtureOfDiagNormalsSharedCovariance(locs, wide[1], logits),
            dist.GaussianScaleMixture(wide[1], logits, spread),
        ):
            x = d.rsample((200,))
            gradients = torch.autograd.grad(
                x.sum() + d.log_prob(x).sum(), leaves, allow_unused=True
            )
            assert all(g is None or torch.isfinite(g).all() for g in gradients)

    def test_bad_shapes(self) -> None:
        locs, scale, logits = mixture_parameters(4, 3)
        for cls in (dist.MixtureOfDiagNormals, dist.MixtureOfDiagNormalsSharedCovariance):
            with pytest.raises(ShapeError, match="component_logits"):
                cls(locs, scale, logits[:2])
            with pytest.raises(ShapeError, match="coord_scale"):
                cls(locs, scale[:, :2], logits)
        with pytest.raises(ShapeError, match="component_scale"):
            dist.GaussianScaleMixture(scale[0], logits, scale[0])


class TestOtherGradientsOfNormals:
    def gradients(self, d: Any, count: int) -> Tensor:
        """Of a mean over draws, for the Cholesky factor, one for each draw."""
        tril = d.scale_tril.detach().expand(count, 3, 3).clone().requires_grad_()
        if isinstance(d, dist.AVFMultivariateNormal):
            x = dist.AVFMultivariateNormal(d.loc, tril, d.control_var.detach()).rsample()
        else:
            x = type(d)(d.loc, scale_tril=tril).rsample()
        cost = (x @ normal(3, 2)).sin().sum() + x.pow(2).sum()
        return torch.autograd.grad(cost, tril)[0].tril()

    def test_optimal_transport_has_lower_variance(self) -> None:
        loc, factor = normal(3), tril(3, 3)
        torch.manual_seed(1)
        plain = self.gradients(dist.MultivariateNormal(loc, scale_tril=factor), 4000)
        torch.manual_seed(1)
        transported = self.gradients(dist.OMTMultivariateNormal(loc, factor), 4000)
        assert transported.var(0).sum() < 0.9 * plain.var(0).sum()
        error = (plain.var(0) / 4000 + transported.var(0) / 4000).sqrt()
        assert ((plain.mean(0) - transported.mean(0)).abs() <= 5 * error).all()

    def test_transport_field_is_symmetric(self) -> None:
        """The derivative of a draw is A (x - loc), where A is symmetric: a gradient field."""
        loc, factor = normal(3), tril(3, 3).requires_grad_()
        direction = normal(3, 3).tril()
        torch.manual_seed(2)
        x = dist.OMTMultivariateNormal(loc, factor).rsample((3,))
        columns = [torch.autograd.grad(v, factor, retain_graph=True)[0] for v in x.flatten()]
        velocity = (torch.stack(columns) * direction).sum((-2, -1)).reshape(3, 3)
        field = torch.linalg.solve((x - loc).detach(), velocity).mT
        close(field, field.mT)
        change = direction @ factor.mT + factor @ direction.mT
        covariance = factor @ factor.mT
        close(field @ covariance + covariance @ field, change)

    def test_control_variate_learns(self) -> None:
        loc, factor = normal(3), tril(3, 3)
        control = torch.full((2, 2, 3), 0.1, dtype=torch.float64, requires_grad=True)
        adam = torch.optim.Adam([control], lr=0.1, betas=(0.5, 0.999))
        for _ in range(100):
            adam.zero_grad()
            leaf = factor.clone().requires_grad_()
            x = dist.AVFMultivariateNormal(loc, leaf, control).rsample((20,))
            (x @ torch.ones(3, 2, dtype=x.dtype)).pow(2).mean().backward()
            adam.step()

        def total(control: Tensor) -> Tensor:
            torch.manual_seed(5)
            leaf = factor.expand(4000, 3, 3).clone().requires_grad_()
            x = dist.AVFMultivariateNormal(loc, leaf, control.detach()).rsample()
            cost = (x @ torch.ones(3, 2, dtype=x.dtype)).pow(2).sum()
            return torch.autograd.grad(cost, leaf)[0].tril().var(0).sum()

        assert total(control) < 0.9 * total(torch.zeros_like(control))

    @pytest.mark.parametrize("batch", [(), (4,)], ids=str)
    def test_gradient_of_control_variate(self, batch: tuple[int, ...]) -> None:
        """That of half the sum of squares of the gradients of single draws."""
        loc, factor = normal(*batch, 3), tril(*batch, 3, 3)
        control = normal(*batch, 2, 2, 3).requires_grad_()
        torch.manual_seed(6)
        x = dist.AVFMultivariateNormal(loc, factor, control).rsample((5,))
        (found,) = torch.autograd.grad(x.pow(3).sum(), control)
        e = torch.linalg.solve_triangular(factor, (x.detach() - loc).unsqueeze(-1), upper=False)
        g = 3 * x.detach().square().unsqueeze(-1)
        h = factor.mT @ g
        weight = control.unbind(-3)[0].mT @ control.unbind(-3)[1]
        single = (g @ e.mT + weight * (h @ e.mT - e @ h.mT)).tril()
        (expected,) = torch.autograd.grad(0.5 * single.square().sum(), control)
        close(found, expected)

    def test_draws_are_those_of_the_plain_family(self) -> None:
        loc, factor = normal(4, 3), tril(3, 3).requires_grad_()
        control = torch.full((2, 1, 3), 0.5, dtype=torch.float64)
        for d in (
            dist.AVFMultivariateNormal(loc, factor, control),
            dist.OMTMultivariateNormal(loc, factor),
        ):
            torch.manual_seed(3)
            x = d.rsample((2,))
            torch.manual_seed(3)
            close(x, dist.MultivariateNormal(loc, scale_tril=factor).rsample((2,)))

    def test_bad_control_variate(self) -> None:
        with pytest.raises(ShapeError, match="control_var"):
            dist.AVFMultivariateNormal(torch.zeros(3), torch.eye(3), torch.zeros(2, 3))
