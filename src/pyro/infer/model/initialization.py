"""Where inference starts: strategies that choose a value for each latent site."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.distributions import transform_to

from pyro.distributions.feasible import feasible_point
from pyro.errors import ShapeError, SiteError
from pyro.infer.model.unconstrained_shape import unconstrained_shape
from pyro.poutine.messenger import Messenger
from pyro.poutine.sites import is_latent, is_subsample
from pyro.runtime import Message

Strategy = Callable[[Any], Tensor | None]


def init_to_feasible(site: Message | None = None) -> Any:
    """A point inside the support, whatever the distribution: zero in unconstrained space.

    Without ``site``, as for all strategies, the strategy itself is returned. A strategy maps a site
    to a value of the shape of the site, or to None for a draw from its distribution (discrete
    sites, under most strategies).

    Example::

        >>> from pyro.infer.autoguide import init_to_feasible
        >>> site = {"name": "x", "fn": dist.Uniform(2.0, 6.0), "infer": {}}
        >>> init_to_feasible(site)
        tensor(4.)
    """
    if site is None:
        return init_to_feasible
    value = _from_unconstrained(site, torch.zeros_like)
    if value is None or bool(site["fn"].support.check(value).all()):
        return value
    return feasible_point(site["fn"].support, value)  # zero is where the transform has no value


def init_to_sample(site: Message | None = None) -> Any:
    """A draw from the prior.

    Example::

        >>> from pyro.infer.autoguide import init_to_sample
        >>> init_to_sample({"name": "x", "fn": dist.Delta(torch.tensor(2.0)), "infer": {}})
        tensor(2.)
    """
    if site is None:
        return init_to_sample
    return _draws(site, 1)[0]


def init_to_median(
    site: Message | None = None, num_samples: int = 15, *, fallback: Strategy = init_to_feasible
) -> Any:
    """The elementwise median of draws from the prior, moved back into the support.

    :param num_samples: How many draws.
    :param fallback: For sites whose median is not finite.

    Example::

        >>> from pyro.infer.autoguide import init_to_median
        >>> site = {"name": "x", "fn": dist.Normal(100.0, 0.1), "infer": {}}
        >>> init_to_median(site, num_samples=1000).round()
        tensor(100.)
    """
    if site is None:
        return functools.partial(init_to_median, num_samples=num_samples, fallback=fallback)
    if _is_discrete(site):
        return None
    try:
        median = _draws(site, num_samples).median(dim=0).values
    except NotImplementedError:  # a family without draws
        return fallback(site)
    return _inside(site, median, fallback)


def init_to_mean(site: Message | None = None, *, fallback: Strategy = init_to_median) -> Any:
    """The mean of the prior, moved into the support.

    :param fallback: For sites whose mean is unknown or not finite.

    Example::

        >>> from pyro.infer.autoguide import init_to_mean
        >>> init_to_mean({"name": "x", "fn": dist.Gamma(2.0, 4.0), "infer": {}})
        tensor(0.5000)
    """
    if site is None:
        return functools.partial(init_to_mean, fallback=fallback)
    if _is_discrete(site):
        return None
    try:
        mean: Tensor = site["fn"].mean.detach()
    except (AttributeError, NotImplementedError, ValueError):
        return fallback(site)
    return _inside(site, mean.expand(_shape(site)).clone(), fallback)


def init_to_uniform(site: Message | None = None, radius: float = 2.0) -> Any:
    r"""A point whose unconstrained coordinates are uniform on ``(-radius, radius)``.

    :param radius: Half the width of the interval; Stan's default is 2.

    Example::

        >>> from pyro.infer.autoguide import init_to_uniform
        >>> x = init_to_uniform({"name": "x", "fn": dist.LogNormal(0.0, 1.0), "infer": {}})
        >>> bool(abs(x.log()) <= 2)
        True
    """
    if site is None:
        return functools.partial(init_to_uniform, radius=radius)
    return _from_unconstrained(site, lambda zeros: zeros.uniform_(-radius, radius))


def init_to_value(
    site: Message | None = None,
    values: Mapping[str, Any] | None = None,
    *,
    fallback: Strategy | None = init_to_uniform,
) -> Any:
    """Given values, by name of site; the other sites go to ``fallback``.

    :param values: Constrained values.
    :param fallback: For sites without a value; None draws them from the prior.
    :raises ShapeError: if a value does not have the shape of its site.

    Example::

        >>> from pyro.infer.autoguide import init_to_value
        >>> strategy = init_to_value(values={"x": torch.tensor(3.0)})
        >>> strategy({"name": "x", "fn": dist.Normal(0.0, 1.0), "infer": {}})
        tensor(3.)
    """
    if site is None:
        return functools.partial(init_to_value, values=values, fallback=fallback)
    given = (values or {}).get(site["name"])
    if given is not None:
        return torch.as_tensor(given)
    return None if fallback is None else fallback(site)


def init_to_generated(
    site: Message | None = None, generate: Callable[[], Strategy] = lambda: init_to_uniform
) -> Any:
    """A new strategy for each run of the model, from a function without arguments.

    For starts that are dependent between sites: ``generate`` draws them jointly and returns, for
    example, ``init_to_value(values=...)``.

    Example::

        >>> from pyro.infer.autoguide import InitMessenger, init_to_generated, init_to_value
        >>> def generate():
        ...     x = torch.tensor(0.25)
        ...     return init_to_value(values={"x": x, "y": 1 - x})
        >>> with InitMessenger(init_to_generated(generate=generate)):
        ...     x = pyro.sample("x", dist.Uniform(0.0, 1.0))
        ...     y = pyro.sample("y", dist.Uniform(0.0, 1.0))
        >>> x + y
        tensor(1.)
    """
    run = _Generated(generate)
    return run if site is None else run(site)


class _Generated:
    """A strategy that asks for a new one when a site comes that it has already seen."""

    def __init__(self, generate: Callable[[], Strategy]) -> None:
        self._generate = generate
        self._seen: set[str] = set()
        self._strategy: Strategy | None = None

    def __call__(self, site: Message) -> Tensor | None:
        if self._strategy is None or site["name"] in self._seen:
            self._strategy = self._generate()
            self._seen.clear()
        self._seen.add(site["name"])
        return self._strategy(site)


class InitMessenger(Messenger):
    """Give each latent site the value that a strategy chooses.

    :param init_fn: A strategy, such as :func:`init_to_median`.
    :raises ShapeError: from a site, if the chosen value does not have its shape.

    Example::

        >>> from pyro.infer.autoguide import InitMessenger, init_to_mean
        >>> with InitMessenger(init_to_mean):
        ...     pyro.sample("x", dist.Exponential(4.0))
        tensor(0.2500)
    """

    _initializes = True  # read by the reparam handler, which lets initialisation go first

    def __init__(self, init_fn: Strategy) -> None:
        self.init_fn = init_fn

    def _pyro_sample(self, msg: Message) -> None:
        if msg["done"] or msg["is_observed"] or is_subsample(msg) or not is_latent(msg):
            return
        if msg["value"] is not None:
            return
        with torch.no_grad():
            value = self.init_fn(msg)
        if value is None:
            return
        expected = _shape(msg)
        if value.shape != expected:
            try:
                value = value.expand(expected).contiguous()
            except RuntimeError as error:
                raise ShapeError(
                    f"at site {msg['name']!r}, the initial value has shape {tuple(value.shape)}, "
                    f"but the site has shape {tuple(expected)}"
                ) from error
        msg["value"] = value


def _shape(site: Message) -> torch.Size:
    shape: torch.Size = site["fn"].shape()
    return shape


def _is_discrete(site: Message) -> bool:
    return bool(getattr(site["fn"].support, "is_discrete", False))


def _draws(site: Message, count: int) -> Tensor:
    draws: Tensor = site["fn"]((count,)) if count > 1 else site["fn"]().unsqueeze(0)
    return draws.detach()


def _from_unconstrained(site: Message, fill: Callable[[Tensor], Tensor]) -> Tensor | None:
    """The point of the support at unconstrained coordinates made by ``fill``."""
    if _is_discrete(site):
        return None
    transform = transform_to(site["fn"].support)
    try:
        shape = unconstrained_shape(transform, _shape(site))
        like = _reference(site["fn"])
        value: Tensor = transform(fill(like.new_zeros(shape)))
    except NotImplementedError as error:
        raise SiteError(
            f"at site {site['name']!r}, no start is known in {site['fn'].support}; use "
            "init_to_sample or init_to_value"
        ) from error
    return value.expand(_shape(site)).clone()


def _reference(fn: Any) -> Tensor:
    """A tensor with the dtype and device of the draws of a distribution."""
    base = fn
    while True:
        for value in base.__dict__.values():
            if isinstance(value, Tensor) and value.is_floating_point():
                return value
        inner = getattr(base, "base_dist", None) or getattr(base, "component_distribution", None)
        if inner is None:
            return torch.zeros(())
        base = inner


def _inside(site: Message, value: Tensor, fallback: Strategy) -> Tensor | None:
    """A finite point through the transform and back, which puts it into the support."""
    transform = transform_to(site["fn"].support)
    unconstrained = transform.inv(value)
    if not bool(torch.isfinite(unconstrained).all()):
        return fallback(site)
    moved: Tensor = transform(unconstrained)
    return moved if bool(torch.isfinite(moved).all()) else fallback(site)


__all__ = [
    "InitMessenger",
    "Strategy",
    "init_to_feasible",
    "init_to_generated",
    "init_to_mean",
    "init_to_median",
    "init_to_sample",
    "init_to_uniform",
    "init_to_value",
]
