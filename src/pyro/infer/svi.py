"""Stochastic variational inference."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from pyro.infer import fit, training_state, validation
from pyro.infer.check_optim import check_optim
from pyro.infer.errors import InferenceError
from pyro.infer.fit.choice import Choice, Programs
from pyro.infer.fit.loops import setting
from pyro.infer.fit.objective import Differentiated, LossFn, objective_of, wants_compilation
from pyro.infer.fit.options import Callback, RunOptions, check_num_steps
from pyro.infer.fit.result import SVIResult
from pyro.infer.fit.run import Run
from pyro.infer.fit.steps.engine import Kind, StepEngine
from pyro.infer.fit.steps.phase import Phase
from pyro.infer.fit.steps.protocol import Steps
from pyro.infer.gradients import check_gradients
from pyro.infer.not_finite import check_loss
from pyro.infer.param_capture import ParamCapture
from pyro.infer.reevaluation import Reevaluation
from pyro.infer.trace_posterior import TracePosterior
from pyro.infer.util import torch_item
from pyro.interrupts import let_through
from pyro.optim.forms import OptimForm, needs_closure
from pyro.params import checkpoint
from pyro.params.checkpoint import PathLike
from pyro.poutine.replay_messenger import ReplayMessenger
from pyro.poutine.trace_messenger import TraceMessenger

if TYPE_CHECKING:
    from pyro.infer.fit.loops.stepper import Stepper
    from pyro.infer.fit.steps.call import Look


class SVI(TracePosterior):
    """Fit the parameters of a model and a guide by steps along gradients of a loss.

    :param model: The model, a function that calls ``pyro.sample``.
    :param guide: The approximate posterior, with a site for each latent site of the model.
    :param optim: An optimiser from :mod:`pyro.optim`; or one of torch: a class, ``partial(cls,
        lr=...)``, or an instance, which is then used itself, and to which those parameters of model
        and guide are added that it lacks.
    :param loss: An objective such as ``Trace_ELBO()``, or a function ``(model, guide, *args,
        **kwargs)`` that returns the loss as a tensor with gradients.
    :param loss_and_grads: Instead of the loss's own: a function that returns the loss and
        accumulates gradients in the parameters.
    :param num_samples: How many traces :meth:`run` draws (deprecated; give it the steps).
    :param num_steps: How many steps :meth:`run` takes (deprecated; give them to it).
    :ivar steps: How many steps have been made, in runs too.
    :raises InferenceError: if ``optim`` or ``loss`` is something else.

    Example::

        >>> from pyro.infer import TraceMeanField_ELBO
        >>> def model(data):
        ...     loc = pyro.sample("loc", dist.Normal(0.0, 10.0))
        ...     with pyro.plate("data", len(data)):
        ...         pyro.sample("x", dist.Normal(loc, 0.1), obs=data)
        >>> def guide(data):
        ...     loc = pyro.param("loc_loc", torch.tensor(0.0))
        ...     pyro.sample("loc", dist.Normal(loc, 0.01))
        >>> svi = SVI(model, guide, pyro.optim.Adam({"lr": 0.1}), loss=TraceMeanField_ELBO())
        >>> losses = [svi.step(torch.tensor([2.9, 3.1])) for _ in range(100)]
        >>> losses[-1] < losses[0], round(pyro.param("loc_loc").item(), 1)
        (True, 3.0)
        >>> svi.run(100, torch.tensor([2.9, 3.1]), progress=False)  # goes on from there
        SVIResult(100 steps in ...)
    """

    def __init__(
        self,
        model: Callable[..., Any],
        guide: Callable[..., Any],
        optim: OptimForm,
        loss: Any,
        loss_and_grads: LossFn | None = None,
        num_samples: int = 0,
        num_steps: int = 0,
    ) -> None:
        self.optim = check_optim(optim, closures=True)
        if num_samples or num_steps:
            warnings.warn(
                "SVI: num_samples and num_steps are deprecated; call run(num_steps, *args), and "
                "use Predictive(model, guide=guide, num_samples=...) for draws",
                FutureWarning,
                stacklevel=2,
            )
        super().__init__()
        self.num_samples = num_samples
        self.num_steps = num_steps
        self.model = model
        self.guide = guide
        self._closes = needs_closure(self.optim)
        self.last_run: SVIResult | None = None
        self.steps = 0
        self._choice = Choice()
        self._under_way: Steps | None = None  # of the run that has not ended yet
        self._left_off: Phase | None = None  # where the next run goes on
        self._stepper: Stepper | None = None
        self._stepper_of: tuple[Any, ...] | None = None
        self.single_steps = 0  # of all steps, those that were no part of a run
        self.loss: LossFn
        self.loss_and_grads: LossFn
        if hasattr(loss, "loss") and hasattr(loss, "loss_and_grads"):
            self.loss, self.loss_and_grads = loss.loss, loss.loss_and_grads
        elif callable(loss):
            self.loss, self.loss_and_grads = loss, Differentiated(loss)
        else:
            raise InferenceError(
                f"SVI: loss must be an objective such as Trace_ELBO() or a function "
                f"(model, guide, *args), but got {loss!r}"
            )
        if loss_and_grads is not None:
            self.loss_and_grads = loss_and_grads

    def step(self, *args: Any, **kwargs: Any) -> Any:
        """Take one gradient step on the parameters that model and guide use in it.

        The arguments are those of model and guide.

        The first steps are made in torch. After a number of them (the setting
        ``svi_compile_after``; with the objectives named ``Jit...``, after one) steps are made in
        machine code, where that is sure to do the same: :attr:`engine` says what became of it.

        :return: The estimated loss before the step: minus the evidence lower bound, a float (a
            tuple of floats where the loss is a tuple).
        """
        self.single_steps += 1
        self._left_off = None
        if self.single_steps <= setting.COMPILED_AFTER and not self._is_explicit:
            loss = self._step(args, kwargs)[0]
        else:
            loss = self._single_steps()(args, kwargs)
        self.steps += 1
        return loss

    @property
    def _is_explicit(self) -> bool:
        return wants_compilation(self.loss_and_grads)

    def _single_steps(self) -> Stepper:
        """What makes steps one by one; another one if this object has been changed."""
        then = self._stepper_of
        if (
            self._stepper is None
            or then is None
            or self.model is not then[0]
            or self.guide is not then[1]
            or self.optim is not then[2]
            or self.loss_and_grads is not then[3]
        ):
            self._stepper_of = (self.model, self.guide, self.optim, self.loss_and_grads)
            self._stepper = fit.Stepper(
                self._step,
                self._objective(),
                self.optim,
                self._roots(),
                self._is_explicit,
                self._choice.on_gpu,
            )
        return self._stepper

    def _roots(self) -> dict[str, Any]:
        owner = getattr(self.loss_and_grads, "__self__", self.loss_and_grads)
        return {"model": self.model, "guide": self.guide, "loss": owner}

    def _objective(self) -> LossFn | str:
        """The loss as a tensor, given the arguments of model and guide; or why there is none."""
        if self._closes:
            return "the optimiser evaluates the loss several times in a step"
        found = objective_of(self.loss_and_grads)
        return found if isinstance(found, str) else partial(found, self.model, self.guide)

    @property
    def engine(self) -> StepEngine:
        """What :meth:`step` runs on, and if it is torch, why.

        Example::

            >>> def model():
            ...     pyro.sample("z", dist.Normal(0.0, 1.0))
            >>> def guide():
            ...     pyro.sample("z", dist.Normal(pyro.param("loc", torch.tensor(1.0)), 1.0))
            >>> from pyro.infer import JitTrace_ELBO
            >>> svi = SVI(model, guide, pyro.optim.Adam({"lr": 0.1}), JitTrace_ELBO())
            >>> losses = [svi.step() for _ in range(10)]
            >>> svi.engine
            StepEngine(name='machine code', compiled_steps=7, reason=None)
        """
        stepper = self._stepper
        return StepEngine("torch", 0, None) if stepper is None else stepper.engine

    def _step(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], look: Look | None = None
    ) -> tuple[Any, dict[str, Tensor]]:
        """One step: the loss, and the leaves of the parameters that were updated, by name.

        :param look: Is given the leaves with their gradients before the update.
        """
        capture = ParamCapture()
        again = Reevaluation() if self._closes else None
        try:
            with capture, let_through():  # an update is whole, with its loss
                loss = _as_floats(self.loss_and_grads(self.model, self.guide, *args, **kwargs))
            check_loss(loss)
            if validation.VALIDATE:
                check_gradients(capture.leaves)
            if look is not None:
                look(capture.leaves)
            if again is None:
                self.optim(capture.leaves)
            else:
                evaluate = partial(self.loss_and_grads, self.model, self.guide, *args, **kwargs)
                self.optim(capture.leaves, again.closure(loss, capture.leaves, evaluate))
        finally:
            torch.clear_autocast_cache()  # of parameters that have moved
            self._choice.leaves = capture.leaves
            for leaf in capture.leaves.values():
                leaf.grad = None
        return loss, capture.leaves

    def run(  # type: ignore[override]
        self,
        num_steps: Any = None,
        *args: Any,
        batches: Iterable[Any] | None = None,
        epochs: int | None = None,
        tol: float | None = None,
        patience: int = 5,
        window: int | None = None,
        restore_best: bool = False,
        callbacks: Callback | Iterable[Callback] = (),
        schedule: Literal["step", "epoch"] | None = None,
        non_finite: Literal["stop", "skip"] = "stop",
        progress: bool = True,
        compile: bool | Kind | None = None,
        **kwargs: Any,
    ) -> SVIResult:
        """Take many steps, as :meth:`step` does, and report on them.

        A loss or gradient that is not finite makes no update: the run goes back to the best state
        and raises. After Ctrl-C it returns what it has. The history of any run, one that raised
        too, is in ``last_run``; another run goes on from the parameters and the optimiser's state.

        :param num_steps: How many steps, at most.
        :param args: The arguments of model and guide, with ``kwargs``.
        :param batches: A ``DataLoader``, or any iterable, that gives a step its first arguments: a
            tuple or list as positional arguments, a mapping as keywords, anything else as one. It
            is passed through again and again.
        :param epochs: How many passes, at most.
        :param tol: Stop when the smoothed loss of ``patience`` windows is not lower than that of
            as many before by this relative amount; the rule is in
            :class:`~pyro.infer.fit.monitor.Monitor`. None: never; whether it has converged is
            reported for 0.001.
        :param window: How many losses are smoothed over; by default a tenth of the steps, at
            least 10 and at most 100.
        :param restore_best: Finally go back to the parameters, and the optimiser's state, at the
            end of the window when the smoothed loss was least. Otherwise a run does what a loop
            over :meth:`step` does.
        :param callbacks: One or several functions of the number of the step (from 0) and its loss,
            called after each step; True, or ``StopIteration`` raised, ends the run.
        :param schedule: When an optimiser with a schedule advances it: after each ``"step"``, or
            ``"epoch"``; by default after each epoch if there are batches, else after each step.
        :param non_finite: ``"stop"``; or ``"skip"``, which leaves such steps out, up to 20 in a
            row.
        :param progress: Show a bar on a terminal, lines in the log elsewhere.
        :param compile: Whether steps are made in machine code where they can be, or on a GPU as a
            CUDA graph; by default in runs of 100 steps or more. Random numbers of machine code are
            others than those of :meth:`step`. ``"graph"``: as a graph of torch's operations, on
            any device; ``"inductor"``: with kernels that ``torch.compile`` makes of it. If it
            cannot be, the result says why.
        :return: A :class:`~pyro.infer.fit.SVIResult`. With ``num_steps`` or ``num_samples`` in the
            constructor (deprecated): all arguments are those of model and guide, the steps are
            taken, ``num_samples`` traces of the fitted model drawn, and the object itself returned.
        :raises NonFiniteError: if a loss or a gradient is not finite.
        :raises InferenceError: if an option is out of range, or is an argument of a program too.

        Example::

            >>> def model(data):
            ...     loc = pyro.sample("loc", dist.Normal(0.0, 10.0))
            ...     with pyro.plate("data", len(data)):
            ...         pyro.sample("x", dist.Normal(loc, 0.1), obs=data)
            >>> def guide(data):
            ...     loc = pyro.param("loc_loc", torch.tensor(0.0))
            ...     pyro.sample("loc", dist.Normal(loc, 0.07))
            >>> from pyro.infer import Trace_ELBO
            >>> svi = SVI(model, guide, pyro.optim.Adam({"lr": 0.1}), Trace_ELBO())
            >>> result = svi.run(2000, torch.tensor([2.9, 3.1]), tol=1e-3, progress=False)
            >>> result.stopped_by, result.num_steps < 2000, round(pyro.param("loc_loc").item(), 1)
            ('converged', True, 3.0)
        """
        options = RunOptions(
            batches,
            epochs,
            tol,
            patience,
            window,
            restore_best,
            callbacks,
            schedule,
            non_finite,
            progress,
            compile,
        )
        if self.num_steps or self.num_samples:
            given = args if num_steps is None else (num_steps, *args)
            posterior: SVIResult = self._run_deprecated(given, {**kwargs, **options.set_by_user()})
            return posterior
        options.check_free(self.model, self.guide)
        steps = check_num_steps(num_steps, options)
        self._under_way = self._steps(steps, options)
        try:
            run = Run(self._under_way, self.optim, steps, options)
            return run(args, kwargs, self._publish, self._count)
        finally:
            self._under_way = None

    def _steps(self, steps: int | None, options: RunOptions) -> Steps:
        """How a run makes its steps."""
        programs = Programs(
            self._step, self._objective(), self.optim, self.loss_and_grads, self._roots()
        )
        left_off, self._left_off = self._left_off, None
        return self._choice(programs, steps, options, left_off)

    def __getstate__(self) -> dict[str, Any]:
        names = ("_stepper", "_stepper_of", "_under_way")
        return {**self.__dict__, **dict.fromkeys(names), "_choice": Choice()}

    def _publish(self, result: SVIResult) -> None:
        self.last_run = result

    def _count(self, steps: int) -> None:
        self.steps += steps

    @property
    def phase(self) -> Phase | None:
        """How far the run is that is under way, if its steps are made in machine code."""
        return None if self._under_way is None else self._under_way.phase()

    def state_dict(self, **others: Any) -> dict[str, Any]:
        """Everything that the next step depends on, as tensors and plain data.

        That is: the states of model and guide (where they are modules), the parameter store, the
        optimiser with its schedule, averages of baselines, the number of steps, and the generators
        of torch, ``random`` and numpy; in a callback of a run, also how far the run is. Code that
        was made for the steps is dropped between runs, so that this object goes on with the same
        steps, bit for bit, as one that loads the state.

        :param others: Other objects with a ``state_dict``, such as schedules and networks that
            programs use by ``pyro.module``; instances of ``torch.Generator``; plain data.
        :raises CheckpointError: if something cannot be loaded without running code.
        """
        self._begin_anew()
        return copy.deepcopy(training_state.state_of(self, others))

    def load_state_dict(self, state_dict: dict[str, Any], **others: Any) -> dict[str, Any]:
        """Go on from a state that :meth:`state_dict` returned.

        :param others: Those objects, by the same names, whose state is to be loaded.
        :return: What else was saved: plain data, and the states of objects that are not given.
        :raises CheckpointError: if it is the state of another model or guide.
        """
        self._begin_anew()
        saved = state_dict.get("run")
        phase = None if saved is None else Phase.from_plain(saved)
        if phase is not None and self.phase is not None:
            self._choice.go_on(phase)  # a callback goes back
        else:
            self._left_off = phase
        return training_state.restore(self, state_dict, others)

    def save(self, filename: PathLike, **others: Any) -> None:
        """Write :meth:`state_dict` to a file, which ``torch.load(weights_only=True)`` reads.

        The file is replaced when all is written. Save between steps, between runs, or in a callback
        of a run: the next run of one that loads it takes the steps that are left.

        Example::

            >>> import tempfile
            >>> from pyro.infer import Trace_ELBO
            >>> def model():
            ...     pyro.sample("z", dist.Normal(0.0, 1.0))
            >>> def guide():
            ...     pyro.sample("z", dist.Normal(pyro.param("loc", torch.tensor(1.0)), 1.0))
            >>> svi = SVI(model, guide, pyro.optim.Adam({"lr": 0.1}), Trace_ELBO())
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     svi.save(f"{folder}/svi.pt", epoch=3)
            ...     losses = [svi.step() for _ in range(3)]
            ...     restored = svi.load(f"{folder}/svi.pt")
            >>> restored, losses == [svi.step() for _ in range(3)]
            ({'epoch': 3}, True)
        """
        self._begin_anew()
        checkpoint.write(filename, training_state.KIND, training_state.state_of(self, others))

    def load(self, filename: PathLike, map_location: Any = None, **others: Any) -> dict[str, Any]:
        """Go on from a file that :meth:`save` wrote, in this process or another.

        :param map_location: As in :func:`torch.load`.
        :param others: As in :meth:`load_state_dict`.
        :return: What else was saved.
        :raises CheckpointError: if the file is no such file, or not safe to load.
        """
        state = checkpoint.read(filename, training_state.KIND, map_location)
        return self.load_state_dict(state, **others)

    def _begin_anew(self) -> None:
        """Forget the code of steps: what follows is a function of the state alone."""
        if self.phase is None:
            self._choice.forget()
        self._stepper = self._stepper_of = None

    def _run_deprecated(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Take ``num_steps`` steps, then draw ``num_samples`` traces of the fitted model."""
        warnings.warn(
            "SVI.run with num_steps or num_samples in the constructor is deprecated; leave them "
            "out, call run(num_steps, *args), and use Predictive for draws",
            FutureWarning,
            stacklevel=3,
        )
        for _ in range(self.num_steps):
            self.step(*args, **kwargs)
        return super().run(*args, **kwargs)

    def _traces(self, *args: Any, **kwargs: Any) -> Iterator[tuple[Any, ...]]:
        for _ in range(self.num_samples):
            guide_trace = TraceMessenger()(self.guide).get_trace(*args, **kwargs)
            with ReplayMessenger(guide_trace):
                yield TraceMessenger()(self.model).get_trace(*args, **kwargs), 1.0

    def evaluate_loss(self, *args: Any, **kwargs: Any) -> Any:
        """An estimate of the loss, without gradients and without a step."""
        with torch.no_grad():
            return _as_floats(self.loss(self.model, self.guide, *args, **kwargs))


def _as_floats(loss: Any) -> Any:
    return tuple(map(torch_item, loss)) if isinstance(loss, tuple) else torch_item(loss)
