"""What HMC and NUTS share: whose density, and how trajectories are made and adapted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from pyro.infer.errors import InferenceError
from pyro.infer.mcmc.adaptation.arrowhead_mass_matrix import ArrowheadMassMatrix
from pyro.infer.mcmc.adaptation.block_mass_matrix import BlockMassMatrix
from pyro.infer.mcmc.adaptation.mass_matrix import MassMatrix
from pyro.infer.mcmc.engines.stepper import Stepper
from pyro.infer.mcmc.mcmc_kernel import MCMCKernel, Params
from pyro.infer.mcmc.trajectories import Trajectories
from pyro.infer.model.density import ModelDensity
from pyro.infer.model.initialization import Strategy, init_to_uniform
from pyro.infer.model.potential import PotentialDensity


@dataclass(frozen=True)
class Question:
    """What a kernel is asked about: a model, or a potential energy; exactly one of them.

    ``transforms`` and ``max_plate_nesting`` are as for
    :class:`~pyro.infer.model.density.ModelDensity`.
    """

    model: Callable[..., Any] | None
    potential_fn: Callable[[dict[str, Tensor]], Tensor] | None = None
    transforms: Mapping[str, Any] | None = None
    max_plate_nesting: int | None = None
    init_strategy: Strategy = init_to_uniform

    def __post_init__(self) -> None:
        if (self.model is None) == (self.potential_fn is None):
            raise InferenceError("Only one of `model` or `potential_fn` must be specified.")


class HamiltonianKernel(MCMCKernel):
    """A kernel that follows the gradient of a density; HMC and NUTS are of this kind.

    ``question`` and ``trajectories`` are all that an engine reads.
    """

    def __init__(self, question: Question, trajectories: Trajectories) -> None:
        self.question = question
        self.trajectories = trajectories
        self._initial: Params | None = None
        self._mass_matrix: MassMatrix | None = None
        self._stepper: Stepper | None = None

    @property
    def model(self) -> Callable[..., Any] | None:
        """The model, if the kernel was made for one."""
        return self.question.model

    @property
    def potential_fn(self) -> Callable[[Params], Tensor] | None:
        """The potential energy that the kernel was made for, if it was."""
        return self.question.potential_fn

    @property
    def mass_matrix_adapter(self) -> MassMatrix | None:
        """A mass matrix in place of the kernel's own choice; None is that choice.

        An :class:`~pyro.infer.mcmc.ArrowheadMassMatrix` stands for ``low_rank=True``, a
        :class:`~pyro.infer.mcmc.BlockMassMatrix` for what ``full_mass`` says; they are estimated
        natively.
        """
        return self._mass_matrix

    @mass_matrix_adapter.setter
    def mass_matrix_adapter(self, adapter: MassMatrix) -> None:
        low_rank = isinstance(adapter, ArrowheadMassMatrix)
        if not low_rank and not isinstance(adapter, BlockMassMatrix):
            raise InferenceError(
                "mass_matrix_adapter must be a BlockMassMatrix or an ArrowheadMassMatrix for the "
                f"native samplers, but got {type(adapter).__name__}; write a kernel of your own "
                "for other matrices"
            )
        self._mass_matrix = adapter
        if low_rank:
            self.trajectories = replace(self.trajectories, low_rank=True, full_mass=False)

    def posterior(
        self,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        example: Params | None,
        transforms: Mapping[str, Any] | None = None,
    ) -> ModelDensity | PotentialDensity:
        """The density that is asked about, for arguments of the model.

        :param example: Unconstrained values by name; a potential energy needs them.
        :param transforms: In place of the kernel's own.
        """
        q = self.question
        if transforms is None:
            transforms = q.transforms
        if q.model is not None:
            return ModelDensity(
                q.model,
                *args,
                max_plate_nesting=q.max_plate_nesting,
                init=q.init_strategy,
                transforms=transforms,
                **kwargs,
            )
        if example is None:
            raise InferenceError(
                "a kernel with potential_fn needs initial_params: it cannot know the names and "
                "shapes of the unknowns"
            )
        assert q.potential_fn is not None
        return PotentialDensity(q.potential_fn, example, transforms)

    @property
    def initial_params(self) -> Params:
        """Where a chain starts, by name of site; unconstrained."""
        if self._stepper is not None:
            return self._stepper.initial_params
        if self._initial is None:
            raise InferenceError("call kernel.setup(warmup_steps, *args) first")
        return self._initial

    @initial_params.setter
    def initial_params(self, params: Params) -> None:
        self._initial = params

    def setup(self, warmup_steps: int, *args: Any, **kwargs: Any) -> None:
        """Make the density and find a start; for use without :class:`~pyro.infer.mcmc.MCMC`."""
        posterior = self.posterior(args, kwargs, self._initial)
        self._stepper = Stepper(
            posterior, self.trajectories, warmup_steps, self._initial, self.question.init_strategy
        )

    def sample(self, params: Params) -> Params:
        """One transition from ``params``."""
        if self._stepper is None:
            raise InferenceError("call kernel.setup(warmup_steps, *args) first")
        return self._stepper.step(params)

    def logging(self) -> dict[str, str]:
        """Step size and acceptance probability of the last transition."""
        return {} if self._stepper is None else self._stepper.logging()

    def diagnostics(self) -> dict[str, Any]:
        """Divergences by draw after warm-up, and the mean acceptance probability."""
        return {} if self._stepper is None else self._stepper.diagnostics()

    def cleanup(self) -> None:
        """Forget the chain."""
        self._stepper = None
