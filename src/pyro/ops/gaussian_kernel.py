r"""Linear-Gaussian transitions with a likelihood of where they start.

A kernel maps a state :math:`x` to a law of a later state :math:`z`,

.. math:: k(x, z) = e^{\eta \cdot x - x' J x / 2}\, \mathcal N(z;\, A x + b,\, C)

up to a constant that is kept apart.  It describes any stretch of a linear-Gaussian state space
model, also a deterministic one (:math:`C = 0`) and one without information (:math:`J = 0`): nothing
is inverted but matrices whose eigenvalues are at least 1.  Särkkä and García-Fernández (2021),
*Temporal Parallelization of Bayesian Smoothers*, lemma 8.  Shapes are those of
:mod:`pyro.ops.batch_last`.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from pyro.ops.batch_last import (
    Matrix,
    add_identity,
    add_matmul,
    add_matvec,
    add_outer,
    inverse,
    matmul,
    matvec,
    subtract,
    transpose,
)


class State(NamedTuple):
    """A Gaussian law of a state."""

    mean: Tensor
    cov: Matrix


class Information(NamedTuple):
    r"""A likelihood :math:`e^{\eta \cdot x - x' J x / 2}` of a state."""

    eta: Tensor
    J: Matrix


class Kernel(NamedTuple):
    """A transition; see the module."""

    A: Matrix
    b: Tensor
    C: Matrix
    eta: Tensor
    J: Matrix


class Junction(NamedTuple):
    r"""Where a law :math:`\mathcal N(b, C)` and a likelihood :math:`(\eta, J)` of a state meet.

    ``W = I + C J``, its inverse ``M``, ``U = J M`` and the posterior's covariance ``V = M C``; the
    posterior's mean ``mu = M beta`` with ``beta = b + C eta``, and the derivative of the log
    evidence by b, ``nu = M' gamma`` with ``gamma = eta - J b``.
    """

    W: Matrix
    M: Matrix
    U: Matrix
    V: Matrix
    beta: Tensor
    gamma: Tensor
    mu: Tensor
    nu: Tensor


def meet(law: State, info: Information) -> Junction:
    """The junction of a law and a likelihood of the same state."""
    mean, cov = law
    eta, J = info
    W = add_identity(matmul(cov, J))
    M = inverse(W)
    beta, gamma = add_matvec(mean, cov, eta), add_matvec(eta, J, mean, -1)
    mu, nu = matvec(M, beta), matvec(transpose(M), gamma)
    return Junction(W, M, matmul(J, M), matmul(M, cov), beta, gamma, mu, nu)


def misfit(mean: Tensor, eta: Tensor, at: Junction) -> Tensor:
    r"""Minus twice the log evidence without :math:`\log\det W`, summed over time."""
    return -torch.addcmul(eta * at.mu, mean, at.nu).sum((0, -1))


def combine(left: Kernel, right: Kernel) -> tuple[Kernel, Junction]:
    """The kernel of both, one after the other, and their junction."""
    at = meet(State(left.b, left.C), Information(right.eta, right.J))
    AT = transpose(left.A)
    joined = Kernel(
        matmul(right.A, matmul(at.M, left.A)),
        add_matvec(right.b, right.A, at.mu),
        add_matmul(right.C, matmul(right.A, at.V), transpose(right.A)),
        add_matvec(left.eta, AT, at.nu),
        add_matmul(left.J, matmul(AT, at.U), left.A),
    )
    return joined, at


def absorb(state: State, kernel: Kernel) -> tuple[State, Junction]:
    """The law of the later state, given the law of the earlier one and the likelihood."""
    A, b, C, eta, J = kernel
    at = meet(state, Information(eta, J))
    cov = add_matmul(C, matmul(A, at.V), transpose(A))
    return State(add_matvec(b, A, at.mu), cov), at


def pull_back(kernel: Kernel, info: Information) -> Information:
    """The likelihood of the earlier state, given that of the later one."""
    A, b, C, eta, J = kernel
    at = meet(State(b, C), info)
    AT = transpose(A)
    return Information(add_matvec(eta, AT, at.nu), add_matmul(J, matmul(AT, at.U), A))


def combine_vjp(
    left: Kernel, right: Kernel, at: Junction, bar: Kernel, misfit_bar: Matrix, det_bar: Matrix
) -> tuple[Kernel, Kernel]:
    """The adjoints of both kernels, given those of their product, its misfit and its log det.

    ``det_bar`` is multiplied by the number of junctions that share ``W``.
    """
    AT, M = transpose(right.A), at.M
    G, K = matmul(M, left.A), matmul(at.U, left.A)
    J2 = bar.J + transpose(bar.J)
    KJ = matmul(K, J2)
    nu_bar = subtract(matvec(left.A, bar.eta), left.b, misfit_bar)
    back = matmul(AT, bar.A)
    M_bar = matmul(back, transpose(left.A))
    state, kernel = _junction_vjp(
        State(left.b, left.C), right, at, State(bar.b, bar.C), nu_bar, M_bar, misfit_bar, det_bar
    )
    from_left = Kernel(
        add_outer(add_matmul(KJ, transpose(M), back), at.nu, bar.eta),
        state.mean,
        add_matmul(state.cov, KJ, transpose(K), -0.5),
        bar.eta,
        bar.J,
    )
    from_right = kernel._replace(
        A=add_matmul(kernel.A, bar.A, transpose(G)),
        J=add_matmul(kernel.J, matmul(G, J2), transpose(G), 0.5),
    )
    return from_left, from_right


def absorb_vjp(
    state: State, kernel: Kernel, at: Junction, bar: State, misfit_bar: Matrix, det_bar: Matrix
) -> tuple[State, Kernel]:
    """The adjoints of the earlier law and of the kernel, given that of the later law."""
    return _junction_vjp(
        state, kernel, at, bar, -misfit_bar * state.mean, None, misfit_bar, det_bar
    )


def _junction_vjp(
    law: State,
    kernel: Kernel,
    at: Junction,
    bar: State,
    nu_bar: Tensor,
    M_bar: Matrix | None,
    misfit_bar: Matrix,
    det_bar: Matrix,
) -> tuple[State, Kernel]:
    """What both adjoints share: those of the law, and of the kernel that takes it on."""
    A, M, U, V = kernel.A, at.M, at.U, at.V
    MT = transpose(M)
    E, D = matmul(A, M), matmul(A, V)
    C2 = bar.cov + transpose(bar.cov)
    CD = matmul(C2, D)
    mu_bar = subtract(matvec(transpose(A), bar.mean), kernel.eta, misfit_bar)
    beta_bar, gamma_bar = matvec(MT, mu_bar), matvec(M, nu_bar)
    M_bar = add_outer(0 * M if M_bar is None else M_bar, mu_bar, at.beta)
    M_bar = add_outer(M_bar, at.gamma, nu_bar)
    cov_bar = add_outer(det_bar * U, beta_bar, kernel.eta)
    cov_bar = add_matmul(cov_bar, transpose(E), matmul(C2, E), 0.5)
    J_bar = add_outer(det_bar * V, gamma_bar, law.mean, -1)
    J_bar = add_matmul(J_bar, transpose(D), CD, -0.5)
    mean_bar = add_matvec(beta_bar, kernel.J, gamma_bar, -1)
    eta_bar = add_matvec(gamma_bar, law.cov, beta_bar)
    earlier = State(
        subtract(mean_bar, at.nu, misfit_bar),
        add_matmul(cov_bar, matmul(MT, M_bar), U, -1),
    )
    from_kernel = Kernel(
        add_outer(CD, bar.mean, at.mu),
        bar.mean,
        bar.cov,
        subtract(eta_bar, at.mu, misfit_bar),
        add_matmul(J_bar, V, matmul(M_bar, MT), -1),
    )
    return earlier, from_kernel
