"""Marginal distributions of the sites of a trace posterior."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from pyro.distributions.empirical import Empirical
from pyro.errors import SiteError
from pyro.infer.errors import InferenceError
from pyro.poutine.trace_struct import Trace


class Weighted(Protocol):
    """Weighted traces, by chain."""

    num_chains: int
    exec_traces: list[Trace]
    log_weights: list[Tensor | float]
    chain_ids: list[int]


class EmpiricalMarginal(Empirical):
    """The weighted values of sites in a trace posterior, as a distribution.

    The batch shape is ``()``, or ``(num_chains,)`` where there are several chains.

    :param trace_posterior: A posterior that has been run.
    :param sites: A name, or a list of names of sites of one shape, which are stacked leftmost in
        the event shape. By default the return value of the model.
    :raises SiteError: if a trace has no such site, or the values cannot be stacked.

    Example::

        >>> from pyro.infer import Importance
        >>> def model():
        ...     p = pyro.sample("p", dist.Categorical(torch.ones(2)))  # 0 or 1
        ...     pyro.sample("x", dist.Bernoulli(torch.tensor([0.1, 0.9])[p]), obs=torch.tensor(1.0))
        ...     return 1.0 * p
        >>> posterior = Importance(model, num_samples=1000).run()
        >>> print(f"{EmpiricalMarginal(posterior).mean:.1f}")
        0.9
        >>> EmpiricalMarginal(posterior, ["p", "p"]).event_shape
        torch.Size([2])
    """

    def __init__(
        self,
        trace_posterior: Weighted,
        sites: str | Sequence[str] | None = None,
        validate_args: bool | None = None,
    ) -> None:
        wanted = "_RETURN" if sites is None else sites
        if not trace_posterior.exec_traces:
            raise InferenceError("the trace posterior has no traces yet: call .run(*args) first")
        chains: list[list[Tensor]] = [[] for _ in range(trace_posterior.num_chains)]
        weights: list[list[Tensor]] = [[] for _ in range(trace_posterior.num_chains)]
        for trace, weight, chain in zip(
            trace_posterior.exec_traces,
            trace_posterior.log_weights,
            trace_posterior.chain_ids,
            strict=True,
        ):
            value = _value(trace, wanted)
            chains[chain].append(value)
            dtype = value.dtype if value.is_floating_point() else torch.get_default_dtype()
            weights[chain].append(torch.as_tensor(weight, dtype=dtype, device=value.device))
        samples = torch.stack([_stack(wanted, values) for values in chains])
        log_weights = torch.stack([torch.stack(w) for w in weights]).detach()
        if trace_posterior.num_chains == 1:
            samples, log_weights = samples[0], log_weights[0]
        super().__init__(samples, log_weights, validate_args)


class Marginals:
    """The marginal distributions of several sites.

    :param sites: A name or names; by default the return value.
    """

    def __init__(
        self,
        trace_posterior: Weighted,
        sites: str | Sequence[str] | None = None,
        validate_args: bool | None = None,
    ) -> None:
        names = ["_RETURN"] if sites is None else [sites] if isinstance(sites, str) else sites
        self.sites = list(names)
        self._posterior = trace_posterior
        self.empirical: dict[str, EmpiricalMarginal] = {
            name: EmpiricalMarginal(trace_posterior, name, validate_args) for name in names
        }

    def support(self, flatten: bool = False) -> dict[str, Tensor]:
        """The values of each site, by name.

        :param flatten: Join the chains along the leftmost dim.
        """
        result = {name: marginal._samples for name, marginal in self.empirical.items()}
        if flatten and self._posterior.num_chains > 1:
            result = {name: values.flatten(0, 1) for name, values in result.items()}
        return result


def _value(trace: Trace, sites: str | Sequence[str]) -> Tensor:
    if isinstance(sites, str):
        return _site_value(trace, sites)
    return _stack(sites, [_site_value(trace, name) for name in sites])


def _site_value(trace: Trace, name: str) -> Tensor:
    if name not in trace.nodes:
        raise SiteError(
            f"a trace of the posterior has no site {name!r}; it has "
            f"{[n for n, s in trace.nodes.items() if s['type'] in ('sample', 'return')]}"
        )
    value: Any = trace.nodes[name]["value"]
    try:
        return torch.as_tensor(value).detach()
    except (TypeError, ValueError, RuntimeError) as error:
        raise SiteError(
            f"site {name!r}: an empirical distribution is made of tensors or numbers, but the "
            f"value is {type(value).__name__}: {value!r}"
        ) from error


def _stack(sites: str | Sequence[str], values: list[Tensor]) -> Tensor:
    shapes = {tuple(value.shape) for value in values}
    if len(shapes) > 1 or not values:
        raise SiteError(f"the values of {sites!r} have different shapes {sorted(shapes)}")
    return torch.stack(values)
