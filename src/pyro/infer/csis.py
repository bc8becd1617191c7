"""Inference compilation: a guide that is trained before there are data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from pyro.infer.check_optim import check_optim
from pyro.infer.errors import InferenceError
from pyro.infer.importance import Importance
from pyro.infer.param_capture import ParamCapture
from pyro.infer.sleep import dream, interpret, log_guide
from pyro.optim.forms import OptimForm
from pyro.poutine.trace_struct import Trace


class CSIS(Importance):
    r"""Compiled sequential importance sampling: train a guide on draws of the model, then sample.

    Training minimises the divergence from the posterior to the guide, averaged over all data that
    the model may bring about:

    .. math::
        E_{p(x)} KL(p(z | x) \| q_\phi(z | x)) = -E_{p(x, z)} \log q_\phi(z | x) + \text{const}

    Afterwards ``run(observations=...)`` draws from the guide given the actual data, and weights
    the draws; see :class:`~pyro.infer.Importance` for what the result can tell.

    See Le, Baydin and Wood (2017), *Inference Compilation and Universal Probabilistic Programming*.

    :param model: Takes a keyword argument ``observations``, a dict from names of observed sites to
        their values.
    :param guide: Takes ``observations`` too, and depends on the data through it alone.
    :param optim: An optimiser, as in :class:`~pyro.infer.SVI`; none that needs closures.
    :param num_inference_samples: How many weighted draws :meth:`run` makes.
    :param training_batch_size: How many draws of the model a step averages over.
    :param validation_batch_size: How many draws :meth:`validation_loss` averages over.
    :raises InferenceError: if ``optim`` is something else, or a number is less than 1.

    Example::

        >>> from pyro.infer import CSIS
        >>> def model(observations={"x": torch.tensor(0.0)}):
        ...     z = pyro.sample("z", dist.Normal(0.0, 1.0))
        ...     pyro.sample("x", dist.Normal(z, 1.0), obs=observations["x"])
        >>> def guide(observations={"x": torch.tensor(0.0)}):
        ...     slope = pyro.param("slope", torch.tensor(0.0))
        ...     pyro.sample("z", dist.Normal(slope * observations["x"], 0.5**0.5))
        >>> csis = CSIS(model, guide, pyro.optim.Adam({"lr": 0.05}), training_batch_size=20)
        >>> losses = [csis.step() for _ in range(100)]
        >>> abs(pyro.param("slope").item() - 0.5) < 0.15
        True
        >>> posterior = csis.run(observations={"x": torch.tensor(2.0)})
        >>> len(posterior.exec_traces)
        10
    """

    def __init__(
        self,
        model: Callable[..., Any],
        guide: Callable[..., Any],
        optim: OptimForm,
        num_inference_samples: int = 10,
        training_batch_size: int = 10,
        validation_batch_size: int = 20,
    ) -> None:
        self.optim = check_optim(optim)
        sizes = (num_inference_samples, training_batch_size, validation_batch_size)
        if min(sizes) < 1:
            raise InferenceError(
                "CSIS: num_inference_samples, training_batch_size and validation_batch_size must "
                f"be at least 1, but are {sizes}"
            )
        super().__init__(model, guide, num_inference_samples)
        self.training_batch_size = training_batch_size
        self.validation_batch_size = validation_batch_size
        self.validation_batch: list[Trace] | None = None

    def set_validation_batch(self, *args: Any, **kwargs: Any) -> None:
        """Draw the traces of the model, which is given the arguments, for validation."""
        self.validation_batch = self._draw(self.validation_batch_size, args, kwargs)

    def step(self, *args: Any, **kwargs: Any) -> float:
        """Take a gradient step; the arguments are those of model and guide.

        :return: The estimated loss :math:`-E \\log q` before the step.
        """
        with ParamCapture() as capture:
            loss = self.loss_and_grads(True, None, *args, **kwargs)
        self.optim(capture.leaves)
        for param in capture.leaves.values():
            param.grad = None
        return loss

    def loss_and_grads(
        self, grads: bool, batch: Sequence[Trace] | None, *args: Any, **kwargs: Any
    ) -> float:
        """The mean of :math:`-\\log q` over a batch of traces of the model.

        :param grads: Whether to accumulate gradients in the parameters of the guide.
        :param batch: The traces; by default new draws, ``training_batch_size`` in number.
        """
        if batch is None:
            batch = self._draw(self.training_batch_size, args, kwargs)
        total = 0.0
        for dreamt in batch:
            with torch.set_grad_enabled(grads):
                loss = self._loss_of(dreamt, args, kwargs) / len(batch)
            if loss.requires_grad:
                loss.backward()
            total += loss.item()
        return total

    def validation_loss(self, *args: Any, **kwargs: Any) -> float:
        """The loss on the validation batch, which is drawn at the first call."""
        if self.validation_batch is None:
            self.set_validation_batch(*args, **kwargs)
        return self.loss_and_grads(False, self.validation_batch, *args, **kwargs)

    def _draw(self, size: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Trace]:
        return [dream(self.model, args, kwargs) for _ in range(size)]

    def _loss_of(self, dreamt: Trace, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
        assert self.guide is not None
        return -log_guide(interpret(dreamt, self.guide, args, kwargs), float("inf"))
