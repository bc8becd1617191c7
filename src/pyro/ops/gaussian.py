r"""Gaussian functions of vectors, normalised or not, in information form.

They add (as log densities), condition and integrate within the family, also where they are flat in
some directions and no density at all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pyro.errors import ShapeError
from pyro.ops.scan import interleave, reduce_chain
from pyro.ops.shapes import broadcast_shape


class Gaussian:
    r""":math:`g(x) = \exp(c + \eta \cdot x - \tfrac12 x' \Lambda x)`

    Lauritzen (1992), *Propagation of Probabilities, Means and Variances in Mixed Graphical
    Association Models*, JASA 87, section 3.

    :param log_normalizer: :math:`c`, of the batch shape.
    :param info_vec: :math:`\eta`, of the batch shape and ``(n,)``.
    :param precision: :math:`\Lambda`, positive semidefinite, of the batch shape and ``(n, n)``.
        The three batch shapes broadcast.

    Example::

        >>> from pyro.ops.gaussian import mvn_to_gaussian
        >>> law = dist.MultivariateNormal(torch.zeros(2), torch.eye(2))
        >>> g = mvn_to_gaussian(law)
        >>> (g + g).event_logsumexp(), g.marginalize(right=1).log_density(torch.zeros(1))
        (tensor(-2.5310), tensor(-0.9189))
    """

    def __init__(self, log_normalizer: Tensor, info_vec: Tensor, precision: Tensor) -> None:
        n = info_vec.shape[-1]
        if precision.shape[-2:] != (n, n):
            raise ShapeError(
                f"Gaussian: info_vec of shape {tuple(info_vec.shape)} and precision of shape "
                f"{tuple(precision.shape)} do not fit"
            )
        self.log_normalizer, self.info_vec, self.precision = log_normalizer, info_vec, precision

    def dim(self) -> int:
        """The number of entries of x."""
        return self.info_vec.shape[-1]

    @property
    def batch_shape(self) -> torch.Size:
        """The shape of independent functions."""
        return broadcast_shape(
            self.log_normalizer.shape, self.info_vec.shape[:-1], self.precision.shape[:-2]
        )

    def expand(self, batch_shape: Sequence[int]) -> Gaussian:
        """Broadcast to ``batch_shape``."""
        shape, n = torch.Size(batch_shape), self.dim()
        return Gaussian(
            self.log_normalizer.expand(shape),
            self.info_vec.expand((*shape, n)),
            self.precision.expand((*shape, n, n)),
        )

    def reshape(self, batch_shape: Sequence[int]) -> Gaussian:
        """The same functions in another batch shape."""
        shape, n, full = torch.Size(batch_shape), self.dim(), self.expand(self.batch_shape)
        return Gaussian(
            full.log_normalizer.reshape(shape),
            full.info_vec.reshape((*shape, n)),
            full.precision.reshape((*shape, n, n)),
        )

    def __getitem__(self, index: Any) -> Gaussian:
        """Index into the batch shape."""
        index = index if isinstance(index, tuple) else (index,)
        full, rest = self.expand(self.batch_shape), slice(None)
        return Gaussian(
            full.log_normalizer[index],
            full.info_vec[(*index, rest)],
            full.precision[(*index, rest, rest)],
        )

    @staticmethod
    def cat(parts: Sequence[Gaussian], dim: int = 0) -> Gaussian:
        """Concatenate along a dimension of the batch shape."""
        full = [part.expand(part.batch_shape) for part in parts]
        at = dim - len(full[0].batch_shape) if dim >= 0 else dim
        return Gaussian(
            torch.cat([g.log_normalizer for g in full], at),
            torch.cat([g.info_vec for g in full], at - 1),
            torch.cat([g.precision for g in full], at - 2),
        )

    def event_pad(self, left: int = 0, right: int = 0) -> Gaussian:
        """A function of more entries, which does not depend on the new ones."""
        pad = torch.nn.functional.pad
        return Gaussian(
            self.log_normalizer,
            pad(self.info_vec, (left, right)),
            pad(self.precision, (left, right, left, right)),
        )

    def event_permute(self, perm: Tensor | Sequence[int]) -> Gaussian:
        """A function of the entries in another order: entry i becomes the old ``perm[i]``."""
        order = torch.as_tensor(perm, device=self.info_vec.device)
        return Gaussian(
            self.log_normalizer,
            self.info_vec[..., order],
            self.precision[..., order[:, None], order],
        )

    def __add__(self, other: Gaussian | float | Tensor) -> Gaussian:
        """The sum of the logarithms; a number is added to the log normalizer."""
        if not isinstance(other, Gaussian):
            return Gaussian(self.log_normalizer + other, self.info_vec, self.precision)
        return Gaussian(
            self.log_normalizer + other.log_normalizer,
            self.info_vec + other.info_vec,
            self.precision + other.precision,
        )

    def __sub__(self, other: Gaussian | float | Tensor) -> Gaussian:
        """The difference of the logarithms."""
        if not isinstance(other, Gaussian):
            return Gaussian(self.log_normalizer - other, self.info_vec, self.precision)
        return Gaussian(
            self.log_normalizer - other.log_normalizer,
            self.info_vec - other.info_vec,
            self.precision - other.precision,
        )

    def log_density(self, value: Tensor) -> Tensor:
        """The logarithm at a value of shape ``(..., n)``."""
        slope = self.info_vec - 0.5 * _apply(self.precision, value)
        return self.log_normalizer + (value * slope).sum(-1)

    def rsample(
        self, sample_shape: Sequence[int] = torch.Size(), noise: Tensor | None = None
    ) -> Tensor:
        """A differentiable draw of shape ``sample_shape + batch_shape + (n,)``.

        :param noise: standard normal numbers of that shape, to be transformed; zeros give the mean.
        """
        shape = torch.Size(sample_shape) + self.batch_shape + (self.dim(),)
        if noise is None:
            noise = self.info_vec.new_empty(shape).normal_()
        factor = torch.linalg.cholesky(self.precision)
        mean = torch.cholesky_solve(self.info_vec[..., None], factor)
        spread = torch.linalg.solve_triangular(factor.mT, noise[..., None], upper=True)
        draw: Tensor = (mean + spread)[..., 0]
        return draw

    def condition(self, value: Tensor) -> Gaussian:
        """The function of the leading entries at given trailing ones.

        ``g.condition(right).log_density(left)`` is ``g.log_density(cat([left, right]))``.
        """
        cut = self.dim() - value.shape[-1]
        return self._condition(slice(0, cut), slice(cut, None), value)

    def left_condition(self, value: Tensor) -> Gaussian:
        """The function of the trailing entries at given leading ones."""
        cut = value.shape[-1]
        return self._condition(slice(cut, None), slice(0, cut), value)

    def _condition(self, free: slice, given: slice, value: Tensor) -> Gaussian:
        eta, P = self.info_vec, self.precision
        slope = eta[..., given] - 0.5 * _apply(P[..., given, given], value)
        constant = self.log_normalizer + (value * slope).sum(-1)
        info = eta[..., free] - _apply(P[..., free, given], value)
        return Gaussian(constant, info, P[..., free, free])

    def marginalize(self, left: int = 0, right: int = 0) -> Gaussian:
        """Integrate the first ``left`` and the last ``right`` entries out."""
        if left == 0 == right:
            return self
        rest = integrate(self.info_vec, self.precision, left, right)
        return Gaussian(
            self.log_normalizer + rest.constant + rest.quadratic, rest.info_vec, rest.precision
        )

    def event_logsumexp(self) -> Tensor:
        """The logarithm of the integral over all entries."""
        return self.marginalize(left=self.dim()).log_normalizer


class Integral(NamedTuple):
    """What is left of a quadratic function: its value is ``constant + quadratic`` at zero."""

    info_vec: Tensor
    precision: Tensor
    constant: Tensor
    quadratic: Tensor


def integrate(info_vec: Tensor, precision: Tensor, left: int, right: int) -> Integral:
    """Integrate the first ``left`` and the last ``right`` entries out."""
    n, device = info_vec.shape[-1], info_vec.device
    kept = torch.arange(left, n - right, device=device)
    out = torch.cat([torch.arange(left, device=device), torch.arange(n - right, n, device=device)])
    factor = torch.linalg.cholesky(precision[..., out[:, None], out])
    cross = torch.linalg.solve_triangular(factor, precision[..., out[:, None], kept], upper=False)
    shift = torch.linalg.solve_triangular(factor, info_vec[..., out, None], upper=False)
    log_det = factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)
    return Integral(
        info_vec[..., kept] - (cross.mT @ shift)[..., 0],
        precision[..., kept[:, None], kept] - cross.mT @ cross,
        0.5 * (left + right) * math.log(2 * math.pi) - log_det,
        0.5 * shift.square().sum((-2, -1)),
    )


def mvn_to_gaussian(mvn: Any) -> Gaussian:
    """The density of a MultivariateNormal, or of a ``Normal(...).to_event(1)``."""
    precision = _precision(mvn)
    info_vec = _apply(precision, mvn.mean)
    n = info_vec.shape[-1]
    log_det = precision.logdet()
    constant = 0.5 * (log_det - n * math.log(2 * math.pi) - (mvn.mean * info_vec).sum(-1))
    return Gaussian(constant, info_vec, precision)


def matrix_and_gaussian_to_gaussian(matrix: Tensor, y_gaussian: Gaussian) -> Gaussian:
    """The function of (x, y) that is ``y_gaussian`` at ``y - x @ matrix``.

    :param matrix: of shape ``(..., n_x, n_y)``.
    """
    P, eta = y_gaussian.precision, y_gaussian.info_vec
    cross = matrix @ P
    batch = broadcast_shape(cross.shape[:-2], eta.shape[:-1])
    info = torch.cat(
        [part.expand((*batch, part.shape[-1])) for part in (-_apply(matrix, eta), eta)], -1
    )
    above = torch.cat([cross @ matrix.mT, -cross], -1)
    below = torch.cat([-cross.mT, P.expand((*cross.shape[:-2], *P.shape[-2:]))], -1)
    return Gaussian(y_gaussian.log_normalizer, info, torch.cat([above, below], -2))


def matrix_and_mvn_to_gaussian(matrix: Tensor, mvn: Any) -> Gaussian:
    """The function of (x, y) that is the density of ``y = x @ matrix + noise`` given x."""
    return matrix_and_gaussian_to_gaussian(matrix, mvn_to_gaussian(mvn))


def gaussian_tensordot(x: Gaussian, y: Gaussian, dims: int = 0) -> Gaussian:
    r""":math:`\int x(a, b)\, y(b, c)\, db`, a function of (a, c).

    :param dims: how many trailing entries of ``x`` are the leading ones of ``y``.
    """
    a, c = x.dim() - dims, y.dim() - dims
    if min(a, dims, c) < 0:
        raise ShapeError(f"gaussian_tensordot: dims={dims} of functions of {x.dim()} and {y.dim()}")
    both = x.event_pad(right=c) + y.event_pad(left=a)
    if dims == 0:
        return both
    order = [*range(a), *range(a + dims, a + dims + c), *range(a, a + dims)]
    return both.event_permute(order).marginalize(right=dims)


def sequential_gaussian_tensordot(gaussian: Gaussian) -> Gaussian:
    """The product, by :func:`gaussian_tensordot`, of functions of (old, new) along time.

    :param gaussian: its rightmost batch dimension is time.
    """
    n = gaussian.dim() // 2
    full = gaussian.expand(gaussian.batch_shape)

    def combine(x: tuple[Tensor, ...], y: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        product = gaussian_tensordot(Gaussian(*x), Gaussian(*y), n)
        return product.log_normalizer, product.info_vec, product.precision

    elements = (
        full.log_normalizer.movedim(-1, 0),
        full.info_vec.movedim(-2, 0),
        full.precision.movedim(-3, 0),
    )
    return Gaussian(*reduce_chain(combine, elements))


def sequential_gaussian_filter_sample(
    init: Gaussian, trans: Gaussian, sample_shape: Sequence[int] = (), noise: Tensor | None = None
) -> Tensor:
    """A differentiable draw of the states of a chain, by halves of time.

    :param init: A function of the first state, of n entries.
    :param trans: Functions of (old, new) states; the rightmost batch dimension is time, of size T.
    :param noise: standard normal numbers of the shape of the result, to be transformed; zeros give
        the mean.
    :return: of shape ``sample_shape + batch_shape + (T + 1, n)``.
    """
    n, batch = init.dim(), broadcast_shape(init.batch_shape, trans.batch_shape[:-1])
    levels = [trans.expand(batch + trans.batch_shape[-1:])]
    steps = levels[0].batch_shape[-1]
    shape = torch.Size(sample_shape) + batch + (steps + 1, n)
    if noise is None:
        noise = init.info_vec.new_empty(shape).normal_()
    while (size := levels[-1].batch_shape[-1]) > 1:
        level, even = levels[-1], size - size % 2
        halved = gaussian_tensordot(level[..., 0:even:2], level[..., 1:even:2], n)
        levels.append(Gaussian.cat([halved, level[..., even:]], -1) if size % 2 else halved)
    ends = init.event_pad(right=n) + levels[-1][..., 0]
    both = ends.rsample(noise=torch.cat([noise[..., 0, :], noise[..., -1, :]], -1))
    path, used = torch.stack([both[..., :n], both[..., n:]]), 1
    for level in levels[-2::-1]:
        pairs = level.batch_shape[-1] // 2
        left, right = (level[..., i : 2 * pairs : 2] for i in (0, 1))
        old, new = (path[i : i + pairs].movedim(0, -2) for i in (0, 1))
        middle = (left.left_condition(old) + right.condition(new)).rsample(
            noise=noise[..., used : used + pairs, :]
        )
        used += pairs
        odd = path[pairs + 1 :]
        path = torch.cat([interleave(path[: pairs + 1], middle.movedim(-2, 0)), odd])
    return path.movedim(0, -2)


def _apply(matrix: Tensor, vector: Tensor) -> Tensor:
    return (matrix @ vector[..., None])[..., 0]


def _precision(normal: Any) -> Tensor:
    if hasattr(normal, "precision_matrix"):
        precision: Tensor = normal.precision_matrix
        return precision
    return normal.variance.reciprocal().diag_embed()  # type: ignore[no-any-return]
