r"""Gaussian functions of a vector whose precision is multiplied by a gamma-distributed scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from pyro.ops.gaussian import (
    Gaussian,
    integrate,
    matrix_and_gaussian_to_gaussian,
    mvn_to_gaussian,
)
from pyro.ops.scan import reduce_chain
from pyro.ops.shapes import broadcast_shape


class Gamma:
    r""":math:`g(s) = e^c s^{a-1} e^{-b s}`, a gamma density times a constant.

    :param log_normalizer: :math:`c`.
    :param concentration: :math:`a > 0`.
    :param rate: :math:`b > 0`.
    """

    def __init__(self, log_normalizer: Tensor, concentration: Tensor, rate: Tensor) -> None:
        self.log_normalizer, self.concentration, self.rate = log_normalizer, concentration, rate

    def log_density(self, s: Tensor) -> Tensor:
        """The logarithm at a scale."""
        return self.log_normalizer + (self.concentration - 1) * s.log() - self.rate * s

    def logsumexp(self) -> Tensor:
        """The logarithm of the integral over all scales."""
        a = self.concentration
        return self.log_normalizer + a.lgamma() - a * self.rate.log()


class GammaGaussian:
    r""":math:`g(x, s) = e^c s^\alpha \exp(s (\eta \cdot x - \tfrac12 x' \Lambda x - \beta))`

    Bernardo and Smith (1994), *Bayesian Theory*, section 5.2 (the normal-gamma family).

    :param log_normalizer: :math:`c`, of the batch shape.
    :param info_vec: :math:`\eta`, of the batch shape and ``(n,)``.
    :param precision: :math:`\Lambda`, positive semidefinite, of the batch shape and ``(n, n)``.
    :param alpha: :math:`\alpha`, the concentration of the scale plus :math:`n/2 - 1`.
    :param beta: :math:`\beta`, the rate of the scale plus :math:`\eta' \Lambda^{-1} \eta / 2`.

    Example::

        >>> from pyro.ops.gamma_gaussian import gamma_and_mvn_to_gamma_gaussian
        >>> law = dist.MultivariateNormal(torch.zeros(2), torch.eye(2))
        >>> g = gamma_and_mvn_to_gamma_gaussian(dist.Gamma(2.0, 3.0), law)
        >>> scale = g.event_logsumexp()
        >>> scale.concentration, scale.rate, scale.logsumexp().abs() < 1e-5
        (tensor(2.), tensor(3.), tensor(True))
    """

    def __init__(
        self,
        log_normalizer: Tensor,
        info_vec: Tensor,
        precision: Tensor,
        alpha: Tensor,
        beta: Tensor,
    ) -> None:
        self.log_normalizer, self.info_vec, self.precision = log_normalizer, info_vec, precision
        self.alpha, self.beta = alpha, beta

    @property
    def _scaled(self) -> Gaussian:
        """What the scale multiplies."""
        return Gaussian(-self.beta, self.info_vec, self.precision)

    def _with(self, scaled: Gaussian) -> GammaGaussian:
        """The same power of the scale, but this times it."""
        return _join(self.log_normalizer, self.alpha, scaled)

    def dim(self) -> int:
        """The number of entries of x."""
        return self.info_vec.shape[-1]

    @property
    def batch_shape(self) -> torch.Size:
        """The shape of independent functions."""
        shapes = self.log_normalizer.shape, self.alpha.shape, self._scaled.batch_shape
        return broadcast_shape(*shapes)

    def expand(self, batch_shape: Sequence[int]) -> GammaGaussian:
        """Broadcast to ``batch_shape``."""
        shape = torch.Size(batch_shape)
        constants = self.log_normalizer.expand(shape), self.alpha.expand(shape)
        return _join(*constants, self._scaled.expand(shape))

    def reshape(self, batch_shape: Sequence[int]) -> GammaGaussian:
        """The same functions in another batch shape."""
        shape, full = torch.Size(batch_shape), self.expand(self.batch_shape)
        constants = full.log_normalizer.reshape(shape), full.alpha.reshape(shape)
        return _join(*constants, full._scaled.reshape(shape))

    def __getitem__(self, index: Any) -> GammaGaussian:
        """Index into the batch shape."""
        full = self.expand(self.batch_shape)
        return _join(full.log_normalizer[index], full.alpha[index], full._scaled[index])

    @staticmethod
    def cat(parts: Sequence[GammaGaussian], dim: int = 0) -> GammaGaussian:
        """Concatenate along a dimension of the batch shape."""
        full = [part.expand(part.batch_shape) for part in parts]
        return _join(
            torch.cat([g.log_normalizer for g in full], dim),
            torch.cat([g.alpha for g in full], dim),
            Gaussian.cat([g._scaled for g in full], dim),
        )

    def event_pad(self, left: int = 0, right: int = 0) -> GammaGaussian:
        """A function of more entries, which does not depend on the new ones."""
        return self._with(self._scaled.event_pad(left, right))

    def event_permute(self, perm: Tensor | Sequence[int]) -> GammaGaussian:
        """A function of the entries in another order."""
        return self._with(self._scaled.event_permute(perm))

    def __add__(self, other: GammaGaussian | float | Tensor) -> GammaGaussian:
        """The sum of the logarithms; a number is added to the log normalizer."""
        if not isinstance(other, GammaGaussian):
            return _join(self.log_normalizer + other, self.alpha, self._scaled)
        constants = self.log_normalizer + other.log_normalizer, self.alpha + other.alpha
        return _join(*constants, self._scaled + other._scaled)

    def log_density(self, value: Tensor, s: Tensor) -> Tensor:
        """The logarithm at a value of shape ``(..., n)`` and a scale."""
        return self.log_normalizer + self.alpha * s.log() + s * self._scaled.log_density(value)

    def condition(self, value: Tensor) -> GammaGaussian:
        """The function of the leading entries and the scale at given trailing entries."""
        return self._with(self._scaled.condition(value))

    def marginalize(self, left: int = 0, right: int = 0) -> GammaGaussian:
        """Integrate the first ``left`` and the last ``right`` entries out."""
        if left == 0 == right:
            return self
        rest = integrate(self.info_vec, self.precision, left, right)
        return GammaGaussian(
            self.log_normalizer + rest.constant,
            rest.info_vec,
            rest.precision,
            self.alpha - 0.5 * (left + right),
            self.beta - rest.quadratic,
        )

    def event_logsumexp(self) -> Gamma:
        """The function of the scale with all entries integrated out."""
        rest = self.marginalize(left=self.dim())
        return Gamma(rest.log_normalizer, rest.alpha + 1, rest.beta)


def gamma_and_mvn_to_gamma_gaussian(gamma: Any, mvn: Any) -> GammaGaussian:
    """The joint density of a scale, a Gamma, and of what is ``scale_mvn(mvn, s)`` given it."""
    noise = _noise(mvn)
    a, b = gamma.concentration, gamma.rate
    constant = noise.log_normalizer + a * b.log() - a.lgamma()
    return _join(constant, noise.alpha + a - 1, noise._scaled + (-b))


def scale_mvn(mvn: Any, s: Tensor) -> Any:
    """The MultivariateNormal whose precision is multiplied by ``s``."""
    factor = mvn.scale_tril * s.rsqrt()[..., None, None]
    return type(mvn)(mvn.loc, scale_tril=factor)


def matrix_and_mvn_to_gamma_gaussian(matrix: Tensor, mvn: Any) -> GammaGaussian:
    """The function of (x, y) and s: the density of ``y = x @ matrix + scale_mvn(mvn, s)`` noise."""
    noise = _noise(mvn)
    return noise._with(matrix_and_gaussian_to_gaussian(matrix, noise._scaled))


def gamma_gaussian_tensordot(x: GammaGaussian, y: GammaGaussian, dims: int = 0) -> GammaGaussian:
    r""":math:`\int x((a, b), s)\, y((b, c), s)\, db`, a function of (a, c) and s.

    :param dims: how many trailing entries of ``x`` are the leading ones of ``y``.
    """
    a, c = x.dim() - dims, y.dim() - dims
    both = x.event_pad(right=c) + y.event_pad(left=a)
    order = [*range(a), *range(a + dims, a + dims + c), *range(a, a + dims)]
    return both.event_permute(order).marginalize(right=dims)


def sequential_gamma_gaussian_tensordot(gamma_gaussian: GammaGaussian) -> GammaGaussian:
    """The product, by :func:`gamma_gaussian_tensordot`, of functions of (old, new) along time.

    :param gamma_gaussian: its rightmost batch dimension is time.
    """
    n = gamma_gaussian.dim() // 2
    full = gamma_gaussian.expand(gamma_gaussian.batch_shape)

    def combine(x: tuple[Tensor, ...], y: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return _parts(gamma_gaussian_tensordot(GammaGaussian(*x), GammaGaussian(*y), n))

    ranks = (1, 2, 3, 1, 1)
    elements = tuple(x.movedim(-r, 0) for x, r in zip(_parts(full), ranks, strict=True))
    return GammaGaussian(*reduce_chain(combine, elements))


def _parts(g: GammaGaussian) -> tuple[Tensor, ...]:
    return g.log_normalizer, g.info_vec, g.precision, g.alpha, g.beta


def _join(log_normalizer: Tensor, alpha: Tensor, scaled: Gaussian) -> GammaGaussian:
    return GammaGaussian(
        log_normalizer, scaled.info_vec, scaled.precision, alpha, -scaled.log_normalizer
    )


def _noise(mvn: Any) -> GammaGaussian:
    """The density of ``scale_mvn(mvn, s)`` as a function of its value and of s."""
    at_one = mvn_to_gaussian(mvn)
    quadratic = 0.5 * (mvn.mean * at_one.info_vec).sum(-1)
    constant = at_one.log_normalizer + quadratic
    half = torch.full_like(constant, 0.5 * at_one.dim())
    return _join(constant, half, Gaussian(-quadratic, at_one.info_vec, at_one.precision))
