"""Priors updated by a factor that is conjugate to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyro.distributions.delta import Delta
from pyro.distributions.masked import MaskedDistribution
from pyro.infer.reparam.rewriting import Wrap, refusal
from pyro.poutine.reparam_messenger import Reparam, ReparamMessage, ReparamResult, rewriting
from pyro.primitives.sample import sample


class ConjugateReparam(Reparam):
    r"""Draw :math:`x` from :math:`q(x) = p(x)\,g(x)/Z`, and count :math:`Z / g(x)`.

    :math:`p` is the prior and :math:`g` a conjugate factor, the likelihood of the data or a guess
    of it, which may be learned. The auxiliary site is ``<name>_updated``, of law :math:`q`; the
    joint density stays :math:`p`. In a variational objective the auxiliary site belongs to the
    guide, unless the guide has it: when :math:`g` is the likelihood, nothing remains to be guided
    and the bound is exact. Hoffman, Johnson and Tran (2018), *Autoconj: Recognizing and Exploiting
    Conjugacy Without a Domain-Specific Language*.

    :param guide: :math:`g` up to a factor, as a distribution of the prior's family, or a function
        from the arguments of the model to such a distribution.
    :raises ReparamError: at a site that is observed or not conjugate to ``guide``; if ``guide`` is
        a function and the handler a context, which does not know the arguments of the model.

    Example::

        >>> from pyro.infer import SVI, Trace_ELBO
        >>> from pyro.infer.reparam import ConjugateReparam
        >>> count, total = torch.tensor(2.0), torch.tensor(10.0)
        >>> def model():
        ...     prob = pyro.sample("prob", dist.Beta(0.5, 1.5))
        ...     pyro.sample("count", dist.Binomial(total, prob), obs=count)
        >>> likelihood = dist.Beta(1 + count, 1 + total - count)
        >>> updated = poutine.reparam(model, config={"prob": ConjugateReparam(likelihood)})
        >>> def guide():
        ...     "Nothing remains to be guided."
        >>> losses = [Trace_ELBO().loss(updated, guide) for _ in range(3)]
        >>> bool(max(losses) - min(losses) < 1e-4)  # minus the log evidence, without noise
        True
    """

    def __init__(self, guide: Any | Callable[..., Any]) -> None:
        self.guide = guide

    def apply(self, msg: ReparamMessage) -> ReparamResult:
        """Add the site ``<name>_updated``."""
        if msg["is_observed"]:
            raise refusal(msg, self, "does not support observe statements")
        fn, mask = _without_masks(msg["fn"])
        factor = self._factor(msg)
        if len(factor.event_shape) < fn.event_dim:
            factor = factor.to_event(fn.event_dim - len(factor.event_shape))
        try:
            updated, log_normalizer = fn.conjugate_update(factor)
        except (NotImplementedError, AttributeError, TypeError) as error:
            why = f"finds no conjugate update of {fn!r} by {factor!r}"
            raise refusal(msg, self, why) from error
        value = sample(
            f"{msg['name']}_updated",
            mask(updated),
            obs=msg["value"],
            infer={"is_observed": False, "is_auxiliary": True},
        )
        log_density = log_normalizer - factor.log_prob(value)
        new = Delta(value, log_density=log_density, event_dim=fn.event_dim)
        return {"fn": mask(new), "value": value, "is_observed": True}

    def _factor(self, msg: ReparamMessage) -> Any:
        if hasattr(self.guide, "log_prob"):
            return self.guide
        args_kwargs = rewriting()[-1][0].args_kwargs
        if args_kwargs is None:
            raise refusal(
                msg,
                self,
                "has a function as guide, which needs the arguments of the model: use "
                "poutine.reparam(model, config=...) rather than a context",
            )
        args, kwargs = args_kwargs
        return self.guide(*args, **kwargs)


def _without_masks(fn: Any) -> tuple[Any, Wrap]:
    """A distribution without the masks around it, and what masks another one in the same way."""
    if not isinstance(fn, MaskedDistribution):
        return fn, lambda d: d
    base, mask = _without_masks(fn.base_dist)
    return base, lambda d: mask(d).mask(fn._mask)
