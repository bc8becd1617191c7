"""The leapfrog integrator (velocity Verlet) for many chains at once."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from pyro.infer.mcmc.kernels.metric import Metric
from pyro.infer.model.logdensity import LogDensity


class PhasePoint(NamedTuple):
    """Positions, gradients of the log density there and whitened momenta, ``(chains, dim)``."""

    position: Tensor
    gradient: Tensor
    momentum: Tensor


def leapfrog_(point: PhasePoint, density: LogDensity, pace: Metric) -> Tensor:
    r"""One step, in place; returns the log densities at the new positions, of shape ``(chains,)``.

    .. math::
        p \mathrel{+}= \tfrac\epsilon2 L^\top\nabla\log\pi(x),\quad
        x \mathrel{+}= \epsilon L p,\quad
        p \mathrel{+}= \tfrac\epsilon2 L^\top\nabla\log\pi(x)

    :param pace: The metric with the signed step sizes in it, see
        :meth:`~pyro.infer.mcmc.kernels.metric.Metric.paced`.

    Neal (2011), *MCMC using Hamiltonian dynamics*, section 2.3.
    """
    position, gradient, momentum = point
    pace.kick_(momentum, gradient)
    pace.drift_(position, momentum)
    value, grad = density.value_and_grad(position)
    gradient.copy_(grad)
    pace.kick_(momentum, gradient)
    return value


def kinetic_energy(momentum: Tensor) -> Tensor:
    """Half of the squared norms of whitened momenta, in double precision, ``(chains,)``."""
    square: Tensor = torch.linalg.vecdot(momentum, momentum)
    return square.double().mul_(0.5)
