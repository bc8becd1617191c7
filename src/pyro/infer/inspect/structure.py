"""The sites of one run of a program, and what each was computed from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pyro.distributions.delta import Delta
from pyro.distributions.mixin import WRAPPERS
from pyro.infer.prototype import looking
from pyro.params.param_store import PARAM_STORE
from pyro.poutine.messenger import Messenger
from pyro.poutine.provenance import Names, ProvenanceTracker
from pyro.poutine.sites import is_deterministic, is_subsample
from pyro.poutine.trace_messenger import TraceMessenger
from pyro.runtime import Frame, Message

Program = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Statement:
    """A sample or param site of a program."""

    name: str
    is_sample: bool
    is_observed: bool
    is_scored: bool  # False: under ``mask(mask=False)``
    is_elided: (
        bool  # a computed value, transparent: what is computed from it depends on its sources
    )
    law: str  # the name of the family; of a param, its constraint
    sources: Names  # names of samples and params from which density or value were computed directly
    frames: tuple[Frame, ...]

    @property
    def plates(self) -> frozenset[str]:
        """The vectorised plates around the statement."""
        return frozenset(frame.name for frame in self.frames if frame.vectorized)


Structure = dict[str, Statement]


def structure_of(
    model: Program,
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    include_deterministic: bool = False,
) -> Structure:
    """Run a program once, following its draws and parameters; its sites in their order.

    Random streams, the parameter store and buffers stay as they are. Where a value decides a
    branch, or becomes a Python number, all later sites count as computed from it, except other
    iterations of a sequential plate.

    :param include_deterministic: Whether ``deterministic`` and ``Delta`` sites are sources of
        what is computed from them, rather than transparent.
    """
    tracker = ProvenanceTracker()
    with looking(), torch.enable_grad(), tracker, TraceMessenger():
        recorder = _Recorder(tracker, include_deterministic)
        with recorder:
            model(*args, **(kwargs or {}))
    return recorder.structure


class _Recorder(Messenger):
    """Mark what samples and params return, and note what they were computed from."""

    def __init__(self, tracker: ProvenanceTracker, include_deterministic: bool) -> None:
        self.structure: Structure = {}
        self._tracker = tracker
        self._include_deterministic = include_deterministic

    def _pyro_post_param(self, msg: Message) -> None:
        name, value = msg["name"], msg["value"]
        constraint = msg["kwargs"].get("constraint")
        if name in PARAM_STORE:  # a later `pyro.param(name)` does not repeat the constraint
            constraint = PARAM_STORE.constraint(name)
        frames, law = tuple(msg["cond_indep_stack"]), str(constraint)
        statement = Statement(name, False, False, False, False, law, frozenset(), frames)
        self.structure.setdefault(name, statement)
        if isinstance(value, Tensor):
            self._tracker.mark(value, name)

    def _pyro_post_sample(self, msg: Message) -> None:
        if is_subsample(msg) or msg["infer"].get("_do_not_trace"):
            return
        name, fn = msg["name"], _unwrapped(msg["fn"])
        is_computed = is_deterministic(msg) or isinstance(fn, Delta)
        statement = Statement(
            name=name,
            is_sample=True,
            is_observed=msg["is_observed"],
            is_scored=msg["mask"] is not False,
            is_elided=is_computed,
            law="Deterministic" if is_deterministic(msg) else type(fn).__name__,
            sources=self._sources(msg) - {name},
            frames=tuple(msg["cond_indep_stack"]),
        )
        self.structure[name] = statement
        value = msg["value"]
        if isinstance(value, Tensor) and (self._include_deterministic or not is_computed):
            given = (
                self._tracker.of(value) if msg["is_observed"] and not is_computed else frozenset()
            )
            msg["value"] = self._tracker.renamed(value, given | {name})

    def _sources(self, msg: Message) -> Names:
        """What the density and the value of a site were computed from, branches included."""
        of = self._tracker.of
        direct = of(msg["value"]) | of(msg["mask"]) | of(msg["scale"]) | of(_log_prob(msg))
        decided = self._tracker.control - direct
        return direct | {name for name in decided if not self._is_apart(name, msg)}

    def _is_apart(self, name: str, msg: Message) -> bool:
        """Whether a source is in another iteration of a sequential plate around a site."""
        ours = _iterations(msg["cond_indep_stack"])
        theirs = _iterations(self.structure[name].frames)
        return any(ours.get(plate, i) != i for plate, i in theirs.items())


def _log_prob(msg: Message) -> Any:
    """The log density of a site, evaluated to be followed; None where it has none."""
    if msg["mask"] is False or not hasattr(msg["fn"], "log_prob"):
        return None
    try:
        return msg["fn"].log_prob(msg["value"], *msg["args"], **msg["kwargs"])
    except NotImplementedError:  # a law that can only be drawn from
        return None


def _unwrapped(fn: Any) -> Any:
    wrappers: Any = tuple(WRAPPERS.values())
    while isinstance(fn, wrappers):
        fn = fn.base_dist
    return fn


def _iterations(frames: tuple[Frame, ...]) -> dict[str, int | None]:
    return {frame.name: frame.counter for frame in frames if not frame.vectorized}
