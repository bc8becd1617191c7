"""Joint draws of a model, and how probable they are under a guide."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from pyro.infer.checks import check_model_guide_match
from pyro.infer.elbo.scoring import log_prob, scored_sites
from pyro.infer.errors import InferenceError
from pyro.infer.prototype import Program
from pyro.poutine.messenger import Messenger
from pyro.poutine.replay_messenger import ReplayMessenger
from pyro.poutine.sites import is_factor
from pyro.poutine.trace_messenger import TraceMessenger
from pyro.poutine.trace_struct import Trace
from pyro.poutine.uncondition_messenger import UnconditionMessenger
from pyro.runtime import Message


class Detached(Messenger):
    """Cut all draws of a program off the computation that they come from."""

    def _pyro_post_sample(self, msg: Message) -> None:
        if not msg["is_observed"] and isinstance(msg["value"], Tensor):
            msg["value"] = msg["value"].detach()


def dream(model: Program, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Trace:
    """A draw of all sites of the model, those that it observes included, without gradients."""
    with torch.no_grad(), TraceMessenger() as traced, UnconditionMessenger():
        model(*args, **kwargs)
    for site in traced.trace.nodes.values():
        if site["type"] == "sample" and site["infer"].get("was_observed"):
            site["is_observed"] = True
    return traced.trace


def observations(trace: Trace) -> dict[str, Any]:
    """What a dream has in place of the observations, by site."""
    return {
        site["name"]: site["value"]
        for site in scored_sites(trace)
        if site["infer"].get("was_observed") and not is_factor(site)
    }


def interpret(
    dreamt: Trace, guide: Program, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Trace:
    """The guide's trace at the latent values of a dream, given the observations of the dream.

    :raises InferenceError: if the guide does not take a keyword argument ``observations``.
    """
    kwargs = {**kwargs, "observations": observations(dreamt)}
    with TraceMessenger() as traced, ReplayMessenger(dreamt):
        try:
            guide(*args, **kwargs)
        except TypeError as error:
            if "unexpected keyword argument 'observations'" not in str(error):
                raise
            raise InferenceError(
                "the guide is trained on draws of the model, and needs what is observed in them: "
                "let it (and the model) take a keyword argument `observations`, a dict from names "
                "of observed sites to their values"
            ) from error
    check_model_guide_match(dreamt, traced.trace)
    return traced.trace


def log_guide(trace: Trace, max_plate_nesting: float) -> Tensor:
    """The sum of the log-probabilities of all sites of a guide."""
    total = torch.zeros(())
    for site in scored_sites(trace):
        total = total + log_prob(trace, site, max_plate_nesting).sum()
    return total
