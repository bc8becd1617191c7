"""The Metropolis algorithm with normal proposals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyro.infer.mcmc.hamiltonian import HamiltonianKernel, Question
from pyro.infer.mcmc.trajectories import Trajectories
from pyro.infer.model.initialization import Strategy, init_to_uniform


class RandomWalkKernel(HamiltonianKernel):
    """Proposals are normal with equal variances around the state, in unconstrained coordinates.

    It needs no gradients, and is of use for a few coordinates only. All chains move as one batch.
    During warm-up the step size is adapted by dual averaging.

    Metropolis et al. (1953), *Equation of State Calculations by Fast Computing Machines*; for the
    acceptance rate Roberts, Gelman and Gilks (1997), *Weak convergence and optimal scaling of
    random walk Metropolis algorithms*.

    :param model: A function that calls ``pyro.sample``. Its discrete sites with finite support are
        summed out.
    :param init_step_size: The first standard deviation of proposals.
    :param target_accept_prob: What it is adapted to.
    :param init_strategy: How :class:`~pyro.infer.mcmc.MCMC` chooses where chains start.
    :raises InferenceError: for a bad option.

    Example::

        >>> from pyro.infer import MCMC, RandomWalkKernel
        >>> def model(data):
        ...     rate = pyro.sample("rate", dist.Beta(2.0, 2.0))
        ...     with pyro.plate("data", len(data)):
        ...         pyro.sample("x", dist.Bernoulli(rate), obs=data)
        >>> kernel = RandomWalkKernel(model)
        >>> mcmc = MCMC(kernel, num_samples=500, num_chains=4, disable_progbar=True)
        >>> mcmc.run(torch.tensor([1.0, 1.0, 0.0, 1.0]))
        >>> abs(mcmc.get_samples()["rate"].mean() - 5 / 8) < 0.05
        tensor(True)
    """

    def __init__(
        self,
        model: Callable[..., Any],
        init_step_size: float = 0.1,
        target_accept_prob: float = 0.234,
        *,
        init_strategy: Strategy = init_to_uniform,
    ) -> None:
        super().__init__(
            Question(model, init_strategy=init_strategy),
            Trajectories(
                kind="walk",
                step_size=init_step_size,
                adapt_mass_matrix=False,
                target_accept_prob=target_accept_prob,
            ),
        )
