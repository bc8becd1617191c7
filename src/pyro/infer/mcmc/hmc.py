"""Hamiltonian Monte Carlo with trajectories of a fixed length."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from pyro.infer.mcmc.hamiltonian import HamiltonianKernel, Question
from pyro.infer.mcmc.mcmc_kernel import Params
from pyro.infer.mcmc.trajectories import Adaptation, FullMass, Trajectories
from pyro.infer.model.initialization import Strategy, init_to_uniform


class HMC(HamiltonianKernel):
    """Hamiltonian Monte Carlo: trajectories of a fixed length, accepted or not as a whole.

    See Neal (2011), *MCMC Using Hamiltonian Dynamics*. :class:`~pyro.infer.mcmc.NUTS` chooses the
    length by itself, and is the better default.

    :param trajectory_length: Step size times number of steps; 2 pi by default, as in Pyro. That is
        a whole period of a normal density in units of the mass matrix: once warm-up has found
        those, draws of a nearly normal posterior come back to where they were. Give half a pi
        there, or use NUTS.
    :param num_steps: How many steps a trajectory has, instead of a length.

    :param min_stepsize: Adaptation goes no lower.
    :param max_stepsize: Adaptation goes no higher.

    The other parameters are those of :class:`~pyro.infer.mcmc.NUTS`.

    :raises InferenceError: for both or neither of model and potential, or a bad option.

    Example::

        >>> from pyro.infer import HMC, MCMC
        >>> def energy(params):
        ...     return (params["x"] ** 2).sum() / 2
        >>> kernel = HMC(potential_fn=energy, num_steps=5)
        >>> start = {"x": torch.zeros(3)}
        >>> mcmc = MCMC(kernel, 400, initial_params=start, disable_progbar=True)
        >>> mcmc.run()
        >>> mcmc.get_samples()["x"].shape
        torch.Size([400, 3])
    """

    def __init__(
        self,
        model: Callable[..., Any] | None = None,
        potential_fn: Callable[[Params], Tensor] | None = None,
        step_size: float = 1,
        trajectory_length: float | None = None,
        num_steps: int | None = None,
        adapt_step_size: bool = True,
        adapt_mass_matrix: bool = True,
        full_mass: FullMass = False,
        transforms: Mapping[str, Any] | None = None,
        max_plate_nesting: int | None = None,
        jit_compile: bool = False,
        jit_options: Mapping[str, Any] | None = None,
        ignore_jit_warnings: bool = False,
        target_accept_prob: float = 0.8,
        init_strategy: Strategy = init_to_uniform,
        *,
        min_stepsize: float = 1e-10,
        max_stepsize: float = 1e10,
        adaptation: Adaptation = "fisher",
        low_rank: bool = False,
    ) -> None:
        if trajectory_length is None and num_steps is None:
            trajectory_length = 2 * math.pi
        super().__init__(
            Question(model, potential_fn, transforms, max_plate_nesting, init_strategy),
            Trajectories(
                kind="hmc",
                step_size=step_size,
                adapt_step_size=adapt_step_size,
                adapt_mass_matrix=adapt_mass_matrix,
                full_mass=full_mass,
                target_accept_prob=target_accept_prob,
                adaptation=adaptation,
                low_rank=low_rank,
                trajectory_length=trajectory_length,
                num_steps=num_steps,
                min_step_size=min_stepsize,
                max_step_size=max_stepsize,
            ),
        )
