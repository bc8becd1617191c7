"""One step of SVI as machine code: noise, guide, model, objective, gradient, update."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, final

import torch
from torch import Tensor

from pyro.compile import gemm
from pyro.compile.draws import Key, make_key
from pyro.compile.iteration import Iteration, Outcome, Slice, compile_iteration
from pyro.compile.not_capturable import not_capturable
from pyro.distributions.twins import twins
from pyro.distributions.validation import trusted_values
from pyro.infer import validation
from pyro.infer.fit.compiled.ledger import Ledger
from pyro.infer.fit.compiled.shared_memory import SharedMemory, share
from pyro.infer.fit.compiled.timetable import Timetable
from pyro.infer.fit.steps.call import Call, Objective
from pyro.infer.fit.steps.protocol import Loss
from pyro.infer.not_finite import unread
from pyro.infer.param_capture import ParamCapture
from pyro.ops.contract import loops_are_cheap
from pyro.optim.flat import FlatOptimizer
from pyro.optim.optim import PyroOptim
from pyro.primitives.validation import unchecked


class Moment(NamedTuple):
    """Before a step: the leaves by name, and the state of torch's generator."""

    leaves: Mapping[str, Tensor]
    generator: Tensor


_ROWS = 256


@contextmanager
def _recordable() -> Iterator[None]:
    """Around a run of the programs that is recorded."""
    # checks branch on values
    with unchecked(), trusted_values(), unread(), loops_are_cheap(), twins():
        yield


@final
class _Rates:
    """The scalars of an optimiser for the next steps, one row for each."""

    def __init__(self, timetable: Timetable, flat: FlatOptimizer) -> None:
        self._timetable, self._flat = timetable, flat
        self.row = torch.zeros(1, dtype=torch.float64)
        self.table = torch.zeros(_ROWS, len(flat.scalars()), dtype=torch.float64)

    def current(self) -> Tensor:
        """The row of a step, in its program."""
        return self.table[self.row.long()].squeeze(0)

    def look_ahead(self, n: int, ahead: int) -> int:
        """Fill rows for up to ``n`` steps, and say for how many; torch's tensors are behind."""
        self.row.zero_()
        later = self._flat.later(ahead)
        if n == 1:
            rows = [later(0)]
        else:
            self._timetable.mark()
            rows = self._timetable.rows(later, min(n, _ROWS))
        self.table.numpy()[: len(rows)] = rows
        return len(rows)

    def have_made(self, made: int, planned: int, ahead: int) -> None:
        """Be where the last step was that was made, of some that were planned."""
        if made < planned > 1:
            self._timetable.go_back(max(0, made - 1))
        self._flat.read_rates(ahead)


