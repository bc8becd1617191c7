"""What the first step will be made of, where that is known before it is made."""

from __future__ import annotations

from typing import Any

from pyro.infer.autoguide.auto_guide import AutoGuide
from pyro.infer.elbo.elbo import ELBO
from pyro.infer.fit.compiled.rehearsal import Rehearsal
from pyro.infer.fit.steps.call import Call
from pyro.infer.not_finite import unread
from pyro.infer.param_capture import ParamCapture
from pyro.infer.prototype import looking
from pyro.optim.optim import PyroOptim


def forecast(model: Any, guide: Any, loss: Any, optim: PyroOptim, call: Call) -> Rehearsal | None:
    """The parameters of an automatic guide, if the model has none of its own; otherwise None.

    The guide is set up with these arguments, and runs once to be looked at; an ELBO learns of the
    plates what it must know. That there is one loss, and that all parameters move, is a guess:
    it is to be compared with the step.

    :param loss: The objective, an ELBO or a function.
    :param optim: Takes parameters in that are new to it.

    Example::

        >>> from pyro.infer import Trace_ELBO
        >>> from pyro.infer.autoguide import AutoNormal
        >>> from pyro.infer.fit.compiled.forecast import forecast
        >>> from pyro.infer.fit.steps.call import Call
        >>> def model():
        ...     pyro.sample("x", dist.Normal(0.0, 1.0))
        >>> guide, optim = AutoNormal(model), pyro.optim.Adam({"lr": 0.1})
        >>> list(forecast(model, guide, Trace_ELBO(), optim, Call((), {})).leaves)
        ['AutoNormal.locs.x', 'AutoNormal.scales.x']
    """
    if not isinstance(guide, AutoGuide):
        return None
    if guide.setup(*call.args, **call.kwargs).model_has_params:
        return None
    if isinstance(loss, ELBO):
        loss.prepare(model, guide, *call.args, **call.kwargs)
    with looking(), unread(), ParamCapture() as seen:
        guide(*call.args, **call.kwargs)
    if not seen.leaves:
        return None
    optim.admit(seen.leaves)
    return Rehearsal(seen.leaves, list(seen.leaves), 1, None)
