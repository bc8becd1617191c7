"""Draws from the prior or posterior predictive distribution."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from pyro.infer.errors import InferenceError
from pyro.infer.predictive.log_likelihood import log_likelihood_of
from pyro.infer.predictive.sample_runs import (
    Answer,
    Program,
    SampleRuns,
    Samples,
    Wanted,
    value_of,
    warn_unknown,
)
from pyro.poutine.sites import is_deterministic, is_latent, is_sample, is_subsample
from pyro.poutine.trace_struct import Trace
from pyro.runtime import Message


class Predictive(nn.Module):
    r"""Runs of a model, with latent values from the prior, from given samples, or from a guide.

    Each entry of the result has the shape ``(num_samples, 1, ..., 1) + shape of the site``, with
    as many dims of size 1 as the site has plates less than the most deeply nested site of the
    model. Models run without gradients and under ``poutine.mask(mask=False)``: ask
    ``poutine.get_mask()`` to skip densities that nobody needs. The random streams are advanced by
    the draws alone.

    :param model: A function that calls ``pyro.sample``. Give it no observations where draws are
        wanted: observed sites come back as they are.
    :param posterior_samples: Values by site name, the number of samples leftmost. Those of
        deterministic sites count for nothing: these sites are computed anew.
    :param guide: Draws the latent values for each call, with the arguments of the model.
    :param num_samples: How many runs; the samples' own number counts where there are samples.
    :param return_sites: Names of the sites to return, ``"_RETURN"`` being the model's return value.
        None: all sample sites. By default: all those not in ``posterior_samples``.
    :param parallel: Run the model once, in a plate ``"_num_predictive_samples"`` outside of all
        others: all batch dims of the model must then be those of plates.
    :param redraw: Names of latent sites that are drawn anew, given the other sites, though the
        samples or the guide have values for them: those of single rows, when predicting new rows.
    :raises InferenceError: if the number of samples is unknown, or both samples and a guide are
        given.
    :raises ShapeError: if samples belong to other plate sizes than the model has now.

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
        model: Program,
        posterior_samples: Mapping[str, Tensor] | None = None,
        guide: Program | None = None,
        num_samples: int | None = None,
        return_sites: Collection[str] | None = (),
        parallel: bool = False,
        *,
        redraw: Collection[str] = (),
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
        for argument, names in (("return_sites", return_sites), ("redraw", redraw)):
            if isinstance(names, str):
                raise InferenceError(
                    f"Predictive: {argument} must be a collection of names: ({names!r},)"
                )
        self.num_samples = _num_samples(self.posterior_samples, num_samples)
        self.model = model
        self.guide = guide
        self.return_sites = return_sites
        self.parallel = parallel
        self.redraw = frozenset(redraw)

    def call(self, *args: Any, **kwargs: Any) -> tuple[Tensor, ...]:
        """The values of :meth:`forward` in the order of the names of the sites."""
        return tuple(value for _, value in sorted(self.forward(*args, **kwargs).items()))

    def forward(self, *args: Any, **kwargs: Any) -> Samples:
        """Draw, for these arguments of the model: values by site name."""
        return self._answer(value_of, args, kwargs)

    def mean(self, *args: Any, **kwargs: Any) -> Samples:
        """The predictive mean of each site, without the dim of the samples.

        It is the average over the samples of the mean of the site's distribution given the sites
        before it, which varies less than an average of draws. Where a distribution has no known
        mean, its draws are averaged.

        Example::

            >>> def model(x):
            ...     slope = pyro.sample("slope", dist.Normal(0.0, 1.0))
            ...     with pyro.plate("data", len(x)):
            ...         return pyro.sample("y", dist.Normal(slope * x, 10.0))
            >>> predictive = Predictive(model, {"slope": torch.tensor([1.0, 3.0])})
            >>> predictive.mean(torch.tensor([1.0, 2.0]))["y"]
            tensor([2., 4.])
        """
        means = self._answer(_mean_of, args, kwargs)
        return {name: value.to(_floating(value)).mean(0) for name, value in means.items()}

    def log_likelihood(self, *args: Any, **kwargs: Any) -> Samples:
        """The log-probability of each observation under each sample, by observed site.

        See :func:`pyro.infer.log_likelihood`; here the latent values may come from a guide.
        """
        given = self._given(self.parallel, args, kwargs)
        runs = self._runs(self.model, given, args, kwargs, scored=True)
        return log_likelihood_of(runs, given, self.parallel)

    def get_vectorized_trace(self, *args: Any, **kwargs: Any) -> Trace:
        """One trace of the model in the plate of the samples; always ``parallel``."""
        given = self._given(True, args, kwargs)
        return self._runs(self.model, given, args, kwargs).vectorized_trace()

    def _answer(self, answer: Answer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Samples:
        given = self._given(self.parallel, args, kwargs)
        runs = self._runs(self.model, given, args, kwargs)
        wanted = wanted_sites(self.return_sites, given, everything=self.guide is not None)
        draw = runs.parallel if self.parallel else runs.sequential
        result = draw(wanted, answer)
        unknown = [name for name in self.return_sites or () if name not in result]
        if unknown:
            warn_unknown("return_sites", unknown, runs.seen)
        return result

    def _runs(
        self,
        program: Program,
        given: Samples,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        scored: bool = False,
    ) -> SampleRuns:
        return SampleRuns(
            program,
            given,
            self.num_samples,
            args,
            kwargs,
            named_by_user=self.guide is None,
            scored=scored,
        )

    def _given(self, parallel: bool, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Samples:
        """The values to impose on latent sites."""
        given = self.posterior_samples
        if self.guide is not None:
            runs = self._runs(self.guide, {}, args, kwargs)
            given = runs.parallel(_latent) if parallel else runs.sequential(_latent)
        return {name: value for name, value in given.items() if name not in self.redraw}


def wanted_sites(
    return_sites: Collection[str] | None, given: Collection[str], *, everything: bool
) -> Wanted:
    """Which sites to return: those named, else all, given ones only if ``everything`` is wanted."""
    if return_sites:
        names = frozenset(return_sites)
        return lambda name, site: name in names
    if return_sites is None or everything:
        return lambda name, site: _is_result(site)
    return lambda name, site: _is_result(site) and (name not in given or is_deterministic(site))


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


def _mean_of(site: Message) -> Any:
    """The mean of a site's distribution where it is drawn, else its value."""
    if not is_sample(site) or site["is_observed"] or is_deterministic(site):
        return site["value"]
    try:
        return site["fn"].mean.expand(site["value"].shape)
    except (NotImplementedError, AttributeError):
        return site["value"]


def _floating(value: Tensor) -> torch.dtype:
    return value.dtype if value.is_floating_point() else torch.get_default_dtype()


def _is_result(site: Message) -> bool:
    return is_sample(site) and not is_subsample(site)


def _latent(name: str, site: Message) -> bool:
    return is_latent(site)