@final
class Tape:
    """The code of a step, with the parameters and the optimiser that it moves.

    :param objective: The loss as a tensor, given the arguments of model and guide.
    :param optim: The optimiser, to which the leaves are known.
    :param leaves: All parameters of a step, by name.
    :param moved: The names of those that have a gradient.
    :param call: Arguments; their tensors are inputs if ``changing``, otherwise constants.
    :param timetable: If a schedule can run ahead: several steps at once follow it.
    :param parts: How many losses a step has; the gradient is that of their sum.
    :param products: The routine of BLAS for large products of matrices; with that for float32,
        parameters and the state of the optimiser are float32.
    :param meanwhile: Called while LLVM works, if it has to. It must not raise.
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
        timetable: Timetable | None = None,
        parts: int = 1,
        products: str | None = None,
        meanwhile: Callable[[], object] | None = None,
    ) -> None:
        self._objective, self._call = objective, call
        self._changing, self._leaves = changing, dict(leaves)
        self._dtype = torch.float32 if products == gemm.SINGLE else torch.float64
        self.flat = FlatOptimizer(optim, {name: leaves[name] for name in moved}, self._dtype)
        ahead = None if self.flat.moves_rates else timetable
        self._rates = None if ahead is None else _Rates(ahead, self.flat)
        self._ledger = None if parts == 1 else Ledger(_ROWS, parts - 1)
        self._key = make_key(0)
        self._key_numbers = self._key.numpy()
        self._shared: SharedMemory | None = None
        self.ahead = 0  # steps that torch's tensors do not know of
        self.iteration: Iteration = compile_iteration(
            self._step,
            [self._key, *self.flat.arrays, *self._of_pieces()],
            [Slice(t, 1, k) for t, k in zip(self.flat.leaves, self.flat.offsets, strict=True)],
            self._inputs(call),
            products,
            None if meanwhile is None else lambda seconds: meanwhile(),
        )

    def _step(self) -> Outcome:
        with _recordable(), ParamCapture() as seen:
            losses = self._losses(self._objective(*self._call.args, **self._call.kwargs))
        loss = sum(losses[1:], losses[0])
        if seen.leaves.keys() != self._leaves.keys():
            names = sorted(seen.leaves.keys() ^ self._leaves.keys())
            raise not_capturable(f"the parameter {names[0]!r} is not in every step")
        found = torch.autograd.grad(loss, self.flat.leaves, allow_unused=True)
        gradients = [g for g in found if g is not None]
        if len(gradients) != len(found):
            raise not_capturable("a parameter has a gradient in some steps only")
        whole = torch.cat([g.reshape(-1) for g in gradients]).to(self._dtype)
        go_on = loss.detach().isfinite()
        if validation.VALIDATE:
            go_on = go_on & whole.isfinite().all()
        key = self._key + torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
        state = [key]
        if self._rates is None:
            state += self.flat.step(gradients)
        else:
            state += [*self.flat.step(gradients, self._rates.current()), self._rates.row + 1]
        if self._ledger is not None:
            state += self._ledger.after([loss.detach() for loss in losses[1:]])
        return Outcome(losses[0].detach().to(torch.float64), go_on, state, [whole])

    def _losses(self, found: Any) -> list[Tensor]:
        """The losses of a step, as many as there are to be."""
        losses = list(found) if isinstance(found, tuple) else [found]
        for loss in losses:
            if not isinstance(loss, Tensor) or loss.dim():
                raise not_capturable(f"the loss is {type(loss).__name__}, not a scalar tensor")
        expected = 1 if self._ledger is None else 1 + self._ledger.width
        if len(losses) != expected:
            raise not_capturable(f"there are {len(losses)} losses in place of {expected}")
        return losses

    def _of_pieces(self) -> list[Tensor]:
        """The arrays that say where in a piece a step is."""
        rates = [] if self._rates is None else [self._rates.row]
        return rates if self._ledger is None else [*rates, *self._ledger.arrays]

    def run(self, n: int, key: Key, call: Call) -> tuple[Sequence[Loss], bool]:
        """Make up to ``n`` steps, the first with the random numbers of a key.

        :return: Their losses; and whether the next one is to be made in torch, since something is
            not finite or a branch took another way.
        """
        if not self.ahead:
            self.flat.read()
        self._key.copy_(key)
        if self._rates is not None:
            n = self._rates.look_ahead(n, self.ahead)
        losses, refused = self._iterate(n, self._inputs(call))
        self.ahead += len(losses)
        if self._rates is not None:
            self._rates.have_made(len(losses), n, self.ahead)
        return losses, refused

    def _iterate(self, n: int, inputs: Sequence[Tensor]) -> tuple[Sequence[Loss], bool]:
        if self._ledger is None:
            return self.iteration.run(n, inputs)
        self._ledger.begin()
        losses, refused = self.iteration.run(min(n, self._ledger.rows), inputs)
        return self._ledger.beside(losses), refused

    def _inputs(self, call: Call) -> list[Tensor]:
        given = call.tensors if self._changing else []
        return given if self._rates is None else [*given, self._rates.table]

    @property
    def follows(self) -> bool:
        """Whether the schedule is advanced between steps that are made at once."""
        return self._rates is not None

    def once(self, key: Sequence[float], tensors: Sequence[Tensor]) -> Loss | None:
        """Make a single step on torch's own memory: its loss, or None if it could not be made.

        To be called with nothing ahead, and only if :meth:`can_share`.
        """
        shared = self._shared
        assert shared is not None
        shared.read()
        self._key_numbers[:] = key
        losses, _ = self._iterate(1, tensors)
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

    def foresee(self, key: Key, call: Call, at: Moment | None = None) -> tuple[Loss, Tensor] | None:
        """The loss and the gradient of a step that is not made; None: it cannot be made here.

        :param at: The parameters to begin with; by default those that torch has.
        """
        self.settle()
        self.flat.read()
        self._key.copy_(key)
        state = torch.get_rng_state() if self.iteration.torch_draws else None
        if at is not None:
            parts = [at.leaves[name].reshape(-1) for name in self.flat.names]
            torch.cat([x.to(self._dtype) for x in parts], out=self.flat.params)
            if state is not None:
                torch.set_rng_state(at.generator)
        if self._rates is not None:
            self._rates.look_ahead(1, 0)
        losses, _ = self._iterate(1, self._inputs(call))
        if state is not None:
            torch.set_rng_state(state)
        return (losses[0], self.iteration.extras[0].clone()) if losses else None
