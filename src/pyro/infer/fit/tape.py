"""One step of SVI as machine code: noise, guide, model, objective, gradient, update."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, final

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from pyro.compile.draws import Key, make_key
from pyro.compile.iteration import Iteration, Outcome, Slice, compile_iteration
from pyro.compile.not_capturable import not_capturable
from pyro.distributions.validation import trusted_values
from pyro.infer import validation
from pyro.infer.fit.shared_memory import SharedMemory, share
from pyro.infer.not_finite import unread
from pyro.infer.param_capture import ParamCapture
from pyro.ops.contract import loops_are_cheap
from pyro.optim.flat import FlatOptimizer
from pyro.optim.optim import PyroOptim
from pyro.primitives.validation import unchecked

Objective = Callable[..., Any]


class Call(NamedTuple):
    """The arguments of a step."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    @property
    def tensors(self) -> list[Tensor]:
        """All tensors in the arguments."""
        return [x for x in pytree.tree_leaves((self.args, self.kwargs)) if isinstance(x, Tensor)]


@final
class Tape:
    """The code of a step, with the parameters and the optimiser that it moves.

    :param objective: The loss as a tensor, given the arguments of model and guide.
    :param optim: The optimiser; it has updated the leaves before.
    :param leaves: All parameters of a step, by name.
    :param moved: The names of those that have a gradient.
    :param call: Arguments; their tensors are inputs if ``changing``, otherwise constants.
    :param taken: How many random numbers a step takes, by stream.
    :raises NotCapturable: if a step is no tape. :raises NotFlat: if the optimiser is none.
    """

    def __init__(
        self,
        objective: Objective,
        optim: PyroOptim,
        leaves: Mapping[str, Tensor],
        moved: Sequence[str],
        call: Call,
        changing: bool,
        taken: Mapping[str, int],
    ) -> None:
        self._objective, self._call = objective, call
        self._changing, self._leaves = changing, dict(leaves)
        self.flat = FlatOptimizer(optim, {name: leaves[name] for name in moved})
        self._key = make_key(0)
        self._key_numbers = self._key.numpy()
        self._shared: SharedMemory | None = None
        self.ahead = 0  # steps that torch's tensors do not know of
        self.iteration: Iteration = compile_iteration(
            self._step,
            [self._key, *self.flat.arrays],
            [Slice(t, 1, k) for t, k in zip(self.flat.leaves, self.flat.offsets, strict=True)],
            call.tensors if changing else (),
            taken,
        )

    def _step(self) -> Outcome:
        with unchecked(), trusted_values(), unread(), loops_are_cheap(), ParamCapture() as seen:
            loss = self._objective(*self._call.args, **self._call.kwargs)
        if not isinstance(loss, Tensor) or loss.dim():
            raise not_capturable(f"the loss is {type(loss).__name__}, not a scalar tensor")
        if seen.leaves.keys() != self._leaves.keys():
            names = sorted(seen.leaves.keys() ^ self._leaves.keys())
            raise not_capturable(f"the parameter {names[0]!r} is not in every step")
        found = torch.autograd.grad(loss, self.flat.leaves, allow_unused=True)
        gradients = [g for g in found if g is not None]
        if len(gradients) != len(found):
            raise not_capturable("a parameter has a gradient in some steps only")
        whole = torch.cat([g.reshape(-1).to(torch.float64) for g in gradients])
        go_on = loss.detach().isfinite()
        if validation.VALIDATE:
            go_on = go_on & whole.isfinite().all()
        key = self._key + torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
        state = [key, *self.flat.step(gradients)]
        return Outcome(loss.detach().to(torch.float64), go_on, state, [whole])

    def run(self, n: int, key: Key, call: Call) -> tuple[list[float], bool]:
        """Make up to ``n`` steps, the first with the random numbers of a key.

        :return: Their losses; and whether the next one is to be made in torch, since something is
            not finite or a branch took another way.
        """
        if not self.ahead:
            self.flat.read()
        self._key.copy_(key)
        losses, refused = self.iteration.run(n, call.tensors if self._changing else ())
        self.ahead += len(losses)
        return losses, refused

    def once(self, key: Sequence[float], tensors: Sequence[Tensor]) -> float | None:
        """Make a single step on torch's own memory: its loss, or None if it could not be made.

        To be called with nothing ahead, and only if :meth:`can_share`.
        """
        shared = self._shared
        assert shared is not None
        shared.read()
        self._key_numbers[:] = key
        losses, _ = self.iteration.run(1, tensors)
        if not losses:
            return None
        shared.write()
        return losses[0]

    def can_share(self) -> bool:
        """Whether :meth:`once` may be used: the parameters are where they were, plain in memory."""
        if self._shared is None or not self._shared.is_current():
            self._shared = share(self.flat)
        return self._shared is not None

    def settle(self) -> None:
        """Write parameters and state back to torch's tensors."""
        if self.ahead:
            self.flat.write(self.ahead)
            self.ahead = 0

    def foresee(self, key: Key, call: Call) -> tuple[float, Tensor] | None:
        """The loss and the gradient of a step that is not made; None: it cannot be made here."""
        self.settle()
        self.flat.read()
        self._key.copy_(key)
        state = torch.get_rng_state() if self.iteration.torch_draws else None
        losses, _ = self.iteration.run(1, call.tensors if self._changing else ())
        if state is not None:
            torch.set_rng_state(state)
        return (losses[0], self.iteration.extras[0].clone()) if losses else None
