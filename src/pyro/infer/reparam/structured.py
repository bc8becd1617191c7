"""All latent variables in the auxiliary coordinates of a structured guide."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from pyro.distributions.delta import Delta
from pyro.infer.predictive import Predictive
from pyro.infer.prototype import looking
from pyro.infer.reparam.errors import ReparamError
from pyro.infer.reparam.measure import Measure
from pyro.infer.reparam.outside import count_volume, is_inside, once_in_a_run, outside_of_the_model
from pyro.infer.reparam.rewriting import peel, refusal, unchanged
from pyro.poutine.messenger import Messenger
from pyro.poutine.reparam_messenger import (
    Reparam,
    ReparamMessage,
    ReparamMessenger,
    ReparamResult,
    rewriting,
)
from pyro.poutine.sites import is_auxiliary, is_subsample
from pyro.runtime import Message


class StructuredReparam(Reparam):
    r"""Write all latent variables as the functions, learned by a guide, of its auxiliary sites.

    A structured guide draws :math:`z`, whose law has no parameters, at auxiliary sites, one or more
    for a latent site of the model, and computes :math:`x = F(z)`. The reparameterised model has the
    same auxiliary sites with the density :math:`p(F(z))\,|\det F'(z)|`: a preconditioned model, for
    MCMC, that keeps sites and plates apart, which :class:`NeuTraReparam` merges. Draws without data
    are those of the guide. Parno and Marzouk (2018), *Transport Map Accelerated Markov Chain Monte
    Carlo*, section 3.

    All sites share one instance; :meth:`reparam` gives it to every site. The model must have a
    static structure. Observed sites are left alone. Initial values of the sites are not used; the
    auxiliary sites are initialised.

    :param guide: A trained guide whose sites are auxiliary ones and, for each latent site of the
        model, a Delta with the log density of the change of variables: ``AutoStructured``.
    :raises ReparamError: if a site of the guide is of another kind.
    :raises TypeError: if ``guide`` cannot be called.

    Example::

        >>> from pyro.infer.reparam import StructuredReparam
        >>> def model():
        ...     return pyro.sample("x", dist.LogNormal(3.0, 0.1))
        >>> def guide():
        ...     z = pyro.sample("x_aux", dist.Normal(0.0, 1.0), infer={"is_auxiliary": True})
        ...     x = (3.0 + 0.1 * z).exp()
        ...     pyro.sample("x", dist.Delta(x, log_density=-(0.1 * x).log()))
        >>> trace = poutine.trace(StructuredReparam(guide).reparam(model)).get_trace()
        >>> z = trace.nodes["x_aux"]["value"]
        >>> bool(abs(trace.log_prob_sum() - dist.Normal(0.0, 1.0).log_prob(z)) < 1e-4)
        True
    """

    takes_initial_value: ClassVar[bool] = False

    def __init__(self, guide: Callable[..., Any]) -> None:
        if not callable(guide):
            raise TypeError(f"StructuredReparam expects a guide, but got {type(guide).__name__}")
        self.guide = guide
        self._args_kwargs: tuple[tuple[Any, ...], dict[str, Any]] = (), {}

    def reparam(self, fn: Callable[..., Any] | None = None) -> Any:
        """The model in new coordinates, or a handler that makes it."""
        handler = ReparamMessenger(config=lambda _: self)
        return handler if fn is None else handler(fn)

    def apply(self, msg: ReparamMessage) -> ReparamResult:
        """Add the auxiliary sites at the first latent site of a run; hand their values to all."""
        name, handler = msg["name"], rewriting()[-1][0]
        if is_inside(self) or msg["is_observed"]:
            return unchanged(msg)
        with outside_of_the_model(handler):
            draw = functools.partial(self._draw, msg, handler)
            points: dict[str, _Point | None] = once_in_a_run(self, msg, draw)
            if name not in points:
                return unchanged(msg)
            point = points[name]
            if point is None:
                raise refusal(msg, self, "meets the site a second time in one run")
            points[name] = None
            count_volume(name, -point.log_density)
        return {"fn": msg["fn"], "value": point.value, "is_observed": True}

    def _draw(self, msg: ReparamMessage, handler: ReparamMessenger) -> dict[str, _Point | None]:
        args, kwargs = self._args_kwargs = handler.args_kwargs or ((), {})
        with _Coordinates(self, msg) as found:
            self.guide(*args, **kwargs)
        return dict(found.points)

    def transform_samples(
        self, aux_samples: Mapping[str, Tensor], save_params: Sequence[str] | None = None
    ) -> dict[str, Tensor]:
        """The values of the sites of the original model.

        The guide is run with the arguments of the model's latest run.

        :param aux_samples: Values of the auxiliary sites by name, with one dim of samples at the
            left.
        :param save_params: The names to return; all by default.
        :return: Constrained values by name of site, with the dim of samples at the left.
        """
        args, kwargs = self._args_kwargs
        with looking(), torch.no_grad(), _Coordinates(self, None) as found:
            self.guide(*args, **kwargs)
        shapes = {name: point.value.shape for name, point in found.points.items() if point}
        names = list(shapes if save_params is None else save_params)
        run = Predictive(self.guide, dict(aux_samples), return_sites=names, parallel=True)
        drawn: dict[str, Tensor] = run(*args, **kwargs)
        return {name: drawn[name].reshape(-1, *shapes[name]) for name in names}


class _Point(NamedTuple):
    """A value of a latent site, and minus the log volume of its coordinates."""

    value: Tensor
    log_density: Tensor


class _Coordinates(Messenger):
    """Make sites of the model of a guide's auxiliary ones, and keep the values of the others."""

    def __init__(self, owner: StructuredReparam, msg: ReparamMessage | None) -> None:
        self.owner, self.msg = owner, msg
        self.points: dict[str, _Point | None] = {}

    def _pyro_sample(self, msg: Message) -> None:
        if is_subsample(msg):
            msg["stop"] = True
        elif is_auxiliary(msg) and not msg["is_observed"]:
            msg["infer"].pop("is_auxiliary")
            msg["fn"] = Measure(msg["fn"])
            msg["stop"] = self.msg is None
        else:
            self._keep(msg)

    def _keep(self, msg: Message) -> None:
        delta = peel(msg["fn"]).core
        if not isinstance(delta, Delta):
            raise ReparamError(
                f"StructuredReparam: the guide draws {msg['name']!r} from {delta!r}; it must be a "
                "function of auxiliary sites, a Delta, as under AutoStructured"
            )
        log_density = torch.as_tensor(delta.log_density).expand(delta.batch_shape)
        self.points[msg["name"]] = _Point(delta.v, log_density)
        msg["value"], msg["done"], msg["stop"] = delta.v, True, True
