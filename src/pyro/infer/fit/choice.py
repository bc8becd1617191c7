"""Which engine makes the steps of a run."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, final

import torch
from torch import Tensor

from pyro.infer import fit
from pyro.infer.fit.feed import count
from pyro.infer.fit.loops.watch import of_torch
from pyro.infer.fit.objective import LossFn, wants_compilation
from pyro.infer.fit.options import RunOptions
from pyro.infer.fit.steps.engine import Kind
from pyro.infer.fit.steps.protocol import Steps
from pyro.infer.fit.steps.single import SingleSteps
from pyro.optim.optim import PyroOptim

if TYPE_CHECKING:
    from pyro.infer.fit.steps.call import EagerStep
    from pyro.infer.fit.steps.phase import Phase
    from pyro.infer.fit.steps.trusted import TrustedSteps

COMPILED_FROM = 100  # steps of a run that pay for machine code


class Programs(NamedTuple):
    """What steps are made of.

    :param step: Makes a step in torch.
    :param objective: The loss as a tensor, given the arguments of model and guide; or why there is
        none.
    :param optim: The optimiser.
    :param loss_and_grads: The objective as the user has given it.
    :param roots: Model, guide and objective, by a name for them.
    """

    step: EagerStep
    objective: LossFn | str
    optim: PyroOptim
    loss_and_grads: LossFn
    roots: dict[str, Any]


@final
class Choice:
    """Chooses the engine of a run, and keeps it for the next one.

    :ivar leaves: The unconstrained leaves of the last step, by name, once there was one.
    :ivar made: What made the steps of the last run, if they were compiled.
    """

    def __init__(self) -> None:
        self.leaves: Mapping[str, Tensor] = {}
        self.made: TrustedSteps[Any] | None = None
        self._made_of: tuple[Any, ...] | None = None

    def forget(self) -> None:
        """Keep nothing."""
        self.made = self._made_of = None

    @property
    def on_gpu(self) -> bool:
        """Whether parameters were on a GPU in the last step."""
        return any(leaf.is_cuda for leaf in self.leaves.values())

    def go_on(self, phase: Phase) -> None:
        """Let a run in machine code make the steps again that follow a phase."""
        assert self.made is not None
        self.made.go_on(phase)

    def __call__(
        self,
        programs: Programs,
        steps: int | None,
        options: RunOptions,
        left_off: Phase | None = None,
    ) -> Steps:
        """What makes the steps of a run.

        :param steps: How many there are at most, if that is limited.
        :param left_off: In which phase a run in machine code is to be gone on with.
        """
        total, wanted = steps, options.compile
        changing = options.batches is not None
        if options.batches is not None:
            total = count(options.batches, steps, options.epochs)
        if left_off is not None and wanted in (None, True):
            made = self._in_machine_code(programs, changing, left_off.after, bool(wanted))
            self.go_on(left_off)
            return made
        if wanted is None and wants_compilation(programs.loss_and_grads):
            wanted = True
        few = total is not None and total < COMPILED_FROM
        if wanted is False or (wanted is None and few):
            return SingleSteps(programs.step, programs.optim)
        after = COMPILED_FROM if total is None and not wanted else 1

        def make() -> TrustedSteps[Any]:
            if isinstance(wanted, str) or self.on_gpu:
                kind = wanted if isinstance(wanted, str) else "graph"
                return self._as_graph(programs, changing, after, kind)
            return self._in_machine_code(programs, changing, after, bool(options.compile))

        if not self.leaves and torch.cuda.is_available() and not isinstance(wanted, str):
            return fit.ChosenSteps(programs.step, programs.optim, make)
        return make()

    def _in_machine_code(
        self, programs: Programs, changing: bool, after: int, insists: bool
    ) -> TrustedSteps[Any]:
        autocast = torch.is_autocast_enabled("cpu")
        known = self._known((*_identity(programs), changing, insists, autocast), after)
        if known is not None:
            return known
        objective = programs.objective
        if autocast:
            objective = "torch.autocast is on, and machine code is float64"
        elif not insists:
            objective = of_torch(programs.roots) or objective
        code = fit.MachineCode(
            programs.step,
            objective,
            programs.optim,
            changing,
            insists=insists,
            forecast=partial(fit.forecast, *_forecast_of(programs)),
        )
        self.made = fit.TrustedSteps(code, after)
        return self.made

    def _as_graph(
        self, programs: Programs, changing: bool, after: int, kind: Kind
    ) -> TrustedSteps[Any]:
        known = self._known((*_identity(programs), changing, kind), after)
        if known is not None:
            return known
        compiled = of_torch(programs.roots)
        graphs = fit.Graphs(
            programs.step, programs.objective, programs.optim, changing, kind, compiled
        )
        self.made = fit.TrustedSteps(graphs, after)
        return self.made

    def _known(self, of: tuple[Any, ...], after: int) -> TrustedSteps[Any] | None:
        """What an earlier run has left, if it is of the same things."""
        if self.made is not None and self.made.may_go_on and self._made_of == of:
            self.made.restart(after)
            return self.made
        self._made_of = of
        return None


def _forecast_of(programs: Programs) -> tuple[Any, ...]:
    """What has to be looked at to know what the first step is made of."""
    roots, loss = programs.roots, programs.loss_and_grads
    return roots["model"], roots["guide"], getattr(loss, "__self__", loss), programs.optim


def _identity(programs: Programs) -> tuple[Any, ...]:
    roots = programs.roots
    return roots["model"], roots["guide"], programs.optim, programs.loss_and_grads
