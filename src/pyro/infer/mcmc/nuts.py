"""The no-U-turn sampler."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from pyro.infer.mcmc.hamiltonian import HamiltonianKernel, Question
from pyro.infer.mcmc.mcmc_kernel import Params
from pyro.infer.mcmc.trajectories import Adaptation, FullMass, Trajectories
from pyro.infer.model.initialization import Strategy, init_to_uniform


class NUTS(HamiltonianKernel):
    """Hamiltonian Monte Carlo whose trajectories end when they turn around.

    The next state is drawn from the trajectory by the weights of its points (multinomial), the
    criterion is the generalised one of Betancourt, checked across subtrees. During warm-up the step
    size is adapted by dual averaging and the mass matrix from draws *and* gradients.

    See Hoffman and Gelman (2014), *The No-U-Turn Sampler*; Betancourt (2017), *A Conceptual
    Introduction to Hamiltonian Monte Carlo*, appendix A; for the mass matrix Seyboldt, Carlson and
    Carpenter (2026), arXiv 2603.18845.

    :param model: A function that calls ``pyro.sample``. Its discrete sites with finite support are
        summed out.
    :param potential_fn: Instead of a model: from unconstrained tensors by name to the potential
        energy (minus the log density); give ``initial_params`` to ``MCMC`` then.
    :param step_size: The first step size.
    :param adapt_step_size: Whether warm-up adapts it.
    :param adapt_mass_matrix: Whether warm-up adapts the mass matrix; without, it is the identity.
    :param full_mass: False for a diagonal mass matrix, True for a dense one, or a list of tuples of
        names of sites: each is a dense block, the rest is diagonal.
    :param use_multinomial_sampling: False for slice sampling.
    :param transforms: Bijections from supports to unconstrained values by name of site, in place of
        all the automatic ones.
    :param max_plate_nesting: How many batch dims plates occupy, where sites are summed out.
    :param jit_compile: Densities are compiled wherever they can be; accepted and ignored, as are
        ``jit_options`` and ``ignore_jit_warnings``.
    :param target_accept_prob: What the step size is adapted to; higher is slower and more accurate.
    :param max_tree_depth: Trajectories have at most ``2 ** max_tree_depth - 1`` steps.
    :param init_strategy: How :class:`~pyro.infer.mcmc.MCMC` chooses where chains start.
    :param adaptation: "fisher": the mass matrix from draws and gradients; "stan": from draws, in
        windows.
    :param low_rank: Whether a diagonal mass matrix gets a low-rank correction. By default it gets
        one when warm-up sees trajectories of dozens of steps that it would shorten severalfold;
        batches of chains never do.
    :raises InferenceError: for both or neither of model and potential, or a bad option.

    Example::

        >>> from pyro.infer import MCMC, NUTS
        >>> def model(data):
        ...     loc = pyro.sample("loc", dist.Normal(0.0, 10.0))
        ...     with pyro.plate("data", len(data)):
        ...         pyro.sample("x", dist.Normal(loc, 1.0), obs=data)
        >>> mcmc = MCMC(NUTS(model), num_samples=500, warmup_steps=200, disable_progbar=True)
        >>> mcmc.run(torch.tensor([2.5, 3.5, 3.0]))
        >>> abs(mcmc.get_samples()["loc"].mean() - 3.0) < 0.2
        tensor(True)
    """

    def __init__(
        self,
        model: Callable[..., Any] | None = None,
        potential_fn: Callable[[Params], Tensor] | None = None,
        step_size: float = 1,
        adapt_step_size: bool = True,
        adapt_mass_matrix: bool = True,
        full_mass: FullMass = False,
        use_multinomial_sampling: bool = True,
        transforms: Mapping[str, Any] | None = None,
        max_plate_nesting: int | None = None,
        jit_compile: bool = False,
        jit_options: Mapping[str, Any] | None = None,
        ignore_jit_warnings: bool = False,
        target_accept_prob: float = 0.8,
        max_tree_depth: int = 10,
        init_strategy: Strategy = init_to_uniform,
        *,
        adaptation: Adaptation = "fisher",
        low_rank: bool | None = None,
    ) -> None:
        super().__init__(
            Question(model, potential_fn, transforms, max_plate_nesting, init_strategy),
            Trajectories(
                kind="nuts",
                step_size=step_size,
                adapt_step_size=adapt_step_size,
                adapt_mass_matrix=adapt_mass_matrix,
                full_mass=full_mass,
                target_accept_prob=target_accept_prob,
                adaptation=adaptation,
                low_rank=low_rank,
                multinomial=use_multinomial_sampling,
                max_tree_depth=max_tree_depth,
            ),
        )
