"""Stochastic variational inference."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any, Self

import torch

from pyro.infer import validation
from pyro.infer.errors import InferenceError
from pyro.infer.gradients import check_gradients
from pyro.infer.param_capture import ParamCapture
from pyro.infer.trace_posterior import TracePosterior
from pyro.infer.util import torch_item
from pyro.optim.optim import PyroOptim
from pyro.poutine.replay_messenger import ReplayMessenger
from pyro.poutine.trace_messenger import TraceMessenger

LossFn = Callable[..., Any]


class SVI(TracePosterior):
    """Fit the parameters of a model and a guide by steps along gradients of a loss.

    :param model: The model, a function that calls ``pyro.sample``.
    :param guide: The approximate posterior, with a site for each latent site of the model.
    :param optim: An optimiser from :mod:`pyro.optim`.
    :param loss: An objective such as ``Trace_ELBO()``, or a function ``(model, guide, *args,
        **kwargs)`` that returns the loss as a tensor with gradients.
    :param loss_and_grads: Instead of the loss's own: a function that returns the loss and
        accumulates gradients in the parameters.
    :param num_samples: How many traces :meth:`run` draws (deprecated).
    :param num_steps: How many steps :meth:`run` takes (deprecated).
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
    """

    def __init__(
        self,
        model: Callable[..., Any],
        guide: Callable[..., Any],
        optim: PyroOptim,
        loss: Any,
        loss_and_grads: LossFn | None = None,
        num_samples: int = 0,
        num_steps: int = 0,
    ) -> None:
        check_optim(optim)
        if num_samples or num_steps:
            warnings.warn(
                "SVI: num_samples and num_steps are deprecated; call step() in a loop, and use "
                "Predictive(model, guide=guide, num_samples=...) for draws",
                FutureWarning,
                stacklevel=2,
            )
        super().__init__()
        self.num_samples = num_samples
        self.num_steps = num_steps
        self.model = model
        self.guide = guide
        self.optim = optim
        self.loss: LossFn
        self.loss_and_grads: LossFn
        if hasattr(loss, "loss") and hasattr(loss, "loss_and_grads"):
            self.loss, self.loss_and_grads = loss.loss, loss.loss_and_grads
        elif callable(loss):
            self.loss, self.loss_and_grads = loss, _Differentiated(loss)
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

        :return: The estimated loss before the step: minus the evidence lower bound, a float (a
            tuple of floats where the loss is a tuple).
        """
        with ParamCapture() as capture:
            loss = self.loss_and_grads(self.model, self.guide, *args, **kwargs)
        if validation.VALIDATE:
            check_gradients(capture.leaves)
        params = list(capture.leaves.values())
        self.optim(params)
        for param in params:
            param.grad = None
        return _as_floats(loss)

    def run(self, *args: Any, **kwargs: Any) -> Self:
        """Take ``num_steps`` steps, then draw ``num_samples`` traces of the fitted model.

        .. deprecated:: 1.0
           Call :meth:`step` in a loop, and use :class:`~pyro.infer.Predictive` for draws.
        """
        warnings.warn(
            "SVI.run is deprecated; call step() in a loop, and use Predictive for draws",
            FutureWarning,
            stacklevel=2,
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


class _Differentiated:
    """``loss_and_grads`` of a plain loss function."""

    def __init__(self, loss: LossFn) -> None:
        self._loss = loss

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        value = self._loss(*args, **kwargs)
        if getattr(value, "requires_grad", False):
            value.backward()
        return value


def _as_floats(loss: Any) -> Any:
    return tuple(map(torch_item, loss)) if isinstance(loss, tuple) else torch_item(loss)


def check_optim(optim: Any) -> None:
    """Refuse what is not a Pyro optimiser, with advice.

    :raises InferenceError: if it is something else.
    """
    if isinstance(optim, PyroOptim):
        return
    given = optim if isinstance(optim, type) else type(optim)
    advice = "pyro.optim.Adam({'lr': 0.01})"
    if issubclass(given, torch.optim.Optimizer):
        advice = f"pyro.optim.PyroOptim(torch.optim.{given.__name__}, {{'lr': 0.01}})"
    raise InferenceError(
        "Optimizer should be an instance of pyro.optim.PyroOptim class, but got "
        f"{given.__name__}. Parameters come into being as the model runs, so the optimizer is "
        f"given its arguments only: {advice}. To use a torch optimizer itself, see "
        "Trace_ELBO()(model, guide), a torch.nn.Module."
    )
