"""Kernels of Stein variational gradient descent."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor

from pyro.infer.errors import InferenceError


class SteinKernel(ABC):
    """A kernel on particles, coordinate by coordinate."""

    @abstractmethod
    def log_kernel_and_grad(self, particles: Tensor) -> tuple[Tensor, Tensor]:
        r"""The logarithms :math:`\log k_d(x_n, x_m)` and their derivatives by :math:`x_{n, d}`.

        :param particles: Of shape ``(N, D)``.
        :return: Two tensors of shape ``(N, N, D)``. The kernel of whole particles is the product
            of those of the coordinates.
        """


class RBFSteinKernel(SteinKernel):
    r"""The kernel :math:`k_d(x, y) = \exp(-(x_d - y_d)^2 / h_d)`.

    The bandwidth :math:`h_d` is the median of the squared distances of all pairs of particles,
    divided by :math:`\log(N + 1)`.

    See Liu and Wang (2016), *Stein Variational Gradient Descent*, section 5.

    :param bandwidth_factor: A positive factor of the bandwidths; by default 1.
    :raises InferenceError: if it is not positive.

    Example::

        >>> from pyro.infer import RBFSteinKernel
        >>> log_kernel, grad = RBFSteinKernel().log_kernel_and_grad(torch.tensor([[0.0], [1.0]]))
        >>> log_kernel[..., 0].exp()  # 1 / (N + 1) at the median
        tensor([[1.0000, 0.3333],
                [0.3333, 1.0000]])
    """

    def __init__(self, bandwidth_factor: float | None = None) -> None:
        self.bandwidth_factor = bandwidth_factor

    @property
    def bandwidth_factor(self) -> float | None:
        """The factor of the bandwidths; None stands for 1."""
        return self._factor

    @bandwidth_factor.setter
    def bandwidth_factor(self, value: float | None) -> None:
        self._factor = _checked(value)

    def log_kernel_and_grad(self, particles: Tensor) -> tuple[Tensor, Tensor]:
        gaps = particles.unsqueeze(1) - particles
        scaled = gaps / _bandwidth(gaps, self._factor)
        return -scaled * gaps, -2 * scaled


class IMQSteinKernel(SteinKernel):
    r"""The inverse multiquadric :math:`k_d(x, y) = (\alpha + (x_d - y_d)^2 / h_d)^\beta`.

    The bandwidths are those of :class:`RBFSteinKernel`; the tails are heavier.

    See Chen, Mackey, Gorham, Briol and Oates (2018), *Stein Points*.

    :param alpha: Positive.
    :param beta: Negative.
    :param bandwidth_factor: A positive factor of the bandwidths; by default 1.
    :raises InferenceError: if one has the wrong sign.

    Example::

        >>> from pyro.infer import IMQSteinKernel
        >>> log_kernel, grad = IMQSteinKernel(alpha=1.0).log_kernel_and_grad(torch.zeros(2, 1))
        >>> log_kernel.abs().max()
        tensor(0.)
    """

    def __init__(
        self, alpha: float = 0.5, beta: float = -0.5, bandwidth_factor: float | None = None
    ) -> None:
        if not alpha > 0:
            raise InferenceError(f"IMQSteinKernel: alpha must be positive, but is {alpha!r}")
        if not beta < 0:
            raise InferenceError(f"IMQSteinKernel: beta must be negative, but is {beta!r}")
        self.alpha = alpha
        self.beta = beta
        self.bandwidth_factor = bandwidth_factor

    @property
    def bandwidth_factor(self) -> float | None:
        """The factor of the bandwidths; None stands for 1."""
        return self._factor

    @bandwidth_factor.setter
    def bandwidth_factor(self, value: float | None) -> None:
        self._factor = _checked(value)

    def log_kernel_and_grad(self, particles: Tensor) -> tuple[Tensor, Tensor]:
        gaps = particles.unsqueeze(1) - particles
        scaled = gaps / _bandwidth(gaps, self._factor)
        base = self.alpha + scaled * gaps
        return self.beta * base.log(), 2 * self.beta * scaled / base


def _bandwidth(gaps: Tensor, factor: float | None) -> Tensor:
    """By the median heuristic, for each coordinate; positive even if all particles are equal."""
    count = len(gaps)
    if count == 1:
        return torch.ones_like(gaps[0, 0])
    first, second = torch.triu_indices(count, count, 1, device=gaps.device)
    median = gaps[first, second].square().median(0).values
    median = median.clamp(min=torch.finfo(gaps.dtype).tiny ** 0.5)
    return median / math.log(count + 1) * (1.0 if factor is None else factor)


def _checked(factor: float | None) -> float | None:
    if factor is not None and not factor > 0:
        raise InferenceError(f"bandwidth_factor must be positive, but is {factor!r}")
    return factor
