"""Single steps in machine code, between which the user does what he likes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, final

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from pyro.compile import switch
from pyro.infer.fit.compiled.machine_code import MachineCode
from pyro.infer.fit.graph.graphs import Graphs
from pyro.infer.fit.loops.watch import CompiledByTorch, Unwatchable, Watch
from pyro.infer.fit.steps.call import Call, EagerStep, Objective
from pyro.infer.fit.steps.engine import EngineName, StepEngine
from pyro.infer.fit.steps.form import PLAIN, Form, is_simple
from pyro.infer.fit.steps.protocol import Loss
from pyro.infer.fit.steps.trusted import TrustedSteps
from pyro.optim.optim import PyroOptim
from pyro.params.param_store import PARAM_STORE
from pyro.rng import new_seed
from pyro.runtime import STATE

_MOST_CHANGES = 3
_PATIENCE = 5


@final
class Stepper:
    """Makes steps one by one, in machine code where that is sure to do what torch would do.

    The parameters and the state of the optimiser are read before a step and written after it, and
    all tensors in the arguments are inputs of the code. What else the programs read is watched: if
    it changes between two steps, the code is made anew. A program that changes something itself is
    left to torch.

    :param step: Makes a step in torch.
    :param objective: The loss as a tensor; or why there is none.
    :param optim: The optimiser.
    :param roots: What is watched: the model, the guide and the objective.
    :param explicit: Whether the user has asked for machine code. Then a program may change
        something: it will not in machine code.
    :param on_gpu: Whether parameters are on a GPU: steps are CUDA graphs instead of machine code.
    """

    def __init__(
        self,
        step: EagerStep,
        objective: Objective | str,
        optim: PyroOptim,
        roots: Mapping[str, Any],
        explicit: bool = False,
        on_gpu: bool = False,
    ) -> None:
        self._step, self._optim = step, optim
        self._roots, self._explicit = dict(roots), explicit
        self._watch: Watch | None = None
        self._changes = 0
        self._native = False
        self._once: Callable[[Sequence[Tensor]], Loss | None] | None = None
        self._form: Form | None = None  # of the arguments of such steps
        maker: Graphs | MachineCode
        if on_gpu:
            maker = Graphs(step, objective, optim, changing=True, is_strict=False)
        else:
            maker = MachineCode(
                step, objective, optim, changing=True, seeds=new_seed, is_strict=False
            )
        patience = 0 if explicit or on_gpu else _PATIENCE
        self._steps = TrustedSteps[Any](maker, after=0, name="SVI.step", patience=patience)
        self._held: list[tuple[str | None, Tensor]] = []
        if type(optim).__call__ is not PyroOptim.__call__:
            self._give_up(f"{type(optim).__name__} makes updates in its own way")

    @property
    def engine(self) -> StepEngine:
        """What made the last step."""
        name: EngineName = self._steps.engine if self._native else "torch"
        return StepEngine(name, self._steps.compiled, self._steps.reason)

    def __call__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Loss:
        """Make a step."""
        if self._once is not None:
            loss = self._again(args, kwargs)
            if loss is not None:
                return loss
            self._once = None
        self._native = False
        if self._steps.reason is not None or not self._may_be_native():
            return self._step(args, kwargs)[0]
        strange = self._strange(args, kwargs)
        if strange is not None:
            self._give_up(f"an argument is a {strange}, which may change unseen")
            return self._step(args, kwargs)[0]
        if not self._is_as_recorded():
            self._steps.forget()
        return self._slowly(args, kwargs)

    def _slowly(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Loss:
        known, before = len(self._steps.leaves), self._steps.compiled
        (losses,) = self._steps(1, args, kwargs)
        self._steps.settle()
        self._native = self._steps.compiled > before
        if not self._native:
            self._note_step()
        elif all(map(is_simple, (*args, *kwargs.values()))):
            self._once = self._steps.trusted(Call(args, kwargs))
            self._form = None if self._once is None else Form(args, kwargs)
        if len(self._steps.leaves) != known:
            self._hold()
        return losses[0]

    def _again(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Loss | None:
        """A step like the one before, if everything is as it was then."""
        assert self._once is not None and self._form is not None
        tensors = self._form.tensors(args, kwargs)
        if tensors is None or not self._may_be_native() or not self._is_unchanged():
            return None
        return self._once(tensors)

    # ------------------------------------------------------------ what is around the step

    def _may_be_native(self) -> bool:
        """Whether nothing around the step acts on it."""
        return (
            switch.ENABLED
            and not STATE.stack
            and not torch._C._len_torch_dispatch_stack()
            and torch.is_grad_enabled()
            and not torch.is_autocast_enabled("cpu")
            and not (torch.distributed.is_available() and torch.distributed.is_initialized())
            and not any(_has_hooks(leaf) for _, leaf in self._held)
        )

    def _strange(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str | None:
        """The type of an argument of which nobody knows whether it is the same again."""
        for x in pytree.tree_leaves((args, kwargs)):
            if type(x) not in PLAIN and not isinstance(x, Tensor):
                return type(x).__name__
        return None

    def _is_unchanged(self) -> bool:
        names = PARAM_STORE.param_name
        for name, leaf in self._held:
            if not leaf.requires_grad or (name is not None and names(leaf) != name):
                return False
        return self._watch is None or self._watch.changed() is None

    def _is_as_recorded(self) -> bool:
        """Whether all that the programs read is as it was when the code was made."""
        if self._watch is None:
            self._look()
            return True
        if self._is_unchanged():
            return True
        changed = self._watch.changed()
        if changed is None:  # then it is a parameter
            self._steps.leaves.clear()
            self._held = []
            return False
        self._look()
        self._changes += 1
        if self._changes > _MOST_CHANGES:
            self._give_up(f"{changed.name} changes from step to step")
        return False

    def _note_step(self) -> None:
        """After a step in torch: has it changed something?"""
        if self._watch is None:
            return
        changed = self._watch.settle()
        if changed is None:
            return
        if not self._explicit:
            self._give_up(f"a step changes {changed.name}")
        self._look()

    def _look(self) -> None:
        try:
            self._watch = Watch(self._roots)
        except Unwatchable as error:
            self._watch = None
            if not self._explicit or isinstance(error, CompiledByTorch):
                self._give_up(str(error))

    def _hold(self) -> None:
        """Remember which of the leaves are in the store."""
        self._held = [(PARAM_STORE.param_name(leaf), leaf) for leaf in self._steps.leaves.values()]

    def _give_up(self, reason: str) -> None:
        self._steps.give_up(reason)


def _has_hooks(leaf: Tensor) -> bool:
    return bool(leaf._backward_hooks) or bool(leaf._post_accumulate_grad_hooks)
