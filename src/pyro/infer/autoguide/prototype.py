"""The run of a model from which a guide is made."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import Any

from pyro.errors import SiteError
from pyro.infer.errors import InferenceError
from pyro.infer.model.initialization import InitMessenger, Strategy
from pyro.infer.model.supports import may_move, moving_supports
from pyro.infer.prototype import looking
from pyro.poutine.messenger import Messenger
from pyro.poutine.sites import is_latent, is_subsample
from pyro.poutine.trace_messenger import TraceMessenger
from pyro.poutine.trace_struct import Trace
from pyro.runtime import Frame, Message

Model = Callable[..., Any]


class SequentialPlateError(InferenceError, NotImplementedError):
    """A guide is to be made of a model with a latent site in a sequential plate."""


class Prototype:
    """What a guide knows of its model.

    :param model: The model.
    :param init: The strategy that chooses the values of the latent sites.

    ``trace`` holds the latent sites alone; ``frames`` the vectorised plates around them, by name;
    ``given`` the names of those of these plates that got their subsample from the program;
    ``has_params`` tells whether the model has parameters of its own.
    """

    def __init__(
        self, model: Model, init: Strategy, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        with looking(keep_rng=False), TraceMessenger() as traced, _Watch() as watch:
            with InitMessenger(init):
                model(*args, **kwargs)
        self.trace = Trace()
        self.frames: dict[str, Frame] = {}
        for name, site in traced.trace.nodes.items():
            if is_latent(site) and not _is_enumerated(site):
                _check_plates(site)
                self.trace.nodes[name] = site
                self.frames.update({frame.name: frame for frame in site["cond_indep_stack"]})
        self.has_params = any(site["type"] == "param" for site in traced.trace.nodes.values())
        self.given = watch.given & self.frames.keys()
        looks = len(self.trace) > 1 and may_move(self.trace)
        self.moving = moving_supports(model, args, kwargs) if looks else frozenset()


class _Watch(Messenger):
    """Notes which plates were given their subsample."""

    def __init__(self) -> None:
        self.given: set[str] = set()

    def _pyro_sample(self, msg: Message) -> None:
        if is_subsample(msg) and msg["value"] is not None:
            self.given.add(msg["name"])


def _is_enumerated(site: Message) -> bool:
    """Whether the objective sums the site out of the model."""
    return bool(site["infer"].get("enumerate"))


def _check_plates(site: Message) -> None:
    for frame in site["cond_indep_stack"]:
        if not frame.vectorized:
            raise SequentialPlateError(
                f"site {site['name']!r} is in the sequential plate {frame.name!r}, for which no "
                "guide can be made. Use the plate as a context, `with pyro.plate(...):`; or, if "
                "the loop must stay, a plain Python loop over range(...)."
            )


def warn_of_kept_supports(guide: object, names: Iterable[str], advice: str) -> None:
    """Say that a guide takes supports, which depend on other sites, from its first run."""
    warnings.warn(
        f"{type(guide).__name__}: the supports of the sites {sorted(names)} depend on the values "
        "of others, but are kept as they were in the first run, so that the model may exclude "
        f"what the guide draws. {advice}.",
        UserWarning,
        stacklevel=3,
    )


def check_latents(trace: Trace) -> None:
    """Refuse a model in which there is nothing to approximate.

    :raises SiteError: if the trace is empty.
    """
    if not trace.nodes:
        raise SiteError(
            "the model has no latent sites: found no latent variables to make a guide for. If all "
            "are observed or enumerated, use an empty guide: `def guide(*args): pass`."
        )
