"""Runs of a program with given values for some of its sites, one per sample or all at once."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor

from pyro.errors import ShapeError
from pyro.infer.errors import InferenceError
from pyro.infer.prototype import looking, max_plate_depth
from pyro.poutine.mask_messenger import MaskMessenger
from pyro.poutine.messenger import Messenger
from pyro.poutine.plate_messenger import PlateMessenger
from pyro.poutine.sites import is_deterministic, is_sample
from pyro.poutine.trace_messenger import TraceMessenger
from pyro.poutine.trace_struct import Trace
from pyro.runtime import Message

Program = Callable[..., Any]
Samples = dict[str, Tensor]
Wanted = Callable[[str, Message], bool]
Answer = Callable[[Message], Any]


def value_of(site: Message) -> Any:
    """The value of a site."""
    return site["value"]


class _Impose(Messenger):
    """Observe given values but those of deterministic sites, and note which are used."""

    def __init__(self, values: Mapping[str, Tensor]) -> None:
        self.values = values
        self.used: set[str] = set()

    def _pyro_sample(self, msg: Message) -> None:
        value = self.values.get(msg["name"])
        if value is not None and not is_deterministic(msg):
            msg["value"] = value
            msg["is_observed"] = True
            self.used.add(msg["name"])


class SampleRuns:
    """The runs of one program for samples of some of its sites; others are drawn.

    Runs record no gradients. A first run is made to see how deeply plates are nested.

    :param given: Values by site name, the number of samples leftmost.
    :param named_by_user: Whether the user is told of given sites that the program lacks.
    :param scored: Whether densities are wanted; otherwise runs are under ``mask(mask=False)``.
    """

    def __init__(
        self,
        program: Program,
        given: Samples,
        num_samples: int,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        named_by_user: bool = False,
        scored: bool = False,
    ) -> None:
        self._program, self._given, self.num_samples = program, given, num_samples
        self._named_by_user, self._scored = named_by_user, scored
        self._args, self._kwargs = args, kwargs
        with looking():
            prototype = self._run({})[0]
        self._depth = max_plate_depth(prototype)
        self.prototype: Mapping[str, Message] = prototype.nodes
        self._given = {name: value for name, value in given.items() if not self._computed(name)}

    def _computed(self, name: str) -> bool:
        """Whether a site is deterministic: then it is computed anew, for the data of now."""
        site = self.prototype.get(name)
        return site is not None and is_sample(site) and is_deterministic(site)

    @property
    def seen(self) -> list[str]:
        """The sample sites of the program."""
        return [name for name, site in self.prototype.items() if is_sample(site)]

    def sequential(self, wanted: Wanted, answer: Answer = value_of) -> Samples:
        """Answers about sites from one run per sample, stacked."""
        drawn: dict[str, list[Any]] = {}
        for trace in self.traces():
            for name, site in trace.nodes.items():
                if wanted(name, site):
                    drawn.setdefault(name, []).append(answer(site))
        return {name: self._stack(name, values) for name, values in drawn.items()}

    def parallel(self, wanted: Wanted, answer: Answer = value_of) -> Samples:
        """Answers about sites from one run for all samples."""
        return {
            name: site["value"] if name == "_RETURN" else self._expand(name, answer(site))
            for name, site in self.vectorized_trace().nodes.items()
            if wanted(name, site)
        }

    def traces(self) -> Iterator[Trace]:
        """The trace of a run for each sample."""
        given = {name: self._fit(name, value, strict=False) for name, value in self._given.items()}
        used: set[str] = set()
        for i in range(self.num_samples):
            trace, now = self._run({name: value[i] for name, value in given.items()})
            used |= now
            yield trace
        self._warn_unused(used)

    def vectorized_trace(self) -> Trace:
        """The trace of the run for all samples."""
        values = {
            name: self._pad(name, self._fit(name, value, strict=True))
            for name, value in self._given.items()
        }
        with PlateMessenger("_num_predictive_samples", self.num_samples, dim=-self._depth - 1):
            trace, used = self._run(values)
        self._warn_unused(used)
        return trace

    def _run(self, values: Mapping[str, Tensor]) -> tuple[Trace, set[str]]:
        with ExitStack() as stack:
            stack.enter_context(torch.no_grad())
            traced = stack.enter_context(TraceMessenger())
            if not self._scored:
                stack.enter_context(MaskMessenger(False))
            imposed = stack.enter_context(_Impose(values))
            result = self._program(*self._args, **self._kwargs)
        trace = traced.trace
        trace.nodes["_RETURN"] = {"name": "_RETURN", "type": "return", "value": result}
        return trace, imposed.used

    def _fit(self, name: str, value: Tensor, *, strict: bool) -> Tensor:
        """Samples of the shape ``(n,) + shape of the site``, without padding."""
        site = self.prototype.get(name)
        if site is None or not isinstance(site["value"], Tensor):
            return value
        shape = (self.num_samples, *site["value"].shape)
        if value.shape == shape:
            return value
        if _squeezed(value.shape[1:]) == _squeezed(shape[1:]):
            return value.reshape(shape)
        _check_plates(site, value)
        if strict:
            raise ShapeError(
                f"Predictive: the samples of site {name!r} have shape {tuple(value.shape)}, but "
                f"it has shape {shape[1:]} for these arguments, so {shape} is expected. Leave "
                "the site out of posterior_samples if it is to be drawn anew (for other data)."
            )
        return value

    def _pad(self, name: str, value: Tensor) -> Tensor:
        """Room for the plates between that of the samples and the site's own batch dims."""
        site = self.prototype.get(name)
        if site is None:
            return value
        return value.reshape(value.shape[:1] + self._gap(site) + value.shape[1:])

    def _gap(self, site: Message) -> tuple[int, ...]:
        return (1,) * (self._depth - len(getattr(site["fn"], "batch_shape", ())))

    def stack(self, name: str, values: list[Any]) -> Tensor:
        """Stack what one site has in each of the runs."""
        if len(values) < self.num_samples:
            raise InferenceError(
                f"Predictive: site {name!r} occurs in {len(values)} of {self.num_samples} runs, so "
                "its values cannot be stacked; leave it out of return_sites, or use poutine.trace"
            )
        values = [torch.as_tensor(value) for value in values]
        shapes = {tuple(value.shape) for value in values}
        if len(shapes) > 1:
            raise ShapeError(
                f"Predictive: site {name!r} has different shapes in different runs, {shapes}, so "
                "its values cannot be stacked; leave it out of return_sites"
            )
        return torch.stack(values)

    def _stack(self, name: str, values: list[Any]) -> Tensor:
        """Stacked values, with room for plates that other sites are in."""
        stacked = self.stack(name, values)
        site = self.prototype.get(name)
        if name == "_RETURN" or site is None:
            return stacked
        return stacked.reshape(stacked.shape[:1] + self._gap(site) + stacked.shape[1:])

    def _expand(self, name: str, value: Tensor) -> Tensor:
        """A site's value in the vectorised run, of the shape that sequential runs would give."""
        site = self.prototype.get(name)
        if site is None:
            return value
        shape = (self.num_samples, *self._gap(site), *site["value"].shape)
        if value.numel() == torch.Size(shape).numel():
            return value.reshape(shape)
        try:
            return value.expand(shape)
        except RuntimeError as error:
            raise ShapeError(
                f"Predictive(parallel=True): site {name!r} has shape {tuple(value.shape)}, but "
                f"{shape} is expected. The model must be vectorised over the samples: index with "
                "[..., i] from the right, and declare all batch dims by plates; or use "
                "parallel=False."
            ) from error

    def _warn_unused(self, used: set[str]) -> None:
        unused = [name for name in self._given if name not in used]
        if unused and self._named_by_user:
            warn_unknown("posterior_samples", unused, self.seen)


def warn_unknown(argument: str, unknown: list[str], known: list[str]) -> None:
    """Say that names of an argument are those of no site."""
    warnings.warn(
        f"Predictive: {argument} names sites that the model does not have: {unknown}. "
        f"The model has {known}.",
        UserWarning,
        stacklevel=4,
    )


def _check_plates(site: Message, value: Tensor) -> None:
    """Refuse samples of another number of rows than a plate around their site has now."""
    event_dim = len(getattr(site["fn"], "event_shape", ()))
    for frame in site["cond_indep_stack"]:
        dim = None if frame.dim is None else frame.dim - event_dim
        if dim is None or value.dim() - 1 < -dim or value.shape[dim] in (1, frame.size):
            continue
        name = site["name"]
        raise ShapeError(
            f"Predictive: the samples of site {name!r} have shape {tuple(value.shape)}, with size "
            f"{value.shape[dim]} in plate {frame.name!r}, but that plate has size {frame.size} for "
            f"these arguments, and the site has shape {tuple(site['value'].shape)}. So the samples "
            f"belong to other rows of data. Leave {name!r} out of posterior_samples, or give "
            f"redraw=[{name!r}], and it is drawn anew, given the other sites."
        )


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(size for size in shape if size != 1)
