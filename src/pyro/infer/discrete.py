"""Values of discrete sites: drawn from their exact posterior, or the most probable ones."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

from pyro.infer.elbo.elbo import Estimate
from pyro.infer.elbo.trace_enum_elbo import TraceEnum_ELBO
from pyro.infer.enumerated_posterior import EnumeratedPosterior
from pyro.infer.errors import InferenceError
from pyro.infer.prototype import Program
from pyro.poutine.enum_messenger import EnumMessenger
from pyro.poutine.messenger import block_messengers
from pyro.poutine.replay_messenger import ReplayMessenger
from pyro.poutine.trace_messenger import TraceMessenger
from pyro.poutine.trace_struct import Trace


def infer_discrete(
    fn: Program | None = None,
    first_available_dim: int | None = None,
    temperature: int = 1,
    *,
    strict_enumeration_warning: bool = True,
) -> Any:
    """A program whose enumerated sites get values from their posterior, given all other sites.

    The sites with ``infer={"enumerate": "parallel"}`` are drawn jointly (``temperature=1``), or set
    to their jointly most probable values (``temperature=0``; in a hidden Markov model this is the
    Viterbi path). All other latent sites should have values: from :func:`pyro.poutine.replay`,
    :func:`pyro.poutine.condition`, or because they were drawn first. Handlers around a call apply,
    scales do not.

    Log-probabilities of a trace of the result say nothing about the posterior.

    :param fn: The model; without it a decorator is returned.
    :param first_available_dim: Negative, left of all plates around and in the model.
    :param temperature: 1 for a draw, 0 for the mode.
    :param strict_enumeration_warning: Warn if no site is enumerated.
    :raises InferenceError: if ``first_available_dim`` is not negative, or the temperature is
        neither 0 nor 1.

    Example::

        >>> from pyro.infer import config_enumerate, infer_discrete
        >>> @infer_discrete(first_available_dim=-1, temperature=0)
        ... @config_enumerate
        ... def decode(data):
        ...     x, states = 0, []
        ...     for t in pyro.markov(range(len(data))):
        ...         x = pyro.sample(f"x_{t}", dist.Categorical(torch.tensor([[0.9, 0.1]] * 2)[x]))
        ...         pyro.sample(f"y_{t}", dist.Normal(10.0 * x, 1.0), obs=data[t])
        ...         states.append(x)
        ...     return states
        >>> decode(torch.tensor([0.1, 9.0, -0.3]))
        [tensor(0), tensor(1), tensor(0)]
    """
    if first_available_dim is None or first_available_dim >= 0:
        raise InferenceError(
            "infer_discrete: first_available_dim must be negative, left of the dims of all plates "
            f"(-1 - max_plate_nesting), but got {first_available_dim!r}"
        )
    if temperature not in (0, 1):
        raise InferenceError(
            f"infer_discrete: temperature must be 0 (the mode) or 1 (a draw), but got "
            f"{temperature!r}"
        )
    if fn is None:
        return functools.partial(
            infer_discrete,
            first_available_dim=first_available_dim,
            temperature=temperature,
            strict_enumeration_warning=strict_enumeration_warning,
        )
    program = fn

    @functools.wraps(program)
    def inferred(*args: Any, **kwargs: Any) -> Any:
        enumerated = EnumMessenger(first_available_dim)(program)
        with block_messengers(lambda handler: isinstance(handler, TraceMessenger)):
            trace = TraceMessenger()(enumerated).get_trace(*args, **kwargs)
        posterior = EnumeratedPosterior(trace, -1 - first_available_dim)
        if strict_enumeration_warning and not posterior.parts:
            warnings.warn(
                "infer_discrete found no sample sites configured for enumeration. Use "
                '@config_enumerate, or set infer={"enumerate": "parallel"} at the sites.',
                UserWarning,
                stacklevel=2,
            )
        chosen = posterior.sample() if temperature else posterior.mode()
        with ReplayMessenger(chosen):
            return program(*args, **kwargs)

    return inferred


class TraceEnumSample_ELBO(TraceEnum_ELBO):
    """A :class:`TraceEnum_ELBO` that can draw the discrete sites of its last estimate.

    :meth:`sample_saved` reuses the traces that the loss has made. The parameters are those of
    :class:`~pyro.infer.elbo.elbo.ELBO`; there must be one particle.

    Example::

        >>> from pyro.infer import TraceEnumSample_ELBO, config_enumerate
        >>> @config_enumerate
        ... def model():
        ...     k = pyro.sample("k", dist.Bernoulli(0.5))
        ...     pyro.sample("x", dist.Normal(10.0 * k, 1.0), obs=torch.tensor(9.5))
        ...     return k
        >>> elbo = TraceEnumSample_ELBO(max_plate_nesting=0)
        >>> loss = elbo.loss(model, lambda: None)
        >>> elbo.sample_saved()
        tensor(1.)
    """

    _saved: tuple[Trace, Callable[[], Any]] | None = None

    def _enumerated_traces(
        self, model: Program, guide: Program, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        for traces in super()._enumerated_traces(model, guide, args, kwargs):
            self._saved = traces[0], functools.partial(model, *args, **kwargs)
            yield traces

    def _estimate(self, model_trace: Trace, guide_trace: Trace) -> Estimate:
        if self.num_particles != 1:
            raise InferenceError(
                f"TraceEnumSample_ELBO needs num_particles=1, but it is {self.num_particles}"
            )
        return super()._estimate(model_trace, guide_trace)

    def sample_saved(self) -> Any:
        """What the model returns with a draw from the posterior of the last loss.

        :raises InferenceError: if no loss was computed yet.
        """
        if self._saved is None:
            raise InferenceError("sample_saved: compute a loss first, it makes the traces")
        trace, rerun = self._saved
        with ReplayMessenger(EnumeratedPosterior(trace, int(self.max_plate_nesting)).sample()):
            return rerun()
