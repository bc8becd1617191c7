"""The base of all evidence lower bounds."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

from torch import Tensor

from pyro.errors import ShapeError
from pyro.infer import validation
from pyro.infer.checks import check_if_enumerated, check_model_guide_match
from pyro.infer.elbo.elbo_module import ELBOModule
from pyro.infer.elbo.finite import warn_not_finite
from pyro.infer.elbo.scoring import check_declared
from pyro.infer.errors import InferenceError
from pyro.infer.lent_sites import lend_auxiliary_sites
from pyro.infer.not_finite import is_read
from pyro.infer.prototype import Program, look, max_plate_depth
from pyro.poutine.plate_messenger import PlateMessenger
from pyro.poutine.replay_messenger import ReplayMessenger
from pyro.poutine.trace_messenger import TraceMessenger
from pyro.poutine.trace_struct import Trace

Traces = tuple[Trace, Trace]


class Estimate(NamedTuple):
    """What one pair of traces says about the objective: two scalars, to be maximised.

    The value of ``elbo`` is unbiased for the objective, the gradient of ``surrogate`` for its
    gradient. They may be one tensor.
    """

    elbo: Tensor
    surrogate: Tensor


class ELBO:
    r"""An objective :math:`E_q[\log p(x, z) - \log q(z)]`, estimated from runs of model and guide.

    A subclass says how one pair of traces, of the model and of the guide, is turned into an
    estimate; runs, particles, checks and gradients are the business of this class.

    :param num_particles: How many pairs of runs are averaged.
    :param max_plate_nesting: The number of batch dims that plates may take. By default it is found
        out when it is needed, by a run that leaves no trace in the random streams or elsewhere.
    :param max_iarange_nesting: The deprecated name of ``max_plate_nesting``.
    :param vectorize_particles: Run all particles at once, in an outermost plate
        ``"num_particles_vectorized"``; all batch dims must then be those of plates.
    :param strict_enumeration_warning: Whether an enumerating objective warns when nothing is
        enumerated.
    :param ignore_jit_warnings: Accepted for programs that use jit variants.
    :param jit_options: Accepted for programs that use jit variants.
    :param retain_graph: Passed on to ``backward``.
    :param tail_adaptive_beta: The exponent of the tail-adaptive objective.

    Example::

        >>> from pyro.infer import Trace_ELBO
        >>> def model(x):
        ...     z = pyro.sample("z", dist.Normal(0.0, 1.0))
        ...     pyro.sample("x", dist.Normal(z, 1.0), obs=x)
        >>> def guide(x):
        ...     pyro.sample("z", dist.Normal(pyro.param("loc", torch.tensor(1.0)), 0.5**0.5))
        >>> elbo = Trace_ELBO(num_particles=10, vectorize_particles=True)
        >>> loss = elbo.differentiable_loss(model, guide, torch.tensor(2.0))
        >>> print(f"{loss:.4f}")  # the guide is the posterior: exact, 1 + log(4 pi) / 2
        2.2655
    """

    wants_compilation = False

    def __init__(
        self,
        num_particles: int = 1,
        max_plate_nesting: float = math.inf,
        max_iarange_nesting: int | None = None,
        vectorize_particles: bool = False,
        strict_enumeration_warning: bool = True,
        ignore_jit_warnings: bool = False,
        jit_options: dict[str, Any] | None = None,
        retain_graph: bool | None = None,
        tail_adaptive_beta: float = -1.0,
    ) -> None:
        if max_iarange_nesting is not None:
            warnings.warn(
                "max_iarange_nesting is deprecated; use max_plate_nesting",
                DeprecationWarning,
                stacklevel=2,
            )
            max_plate_nesting = max_iarange_nesting
        if num_particles < 1:
            raise InferenceError(f"num_particles must be at least 1, but got {num_particles!r}")
        self.num_particles = num_particles
        self.vectorize_particles = vectorize_particles
        self.max_plate_nesting = max_plate_nesting
        if self._in_one_run:
            self.max_plate_nesting += 1
        self._nesting_is_given = max_plate_nesting < math.inf
        self.retain_graph = retain_graph
        self.strict_enumeration_warning = strict_enumeration_warning
        self.ignore_jit_warnings = ignore_jit_warnings
        self.jit_options = jit_options
        self.tail_adaptive_beta = tail_adaptive_beta
        self._seen: list[tuple[Program, Program]] = []

    def _estimate(self, model_trace: Trace, guide_trace: Trace) -> Estimate:
        """The estimate from one pair of traces; a sum over the particles that they hold.

        Not needed in a subclass that defines ``loss`` and ``loss_and_grads`` itself.
        """
        raise NotImplementedError(f"{type(self).__name__} defines no loss")

    def __call__(self, model: Program, guide: Program) -> ELBOModule:
        """The loss as a module whose parameters are those of the modules ``model`` and ``guide``.

        Parameters that come into being in the first call are there after its ``setup(*args)``.
        """
        return ELBOModule(model, guide, self)

    def loss(self, model: Program, guide: Program, *args: Any, **kwargs: Any) -> float:
        """An estimate of the loss, minus the objective."""
        total = 0.0
        for _, value in self._estimates(model, guide, args, kwargs):
            total += value
        return -total / self.num_particles

    def loss_and_grads(self, model: Program, guide: Program, *args: Any, **kwargs: Any) -> float:
        """An estimate of the loss; accumulates gradients in the parameters of model and guide."""
        total = 0.0
        for (_, surrogate), value in self._estimates(model, guide, args, kwargs):
            if surrogate.requires_grad:
                # With a gradient as its argument, backward() imports sympy: a second.
                loss = surrogate * (-1.0 / self.num_particles)
                loss.backward(retain_graph=self.retain_graph)
            total += value
        return -total / self.num_particles

    def differentiable_loss(
        self, model: Program, guide: Program, *args: Any, **kwargs: Any
    ) -> Tensor:
        """The loss as a tensor: its value is the estimated loss, its gradient that of the loss."""
        total: Any = 0.0
        for (elbo, surrogate), _ in self._estimates(model, guide, args, kwargs):
            if surrogate is not elbo:
                elbo = surrogate + (elbo - surrogate).detach()
            total = total - elbo
        loss: Tensor = total / self.num_particles if self.num_particles > 1 else total
        return loss

    def _estimates(
        self, model: Program, guide: Program, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Iterator[tuple[Estimate, float]]:
        """Independent estimates, each with its value as a number: one per particle, or one."""
        for traces in self._get_traces(model, guide, args, kwargs):
            estimate = self._estimate(*traces)
            yield estimate, self._value(estimate, traces)

    def _value(self, estimate: Estimate, traces: Traces) -> float:
        """The value as a number; one that is not finite is traced back to its site."""
        if not is_read():
            return math.nan
        value = estimate.elbo.detach().item()
        if validation.VALIDATE and not math.isfinite(value):
            warn_not_finite(-value, *traces)
        return value

    def _get_traces(
        self, model: Program, guide: Program, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Iterator[Traces]:
        """One pair of traces per particle, or one pair for all of them."""
        if self._in_one_run:
            yield self._get_vectorized_trace(model, guide, args, kwargs)
            return
        for _ in range(self.num_particles):
            yield self._get_trace(model, guide, args, kwargs)

    @property
    def _in_one_run(self) -> bool:
        """Whether all particles share a run, in a plate around the programs."""
        return self.vectorize_particles and self.num_particles > 1

    @property
    def _particle_dim(self) -> int | None:
        """The batch dim of vectorised particles; None if they are run in a loop."""
        return -int(self.max_plate_nesting) if self._in_one_run else None

    def _get_trace(
        self, model: Program, guide: Program, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Traces:
        """Run the guide, then the model with the guide's values."""
        with TraceMessenger() as guided:
            guide(*args, **kwargs)
        guide_trace = guided.trace
        with TraceMessenger() as modelled, ReplayMessenger(guide_trace):
            model(*args, **kwargs)
        model_trace = modelled.trace
        if validation.VALIDATE:
            self._check(model_trace, guide_trace)
        lend_auxiliary_sites(model_trace, guide_trace)
        return model_trace, guide_trace

    def _check(self, model_trace: Trace, guide_trace: Trace) -> None:
        check_model_guide_match(model_trace, guide_trace, self.max_plate_nesting)
        check_if_enumerated(guide_trace)

    def _get_vectorized_trace(
        self, model: Program, guide: Program, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Traces:
        """Run guide and model once for all particles; look again when plates are deeper."""
        self.prepare(model, guide, *args, **kwargs)
        try:
            return self._run_particles(model, guide, args, kwargs)
        except (ValueError, RuntimeError):
            known = self.max_plate_nesting
            self._look(model, guide, args, kwargs)
            if self.max_plate_nesting <= known:
                raise
        return self._run_particles(model, guide, args, kwargs)

    @property
    def _must_look(self) -> bool:
        """Whether an estimate needs to know how deep the plates of the programs are."""
        return self._in_one_run

    def prepare(self, model: Program, guide: Program, *args: Any, **kwargs: Any) -> None:
        """Look at programs that were not seen before, if the objective must know their plates.

        An estimate does so by itself. It is for those who record one: nothing is found out in it.
        Random streams, the parameter store and the state of modules stay as they are.

        Example::

            >>> from pyro.infer import TraceEnum_ELBO
            >>> def model():
            ...     with pyro.plate("rows", 3):
            ...         pyro.sample("x", dist.Bernoulli(0.5))
            >>> elbo = TraceEnum_ELBO()
            >>> elbo.prepare(model, lambda: None)
            >>> elbo.max_plate_nesting
            1
        """
        if self._must_look and (model, guide) not in self._seen:
            self._look(model, guide, args, kwargs)

    def _look(
        self, model: Program, guide: Program, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        """Find out how deep the plates are, and whether every batch dim is one of a plate.

        An undeclared batch dim could be taken for that of the particles.
        """
        traces = look(model, guide, args, kwargs)
        if validation.VALIDATE:
            for trace in traces:
                check_declared(trace)
        if not self._nesting_is_given:
            known = 0 if self.max_plate_nesting == math.inf else self.max_plate_nesting
            self.max_plate_nesting = max(known, self._in_one_run + max_plate_depth(*traces))
        self._seen = [*self._seen[-7:], (model, guide)]

    def _run_particles(
        self, model: Program, guide: Program, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Traces:
        dim = -int(self.max_plate_nesting)
        wrap = InPlate(self.num_particles, dim)
        traces = self._get_trace(wrap(model), wrap(guide), args, kwargs)
        if max_plate_depth(*traces) > -dim:
            raise ShapeError(
                f"plates are nested {max_plate_depth(*traces)} deep (with the particles), but "
                f"max_plate_nesting leaves {-dim} batch dims (one of them for the particles). "
                f"Set max_plate_nesting to at least {max_plate_depth(*traces) - 1}."
            )
        return traces


class InPlate:
    """Opens the plate of the particles around a program."""

    def __init__(self, num_particles: int, dim: int) -> None:
        self._size, self._dim = num_particles, dim

    def __call__(self, program: Program) -> Program:
        def vectorized(*args: Any, **kwargs: Any) -> Any:
            with PlateMessenger("num_particles_vectorized", self._size, dim=self._dim):
                return program(*args, **kwargs)

        return vectorized
