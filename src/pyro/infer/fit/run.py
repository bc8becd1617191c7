"""A run: steps until there is a reason to stop."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, cast

import torch

from pyro.infer.errors import InferenceError, NonFiniteError
from pyro.infer.fit import feed
from pyro.infer.fit.monitor import DEFAULT_TOL, Monitor
from pyro.infer.fit.options import RunOptions
from pyro.infer.fit.progress import make_progress
from pyro.infer.fit.result import Reason, SVIResult
from pyro.infer.fit.steps.protocol import Loss, Steps
from pyro.infer.fit.steps.skipping import SkippingSteps
from pyro.infer.fit.steps.snapshot import State
from pyro.interrupts import held_back, let_through
from pyro.optim.lr_scheduler import PyroLRScheduler
from pyro.optim.optim import PyroOptim


class Run:
    """One run of an optimisation, with what is remembered of it.

    :param steps: Makes the steps.
    :param optim: The optimiser, whose state goes into snapshots, and whose schedule is advanced.
    :param num_steps: The greatest number of steps; None if the options limit it.
    :param options: How to go about it.
    """

    def __init__(
        self, steps: Steps, optim: PyroOptim, num_steps: int | None, options: RunOptions
    ) -> None:
        self._skipping = SkippingSteps(steps) if options.non_finite == "skip" else None
        self._steps: Steps = self._skipping or steps
        self._optim, self._num_steps, self._options = optim, num_steps, options
        self._total = num_steps
        if options.batches is not None:
            self._total = feed.count(options.batches, num_steps, options.epochs)
        window = options.window or max(10, min(100, (self._total or 1000) // 10))
        tol = DEFAULT_TOL if options.tol is None else options.tol
        self._monitor = Monitor(window, tol, options.patience)
        self._history: list[Loss] = []
        self._epoch_ends: list[int] = []
        self._best: State | None = None
        self._restored: int | None = None
        self._callbacks = options.all_callbacks()
        self._count: Callable[[int], None] = lambda steps: None
        self._advance_schedule = _schedule(optim)
        self._is_watched = bool(self._callbacks) or not feed.is_plain(options.batches)
        self._schedule = options.schedule or ("step" if options.batches is None else "epoch")
        if self._schedule == "step" and self._advance_schedule is not None:
            self._steps.follow_schedule()
        if options.schedule is not None and self._advance_schedule is None:
            raise InferenceError(
                f"SVI.run: schedule={options.schedule!r} needs an optimiser with a schedule, such "
                f"as pyro.optim.ExponentialLR, but it is a {type(optim).__name__}"
            )

    def __call__(
        self,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        publish: Callable[[SVIResult], None],
        count: Callable[[int], None],
    ) -> SVIResult:
        """Make the steps; whatever happens, what was reached is published.

        :param count: Is told how many steps were made, before callbacks see them.
        :raises NonFiniteError: if a loss or a gradient is not finite.
        """
        started, self._count = time.perf_counter(), count
        progress = make_progress(self._total, self._options.progress)
        reason: Reason = "error"
        result: SVIResult | None = None
        try:
            try:
                reason = self._loop(args, kwargs, progress.update)
            finally:
                self._steps.settle()
            self._finish()
        except KeyboardInterrupt:
            reason = "interrupted"
        except Exception as error:
            if isinstance(error, NonFiniteError):
                reason = "not finite"
            if reason == "not finite" or not self._is_finite():
                error.add_note(self._rescue())
            else:
                error.add_note(self._where())
            raise
        finally:
            result = self._result(reason, time.perf_counter() - started)
            publish(result)
            progress.close(result.loss, result.summary())
        return result

    def _loop(
        self,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        show: Callable[[int, Callable[[], float]], None],
    ) -> Reason:
        for portion in self._portions(args, kwargs):
            with held_back():  # steps in machine code are made with their losses, or not at all
                reason = self._make(portion, show)
            if reason is not None:
                return reason
        return "all steps"

    def _make(
        self, portion: feed.Portion, show: Callable[[int, Callable[[], float]], None]
    ) -> Reason | None:
        left = portion.steps
        while left:
            n = min(left, self._at_once())
            for piece in self._steps(n, portion.args, portion.kwargs):
                reason = self._take(piece, portion.ends_epoch)
                with let_through():
                    show(len(piece), self._smoothed)
                if reason is not None:
                    return reason
            left -= n
        return None

    def _portions(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[feed.Portion]:
        loader = self._options.batches
        if loader is None:
            return feed.repeat(self._num_steps or 0, args, kwargs)
        return feed.batches(loader, self._num_steps, self._options.epochs, args, kwargs)

    def _at_once(self) -> int:
        """How many steps may be made before something is to be done."""
        return 1 if self._callbacks else self._monitor.until_end

    def _take(self, piece: Sequence[Loss], ends_epoch: bool) -> Reason | None:
        """Note the losses of steps just made; the reason to stop, if there is one."""
        first = len(self._history)
        self._history.extend(piece)
        self._count(len(piece))
        if self._monitor.add(_as_numbers(piece)) and self._monitor.improved:
            self._keep()
        if self._is_watched:
            self._steps.settle()
        if self._schedule == "step":
            self._reschedule(self._smoothed)
        if ends_epoch:
            self._end_epoch()
        for step, loss in enumerate(piece, first) if self._callbacks else ():
            if self._ask(step, loss):
                return "callback"
        if self._options.tol is not None and self._monitor.converged:
            return "converged"
        return None

    def _ask(self, step: int, loss: Loss) -> bool:
        """Whether a callback wants to stop; all are called."""
        stop = False
        for callback in self._callbacks:
            try:
                with let_through():
                    stop = callback(step, loss) is True or stop
            except StopIteration:
                stop = True
        return stop

    def _keep(self) -> None:
        snapshot = self._steps.snapshot(len(self._history))
        if snapshot.is_finite():
            self._best = snapshot

    def _end_epoch(self) -> None:
        start = self._epoch_ends[-1] if self._epoch_ends else 0
        self._epoch_ends.append(len(self._history))
        if self._schedule == "epoch":
            losses = [_as_number(loss) for loss in self._history[start:]]
            self._reschedule(lambda: sum(losses) / len(losses))

    def _reschedule(self, loss: Callable[[], float]) -> None:
        """Advance the schedule, if there is one; it may look at a loss."""
        if self._advance_schedule is None:
            return
        self._steps.lend_rates()
        self._advance_schedule(loss())
        self._steps.take_rates()

    def _smoothed(self) -> float:
        return self._monitor.smoothed

    def _finish(self) -> None:
        if self._options.restore_best and self._best is not None:
            self._best.restore()
            self._restored = self._best.step

    def _is_finite(self) -> bool:
        """Whether all parameters are."""
        return all(bool(leaf.isfinite().all()) for leaf in self._steps.leaves.values())

    def _where(self) -> str:
        text = f"SVI.run had made {len(self._history)} steps; the losses are in svi.last_run.losses"
        if self._best is None:
            return text + "."
        return text + f"; svi.last_run.restore_best() goes back to step {self._best.step}."

    def _rescue(self) -> str:
        """Go back to the best state, if there is one; says where the parameters are."""
        made = len(self._history)
        text = f"SVI.run stopped at step {made}; the losses so far are in svi.last_run.losses. "
        if self._best is None:
            return text + "The parameters are those before the step."
        self._best.restore()
        self._restored = self._best.step
        return text + (
            f"The parameters are those after step {self._restored}, of the least smoothed loss. "
            "If single draws are to blame, non_finite='skip' leaves such steps out."
        )

    def _result(self, reason: Reason, seconds: float) -> SVIResult:
        monitor = self._monitor
        return SVIResult(
            losses=_as_tensor(self._history),
            loss=monitor.smoothed,
            best_loss=monitor.best,
            best_step=monitor.best_step,
            converged=monitor.converged,
            stopped_by=reason,
            seconds=seconds,
            window=monitor.window,
            skipped=0 if self._skipping is None else self._skipping.skipped,
            epoch_ends=tuple(self._epoch_ends),
            restored_step=self._restored,
            compiled_steps=self._steps.compiled,
            compiled_as=self._steps.engine,
            why_not_compiled=self._steps.reason,
            _best=self._best,
        )


def _as_number(loss: Loss) -> float:
    return sum(loss) if isinstance(loss, tuple) else loss


def _as_numbers(losses: Sequence[Loss]) -> Iterable[float]:
    if tuple in map(type, losses):
        return map(_as_number, losses)
    return cast(Sequence[float], losses)


def _as_tensor(losses: list[Loss]) -> torch.Tensor:
    if tuple in set(map(type, losses)):  # steps that were skipped have a single NaN
        width = max(len(loss) for loss in losses if isinstance(loss, tuple))
        losses = [loss if isinstance(loss, tuple) else (loss,) * width for loss in losses]
    return torch.tensor(losses, dtype=torch.float64)


def _schedule(optim: PyroOptim) -> Callable[[float], None] | None:
    """Advances the schedule of an optimiser that has one, given a loss."""
    if not isinstance(optim, PyroLRScheduler):
        return None
    scheduler = optim
    on_plateau = scheduler.pt_scheduler_constructor is torch.optim.lr_scheduler.ReduceLROnPlateau
    return scheduler.step if on_plateau else lambda loss: scheduler.step()
