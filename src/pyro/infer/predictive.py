"""Draws from the prior or posterior predictive distribution."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from pyro.errors import ShapeError
from pyro.infer.errors import InferenceError
from pyro.infer.prototype import looking, max_plate_depth
from pyro.poutine.mask_messenger import MaskMessenger
from pyro.poutine.messenger import Messenger
from pyro.poutine.plate_messenger import PlateMessenger
from pyro.poutine.sites import is_latent, is_sample, is_subsample
from pyro.poutine.trace_messenger import TraceMessenger
from pyro.poutine.trace_struct import Trace
from pyro.runtime import Message

Model = Callable[..., Any]
Samples = dict[str, Tensor]


class Predictive(nn.Module):
    r"""Runs of a model, with latent values from the prior, from given samples, or from a guide.

    Each entry of the result has the shape ``(num_samples, 1, ..., 1) + shape of the site``, with
    as many dims of size 1 as the site has plates less than the most deeply nested site of the
    model. Models run without gradients and under ``poutine.mask(mask=False)``: ask
    ``poutine.get_mask()`` to skip densities that nobody needs. The random streams are advanced by
    the draws alone.

    :param model: A function that calls ``pyro.sample``. Give it no observations where draws are
        wanted: observed sites come back as they are.
    :param posterior_samples: Values by site name, the number of samples leftmost.
    :param guide: Draws the latent values for each call, with the arguments of the model.
    :param num_samples: How many runs; the samples' own number counts where there are samples.
    :param return_sites: Names of the sites to return, ``"_RETURN"`` being the model's return value.
        None: all sample sites. By default: all those not in ``posterior_samples``.
    :param parallel: Run the model once, in a plate ``"_num_predictive_samples"`` outside of all
        others: all batch dims of the model must then be those of plates.
    :raises InferenceError: if the number of samples is unknown, or both samples and a guide are
        given.

    Example::

        >>> def model(x, y=None):
        ...     slope = pyro.sample("slope", dist.Normal(0.0, 1.0))
        ...     with pyro.plate("data", len(x)):
        ...         return pyro.sample("y", dist.Normal(slope * x, 0.1), obs=y)
        >>> predictive = Predictive(model, posterior_samples={"slope": torch.full((1000,), 2.0)})
        >>> y = predictive(torch.tensor([1.0, 2.0, 3.0]))["y"]
        >>> y.shape, y.mean(0).round()
        (torch.Size([1000, 3]), tensor([2., 4., 6.]))
        >>> sorted(Predictive(model, num_samples=2)(torch.zeros(3)))  # the prior predictive
        ['slope', 'y']
    """

    def __init__(
        self,
        model: Model,
        posterior_samples: Mapping[str, Tensor] | None = None,
        guide: Model | None = None,
        num_samples: int | None = None,
        return_sites: Collection[str] | None = (),
        parallel: bool = False,
    ) -> None:
        super().__init__()
        self.posterior_samples: Samples = dict(posterior_samples or {})
        if guide is not None and self.posterior_samples:
            raise InferenceError(
                "Predictive: `posterior_samples` cannot be provided with the `guide` argument; "
                "give one of the two"
            )
        if posterior_samples is None and num_samples is None:
            raise InferenceError("Either posterior_samples or num_samples must be specified.")
        if isinstance(return_sites, str):
            raise InferenceError(
                f"Predictive: return_sites must be a collection of names: ({return_sites!r},)"
            )
        self.num_samples = _num_samples(self.posterior_samples, num_samples)
        self.model = model
        self.guide = guide
        self.return_sites = return_sites
        self.parallel = parallel

    def call(self, *args: Any, **kwargs: Any) -> tuple[Tensor, ...]:
        """The values of :meth:`forward` in the order of the names of the sites."""
        return tuple(value for _, value in sorted(self.forward(*args, **kwargs).items()))

    def forward(self, *args: Any, **kwargs: Any) -> Samples:
        """Draw, for these arguments of the model: values by site name."""
        given = self._given(self.parallel, args, kwargs)
        runs = self._runs(self.model, given, args, kwargs)
        wanted, optional = self._wanted(given)
        result = runs.parallel(wanted) if self.parallel else runs.sequential(wanted)
        unknown = [name for name in optional if name not in result]
        if unknown:
            _warn_unknown("return_sites", unknown, runs.seen)
        return result

    def get_vectorized_trace(self, *args: Any, **kwargs: Any) -> Trace:
        """One trace of the model in the plate of the samples; always ``parallel``."""
        given = self._given(True, args, kwargs)
        return self._runs(self.model, given, args, kwargs).vectorized_trace()

    def _runs(
        self, program: Model, given: Samples, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> _Runs:
        return _Runs(program, given, self.num_samples, args, kwargs, self.guide is None)

    def _given(self, parallel: bool, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Samples:
        """The values to impose on latent sites."""
        if self.guide is None:
            return self.posterior_samples
        runs = self._runs(self.guide, {}, args, kwargs)
        return runs.parallel(_latent) if parallel else runs.sequential(_latent)

    def _wanted(self, given: Samples) -> tuple[Callable[[str, Message], bool], Collection[str]]:
        """Which sites to return, and the names that were asked for."""
        sites = self.return_sites
        if sites:
            names = frozenset(sites)
            return (lambda name, site: name in names), sites
        if sites is None or self.guide is not None:
            return (lambda name, site: _is_result(site)), ()
        return (lambda name, site: _is_result(site) and name not in given), ()


class _Impose(Messenger):
    """Observe given values, and note which of them are used."""

    def __init__(self, values: Mapping[str, Tensor]) -> None:
        self.values = values
        self.used: set[str] = set()

    def _pyro_sample(self, msg: Message) -> None:
        value = self.values.get(msg["name"])
        if value is not None:
            msg["value"] = value
            msg["is_observed"] = True
            self.used.add(msg["name"])


class _Runs:
    """The runs of one program with given values for some of its sites."""

    def __init__(
        self,
        model: Model,
        given: Samples,
        num_samples: int,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        named_by_user: bool,
    ) -> None:
        self._model, self._given, self._n = model, given, num_samples
        self._named_by_user = named_by_user
        self._args, self._kwargs = args, kwargs
        with looking():
            prototype = self._run({})[0]
        self._depth = max_plate_depth(prototype)
        self._prototype = prototype.nodes
        self.seen: list[str] = [name for name, site in self._prototype.items() if is_sample(site)]

    def _run(self, values: Mapping[str, Tensor]) -> tuple[Trace, set[str]]:
        with torch.no_grad(), TraceMessenger() as traced, MaskMessenger(False):
            with _Impose(values) as imposed:
                result = self._model(*self._args, **self._kwargs)
        trace = traced.trace
        trace.nodes["_RETURN"] = {"name": "_RETURN", "type": "return", "value": result}
        return trace, imposed.used

    def sequential(self, wanted: Callable[[str, Message], bool]) -> Samples:
        """One run per sample."""
        given = {name: self._fit(name, value, strict=False) for name, value in self._given.items()}
        used: set[str] = set()
        drawn: dict[str, list[Any]] = {}
        for i in range(self._n):
            trace, now = self._run({name: value[i] for name, value in given.items()})
            used |= now
            for name, site in trace.nodes.items():
                if wanted(name, site):
                    drawn.setdefault(name, []).append(site["value"])
        self._warn_unused(used)
        return {name: self._stack(name, values) for name, values in drawn.items()}

    def parallel(self, wanted: Callable[[str, Message], bool]) -> Samples:
        """One run for all samples."""
        trace = self.vectorized_trace()
        return {
            name: site["value"] if name == "_RETURN" else self._expand(name, site["value"])
            for name, site in trace.nodes.items()
            if wanted(name, site)
        }

    def vectorized_trace(self) -> Trace:
        """The trace of the run for all samples."""
        values = {
            name: self._pad(name, self._fit(name, value, strict=True))
            for name, value in self._given.items()
        }
        with PlateMessenger("_num_predictive_samples", self._n, dim=-self._depth - 1):
            trace, used = self._run(values)
        self._warn_unused(used)
        return trace

    def _fit(self, name: str, value: Tensor, *, strict: bool) -> Tensor:
        """Samples of the shape ``(n,) + shape of the site``, without padding."""
        site = self._prototype.get(name)
        if site is None or not isinstance(site["value"], Tensor):
            return value
        shape = (self._n, *site["value"].shape)
        if value.shape == shape:
            return value
        if _squeezed(value.shape[1:]) == _squeezed(shape[1:]):
            return value.reshape(shape)
        if strict:
            raise ShapeError(
                f"Predictive: the samples of site {name!r} have shape {tuple(value.shape)}, but "
                f"it has shape {shape[1:]} for these arguments, so {shape} is expected. Leave "
                "the site out of posterior_samples if it is to be drawn anew (for other data)."
            )
        return value

    def _pad(self, name: str, value: Tensor) -> Tensor:
        """Room for the plates between that of the samples and the site's own batch dims."""
        site = self._prototype.get(name)
        if site is None:
            return value
        return value.reshape(value.shape[:1] + self._gap(site) + value.shape[1:])

    def _gap(self, site: Message) -> tuple[int, ...]:
        return (1,) * (self._depth - len(getattr(site["fn"], "batch_shape", ())))

    def _stack(self, name: str, values: list[Any]) -> Tensor:
        if len(values) < self._n:
            raise InferenceError(
                f"Predictive: site {name!r} occurs in {len(values)} of {self._n} runs, so its "
                "values cannot be stacked; leave it out of return_sites, or use poutine.trace"
            )
        values = [torch.as_tensor(value) for value in values]
        shapes = {tuple(value.shape) for value in values}
        if len(shapes) > 1:
            raise ShapeError(
                f"Predictive: site {name!r} has different shapes in different runs, {shapes}, so "
                "its values cannot be stacked; leave it out of return_sites"
            )
        stacked = torch.stack(values)
        site = self._prototype.get(name)
        if name == "_RETURN" or site is None:
            return stacked
        return stacked.reshape(stacked.shape[:1] + self._gap(site) + stacked.shape[1:])

    def _expand(self, name: str, value: Tensor) -> Tensor:
        """A site's value in the vectorised run, of the shape that sequential runs would give."""
        site = self._prototype.get(name)
        if site is None:
            return value
        shape = (self._n, *self._gap(site), *site["value"].shape)
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
            _warn_unknown("posterior_samples", unused, self.seen)


def _num_samples(samples: Samples, num_samples: int | None) -> int:
    sizes = {name: len(value) if value.dim() else 0 for name, value in samples.items()}
    if not samples:
        if num_samples is None:
            raise InferenceError("No sample sites in posterior samples to infer `num_samples`.")
        return num_samples
    size = next(iter(sizes.values()))
    if len(set(sizes.values())) > 1 or size == 0:
        raise InferenceError(
            "Predictive: the leftmost dim of all posterior_samples must be the number of samples, "
            f"but the sizes are {sizes}"
        )
    if num_samples not in (None, size):
        warnings.warn(
            f"Sample's leading dimension size {size} is different from the provided {num_samples} "
            f"num_samples argument. Defaulting to {size}.",
            UserWarning,
            stacklevel=3,
        )
    return size


def _is_result(site: Message) -> bool:
    return is_sample(site) and not is_subsample(site)


def _latent(name: str, site: Message) -> bool:
    return is_latent(site)


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(size for size in shape if size != 1)


def _warn_unknown(argument: str, unknown: list[str], known: list[str]) -> None:
    warnings.warn(
        f"Predictive: {argument} names sites that the model does not have: {unknown}. "
        f"The model has {known}.",
        UserWarning,
        stacklevel=4,
    )
