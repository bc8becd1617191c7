"""The loss and the gradients of a step as operations of torch, without Python around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, final

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from pyro.compile.not_capturable import NotCapturable, not_capturable
from pyro.compile.torch_graph import record_graph
from pyro.distributions.validation import trusted_values
from pyro.infer import validation
from pyro.infer.fit.graph.generators import Generators
from pyro.infer.fit.graph.replay import Program, Replay, compiled_by_torch, replay_of, restored
from pyro.infer.fit.steps.call import Call, Objective
from pyro.infer.fit.steps.engine import Kind
from pyro.infer.fit.steps.protocol import Loss
from pyro.infer.not_finite import unread
from pyro.infer.param_capture import ParamCapture
from pyro.primitives.validation import unchecked


class Evaluation(NamedTuple):
    """What a step knows before its update.

    :param loss: The loss, or all of them.
    :param fine: Whether all is finite, and no branch of a library took another way.
    :param gradients: Those of the parameters that have one, in their order.
    """

    loss: Loss
    fine: bool
    gradients: Sequence[Tensor]


@final
class GraphTape:
    """A step up to its update, recorded once.

    It draws from torch's generators what the step itself would draw.

    :param objective: The loss as a tensor, given the arguments of model and guide.
    :param leaves: All parameters of a step, by name.
    :param moved: The names of those that have a gradient.
    :param call: Arguments; their tensors are inputs if ``changing``, otherwise constants.
    :param kind: ``"inductor"``: with kernels by ``torch.compile``.
    :param records: False: programs that ``torch.compile`` has compiled are part of the step. They
        are not recorded, but captured as they are; on a GPU only.
    :raises NotCapturable: if a step is not always the same.
    """

    def __init__(
        self,
        objective: Objective,
        leaves: Mapping[str, Tensor],
        moved: Sequence[str],
        call: Call,
        changing: bool,
        kind: Kind,
        records: bool = True,
    ) -> None:
        self._objective, self.leaves = objective, dict(leaves)
        self.moved = [leaves[name] for name in moved]
        self._device = device_of(leaves)
        self._changing, self._is_several = changing, False
        self._generators = Generators(self._device)
        self._addresses = self._where()
        inputs = self._inputs(call)
        self._call = self._with(call, inputs) if changing else call
        self.changed: list[Tensor] = []
        self._replay = self._make(inputs, kind, records)
        if kind == "inductor":
            self.foresee(call)  # torch compiles when it is called

    def _make(self, inputs: Sequence[Tensor], kind: Kind, records: bool) -> Replay:
        fixed = list(self.leaves.values())
        if not records:
            return replay_of(self._captured, fixed, inputs, self._device)
        torch.clear_autocast_cache()
        with self._generators.kept():
            graph = record_graph(self._step, [*fixed, *inputs])
        self.changed = graph.changed
        if self._device.type == "cuda" and graph.elsewhere is not None:
            raise NotCapturable(graph.elsewhere, "which no CUDA graph has")
        program: Program = graph.module
        if kind == "inductor":
            program = compiled_by_torch(graph.module)
        return replay_of(_reported(program), fixed, inputs, self._device, self.changed)

    def _step(self) -> tuple[Sequence[Tensor], Tensor]:
        with unchecked(), trusted_values(), unread(), ParamCapture() as seen:
            loss = self._objective(*self._call.args, **self._call.kwargs)
        self._is_several = isinstance(loss, tuple)
        losses = list(loss) if self._is_several else [loss]
        for x in losses:
            if not isinstance(x, Tensor) or x.dim():
                raise not_capturable(f"the loss is {type(x).__name__}, not a scalar tensor")
        if seen.leaves.keys() != self.leaves.keys():
            names = sorted(seen.leaves.keys() ^ self.leaves.keys())
            raise not_capturable(f"the parameter {names[0]!r} is not in every step")
        total = losses[0] if len(losses) == 1 else torch.stack(losses).sum()
        found = torch.autograd.grad(total, self.moved, allow_unused=True)
        gradients = [g for g in found if g is not None]
        if len(gradients) != len(found):
            raise not_capturable("a parameter has a gradient in some steps only")
        values = torch.stack([x.detach() for x in losses]).to(torch.float64)
        fine = values.isfinite().all()
        if validation.VALIDATE:
            norms = torch._foreach_norm(gradients)
            fine = fine & torch.stack([norm.to(values) for norm in norms]).isfinite().all()
        return [values, *_separate(gradients, self.moved)], fine

    def _captured(self, *tensors: Tensor) -> Sequence[Tensor]:
        """A step as Python, for what can only be captured."""
        with torch.enable_grad():
            (values, *gradients), fine = self._step()
        return [_report(values, fine), *gradients]

    def evaluate(self, call: Call) -> Evaluation:
        """The loss and the gradients, of which the next evaluation may reuse the memory."""
        report, *gradients = self._replay(self._inputs(call))
        *losses, fine = report.tolist()
        return Evaluation(tuple(losses) if self._is_several else losses[0], bool(fine), gradients)

    def attempt(self, call: Call) -> Evaluation | None:
        """The same; None, and nothing has happened, if the step cannot be made so."""
        before, changed = self._generators.get(), [x.clone() for x in self.changed]
        found = self.evaluate(call)
        if found.fine:
            return found
        self._generators.set(before)
        with torch.no_grad():
            for x, value in zip(self.changed, changed, strict=True):
                x.copy_(value)
        return None

    def foresee(self, call: Call) -> Evaluation | None:
        """The same, without a trace: the generators are where they were."""
        with self._generators.kept(), restored(self.changed):
            found = self.evaluate(call)
        gradients = [g.clone() for g in found.gradients]
        return found._replace(gradients=gradients) if found.fine else None

    def is_current(self) -> bool:
        """Whether the parameters are where they were."""
        return self._device.type != "cuda" or self._where() == self._addresses

    def _where(self) -> list[int]:
        return [leaf.data_ptr() for leaf in self.leaves.values()]

    def _inputs(self, call: Call) -> list[Tensor]:
        given = call.tensors if self._changing else []
        return [x.detach().to(self._device, non_blocking=True) for x in given]

    def _with(self, call: Call, tensors: Sequence[Tensor]) -> Call:
        """The same arguments with other tensors."""
        waiting = iter(tensors)
        return Call(
            *pytree.tree_map(lambda x: next(waiting) if isinstance(x, Tensor) else x, tuple(call))
        )


def device_of(leaves: Mapping[str, Tensor]) -> torch.device:
    """The device of all parameters.

    :raises NotCapturable: if there are several.
    """
    devices = {leaf.device for leaf in leaves.values()}
    if len(devices) != 1:
        names = ", ".join(sorted(map(str, devices))) or "no device"
        raise NotCapturable(f"parameters are on {names}", "the parameters")
    return devices.pop()


def _reported(program: Program) -> Program:
    """The same outputs, with the losses and what is fine in one tensor."""

    def reported(*tensors: Tensor) -> Sequence[Tensor]:
        with torch._C._DisableAutocast():  # what it would do is among the operations
            values, *gradients, fine = program(*tensors)
        return [_report(values, fine), *gradients]

    return reported


def _report(values: Tensor, fine: Tensor) -> Tensor:
    return torch.cat([values, fine.to(values.dtype).reshape(1)])


def _separate(gradients: Sequence[Tensor], leaves: Sequence[Tensor]) -> list[Tensor]:
    """Gradients with a memory of their own, in the order of that of their leaves."""
    found: list[Tensor] = []
    seen: set[int] = set()
    for g, leaf in zip(gradients, leaves, strict=True):
        storage = g.untyped_storage()._cdata
        if storage in seen or g.stride() != leaf.stride():
            g = torch.empty_like(leaf, requires_grad=False).copy_(g)
        seen.add(storage)
        found.append(g)
    return found
