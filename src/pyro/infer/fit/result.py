"""What a run of SVI has to say."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from pyro.infer.errors import InferenceError
from pyro.infer.fit.steps.engine import EngineName
from pyro.infer.fit.steps.snapshot import State

Reason = Literal["all steps", "converged", "callback", "interrupted", "not finite", "error"]


@dataclass(frozen=True, repr=False)
class SVIResult:
    """The history and the outcome of :meth:`~pyro.infer.SVI.run`.

    :param losses: The loss of each step, of shape ``(steps,)`` and type float64; with a second dim
        where a loss is a tuple. NaN at steps that were skipped.
    :param loss: The smoothed loss at the end: the median of the last ``window`` losses.
    :param best_loss: The least mean of the medians of the last ``patience`` windows.
    :param best_step: How many steps had been made then; 0 if no window was complete.
    :param converged: Whether the losses had stopped falling; see
        :class:`~pyro.infer.fit.monitor.Monitor`.
    :param stopped_by: Why the run ended.
    :param seconds: How long it took.
    :param window: How many losses are smoothed over.
    :param skipped: How many steps made no update because something was not finite.
    :param epoch_ends: The number of steps at the end of each pass through the batches.
    :param compiled_steps: How many steps were compiled.
    :param compiled_as: ``"machine code"``, ``"graph"`` or ``"CUDA graph"``; ``"torch"`` if nobody
        tried.
    :param why_not_compiled: Why the others were not, if it was not that they were too few.
    :param restored_step: The step whose parameters are in place; None: those of the last step.

    Example::

        >>> def model():
        ...     pyro.sample("z", dist.Normal(3.0, 1.0))
        >>> def guide():
        ...     pyro.sample("z", dist.Normal(pyro.param("loc", torch.tensor(0.0)), 1.0))
        >>> from pyro.infer import SVI, Trace_ELBO
        >>> svi = SVI(model, guide, pyro.optim.Adam({"lr": 0.1}), Trace_ELBO())
        >>> result = svi.run(200, progress=False)
        >>> result
        SVIResult(200 steps in ...: all steps; loss ..., best ... at step ...)
        >>> result.losses.shape
        torch.Size([200])
    """

    losses: Tensor
    loss: float
    best_loss: float
    best_step: int
    converged: bool
    stopped_by: Reason
    seconds: float
    window: int
    skipped: int = 0
    epoch_ends: tuple[int, ...] = ()
    restored_step: int | None = None
    compiled_steps: int = 0
    compiled_as: EngineName = "torch"
    why_not_compiled: str | None = None
    _best: State | None = field(default=None, compare=False)

    @property
    def num_steps(self) -> int:
        """How many steps were made."""
        return len(self.losses)

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended the run."""
        return self.stopped_by == "interrupted"

    @property
    def epoch_losses(self) -> Tensor:
        """The mean loss of each complete pass through the batches."""
        bounds = itertools.pairwise((0, *self.epoch_ends))
        means = [self.losses[start:end].mean(0) for start, end in bounds]
        return torch.stack(means) if means else self.losses[:0]

    def restore_best(self) -> None:
        """Put the parameters and the optimiser back to where the smoothed loss was least.

        :raises InferenceError: if no window was complete.
        """
        if self._best is None:
            raise InferenceError(
                f"SVIResult: no best state, since the run had {self.num_steps} steps and a window "
                f"of {self.window}; make more steps, or give a smaller window"
            )
        self._best.restore()

    def summary(self) -> str:
        """One line."""
        each = self.seconds / max(self.num_steps, 1)
        text = f"{self.num_steps} steps in {_duration(self.seconds)} ({_duration(each)} each): "
        text += f"{self.stopped_by}; loss {self.loss:.6g}"
        if self.best_step:
            text += f", best {self.best_loss:.6g} at step {self.best_step}"
        if self.restored_step is not None:
            text += f", restored from step {self.restored_step}"
        if self.compiled_steps:
            how = "in" if self.compiled_as == "machine code" else "as a"
            text += f", {self.compiled_steps} {how} {self.compiled_as}"
        if self.skipped:
            text += f", {self.skipped} skipped"
        if self.stopped_by != "converged":
            text += ", converged" if self.converged else ", not converged"
        return text

    def __repr__(self) -> str:
        return f"SVIResult({self.summary()})"


def _duration(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs"
