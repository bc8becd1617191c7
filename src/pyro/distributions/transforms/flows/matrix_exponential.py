"""Linear flows by the matrix exponential."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from pyro.distributions import constraints
from pyro.distributions.transforms.transform_module import (
    ConditionalTransformModule,
    ConditionedTransform,
    FusedTransformModule,
)
from pyro.nets.dense import DenseNN
from pyro.ops.matrix_exponential import expm_action
from pyro.ops.shapes import broadcast_shape


class MatrixExponential(FusedTransformModule):
    r""":math:`y = e^W x`, :math:`\log|\det J| = \mathrm{tr}\, W`, with inverse :math:`e^{-W} y`.

    Hoogeboom et al. 2020, *The convolution exponential and generalized Sylvester flows*, section 3.
    The exponential is exact, so that the two ways undo each other to rounding error.

    :param input_dim: The length of :math:`x`.
    :param iterations: Accepted for compatibility: the terms of a series, which is not used.
    :param normalization: ``"none"``; ``"weight"`` scales :math:`W` down to a Frobenius norm of at
        most ``bound``, ``"spectral"`` to a largest singular value of at most ``bound``.
    :param bound: The largest norm, needed unless ``normalization`` is ``"none"``.
    :raises ValueError: if ``normalization`` is unknown or has no positive bound.

    Example::

        >>> flow = dist.transforms.matrix_exponential(3)
        >>> x = torch.ones(5, 3)
        >>> torch.allclose(flow.inv(flow(x) + 0), x, atol=1e-4)
        True
    """

    domain = constraints.real_vector
    codomain = constraints.real_vector

    def __init__(
        self,
        input_dim: int,
        iterations: int = 8,
        normalization: str = "none",
        bound: float | None = None,
    ) -> None:
        _check(normalization, bound)
        super().__init__()
        self.iterations = iterations
        self.normalization = normalization
        self.bound = bound
        limit = 1 / math.sqrt(input_dim)
        self.weights = nn.Parameter(torch.empty(input_dim, input_dim).uniform_(-limit, limit))

    def _forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return _forward(x, self.weights, self.normalization, self.bound)

    def _backward(self, y: Tensor) -> tuple[Tensor, Tensor]:
        return _backward(y, self.weights, self.normalization, self.bound)


class ConditionalMatrixExponential(ConditionalTransformModule):
    """A :class:`MatrixExponential` whose matrix is a function of a context.

    :param input_dim: The length of the input.
    :param nn: Takes the context, returns the ``input_dim ** 2`` entries of the matrix.
    :param iterations: Accepted for compatibility, as in :class:`MatrixExponential`.
    :param normalization: As in :class:`MatrixExponential`.
    :param bound: As in :class:`MatrixExponential`.
    :raises ValueError: if ``normalization`` is unknown or has no positive bound.

    Example::

        >>> flow = dist.transforms.conditional_matrix_exponential(3, context_dim=2)
        >>> flow.condition(torch.zeros(5, 2))(torch.zeros(5, 3)).shape
        torch.Size([5, 3])
    """

    domain = constraints.real_vector
    codomain = constraints.real_vector
    bijective = True

    def __init__(
        self,
        input_dim: int,
        nn: Any,
        iterations: int = 8,
        normalization: str = "none",
        bound: float | None = None,
    ) -> None:
        _check(normalization, bound)
        super().__init__()
        self.nn = nn
        self.input_dim = input_dim
        self.iterations = iterations
        self.normalization = normalization
        self.bound = bound

    def condition(self, context: Tensor) -> ConditionedTransform:
        """The transform at this context, of shape ``(..., context_dim)``."""
        entries = self.nn(context)
        matrix = entries.reshape(entries.shape[:-1] + (self.input_dim, self.input_dim))
        return ConditionedTransform(
            _forward, _backward, (matrix, self.normalization, self.bound), self.domain
        )


def _check(normalization: str, bound: float | None) -> None:
    if normalization not in ("none", "weight", "spectral"):
        raise ValueError(
            f"normalization must be 'none', 'weight' or 'spectral', got {normalization!r}"
        )
    if normalization != "none" and (bound is None or bound <= 0):
        raise ValueError(f"normalization={normalization!r} needs a positive bound, got {bound}")


def _bounded(matrix: Tensor, normalization: str, bound: float | None) -> Tensor:
    if normalization == "none" or bound is None:
        return matrix
    kind: Any = "fro" if normalization == "weight" else 2
    norm: Tensor = torch.linalg.matrix_norm(matrix, ord=kind)[..., None, None]
    return matrix * (bound / norm.clamp(min=bound))


def _log_det(matrix: Tensor, x: Tensor) -> Tensor:
    trace: Tensor = matrix.diagonal(dim1=-2, dim2=-1).sum(-1)
    return trace.expand(broadcast_shape(trace.shape, x.shape[:-1]))


def _forward(
    x: Tensor, matrix: Tensor, normalization: str, bound: float | None
) -> tuple[Tensor, Tensor]:
    matrix = _bounded(matrix, normalization, bound)
    return expm_action(matrix, x), _log_det(matrix, x)


def _backward(
    y: Tensor, matrix: Tensor, normalization: str, bound: float | None
) -> tuple[Tensor, Tensor]:
    matrix = _bounded(matrix, normalization, bound)
    return expm_action(-matrix, y), _log_det(matrix, y)


def matrix_exponential(
    input_dim: int, iterations: int = 8, normalization: str = "none", bound: float | None = None
) -> MatrixExponential:
    """A :class:`MatrixExponential` flow."""
    return MatrixExponential(input_dim, iterations, normalization, bound)


def conditional_matrix_exponential(
    input_dim: int,
    context_dim: int,
    hidden_dims: Sequence[int] | None = None,
    iterations: int = 8,
    normalization: str = "none",
    bound: float | None = None,
) -> ConditionalMatrixExponential:
    """A :class:`ConditionalMatrixExponential` flow with a :class:`DenseNN`.

    :param hidden_dims: Units of the hidden layers; default two of ``10 * input_dim``.
    """
    hidden = [10 * input_dim] * 2 if hidden_dims is None else hidden_dims
    network = DenseNN(context_dim, hidden, [input_dim * input_dim])
    return ConditionalMatrixExponential(input_dim, network, iterations, normalization, bound)
