"""Hamiltonian Monte Carlo whose chains find the length of trajectories together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from pyro.infer.mcmc.hamiltonian import HamiltonianKernel, Question
from pyro.infer.mcmc.mcmc_kernel import Params
from pyro.infer.mcmc.trajectories import Trajectories
from pyro.infer.model.initialization import Strategy, init_to_uniform


class ChEES(HamiltonianKernel):
    """HMC for many chains: all make equally many steps, and learn from each other how many.

    Warm-up maximises the change in the estimator of the expected square (ChEES) by the length of
    trajectories. Each transition goes a different part of the length, so that no period is met. The
    step size is adapted by dual averaging and a diagonal mass matrix from draws and gradients, all
    pooled over chains; use some dozens of chains or more. On accelerators this is faster than NUTS,
    whose trajectories differ in length.

    Hoffman, Radul and Sountsov (2021), *An Adaptive-MCMC Scheme for Setting Trajectory Lengths in
    Hamiltonian Monte Carlo*. There the acceptance rate that is adapted is a harmonic mean over
    chains, here it is the arithmetic one.

    :param model: A function that calls ``pyro.sample``. Its discrete sites with finite support are
        summed out.
    :param potential_fn: Instead of a model, as for :class:`~pyro.infer.mcmc.NUTS`.
    :param step_size: The first step size.
    :param trajectory_length: The first length, in units of time.
    :param adapt_step_size: Whether warm-up adapts the step size.
    :param adapt_mass_matrix: Whether warm-up adapts the mass matrix.
    :param transforms: As for :class:`~pyro.infer.mcmc.NUTS`.
    :param max_plate_nesting: How many batch dims plates occupy, where sites are summed out.
    :param target_accept_prob: What the step size is adapted to.
    :param init_strategy: How :class:`~pyro.infer.mcmc.MCMC` chooses where chains start.
    :raises InferenceError: for both or neither of model and potential, or a bad option.

    Example::

        >>> from pyro.infer import MCMC, ChEES
        >>> def model():
        ...     with pyro.plate("d", 5):
        ...         pyro.sample("x", dist.Normal(1.0, torch.arange(1.0, 6.0)))
        >>> mcmc = MCMC(ChEES(model), 50, 100, num_chains=64, disable_progbar=True)
        >>> mcmc.run()
        >>> mcmc.get_samples(group_by_chain=True)["x"].shape
        torch.Size([64, 50, 5])
    """

    def __init__(
        self,
        model: Callable[..., Any] | None = None,
        potential_fn: Callable[[Params], Tensor] | None = None,
        step_size: float = 1.0,
        trajectory_length: float = 1.0,
        adapt_step_size: bool = True,
        adapt_mass_matrix: bool = True,
        transforms: Mapping[str, Any] | None = None,
        max_plate_nesting: int | None = None,
        target_accept_prob: float = 0.651,
        init_strategy: Strategy = init_to_uniform,
    ) -> None:
        super().__init__(
            Question(model, potential_fn, transforms, max_plate_nesting, init_strategy),
            Trajectories(
                kind="chees",
                step_size=step_size,
                adapt_step_size=adapt_step_size,
                adapt_mass_matrix=adapt_mass_matrix,
                target_accept_prob=target_accept_prob,
                trajectory_length=trajectory_length,
            ),
        )
