"""Helpers for samplers and their draws."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from pyro.infer.mcmc.results.summary import summarize, table
from pyro.infer.model.initialized_model import InitializedModel, initialize_model
from pyro.infer.model.trace_evaluator import TraceEinsumEvaluator
from pyro.infer.predictive import Predictive

__all__ = [
    "InitializedModel",
    "TraceEinsumEvaluator",
    "diagnostics",
    "initialize_model",
    "predictive",
    "print_summary",
    "select_samples",
    "summary",
]

Samples = dict[str, Tensor]


def summary(
    samples: Mapping[str, Tensor], prob: float = 0.9, group_by_chain: bool = True
) -> dict[str, dict[str, Tensor]]:
    """Mean, std, median, interval, effective sizes and R-hat of each site.

    :param samples: Draws by name, of shape ``(chains, draws) + shape``, or without the chains.
    :param prob: The mass of the central intervals.
    :param group_by_chain: Whether the chains are a dim.

    Example::

        >>> from pyro.infer.mcmc.util import summary
        >>> list(summary({"x": torch.randn(4, 100)})["x"])[:5]
        ['mean', 'std', 'median', '5.0%', '95.0%']
    """
    return summarize(_grouped(samples, group_by_chain), prob)


def diagnostics(
    samples: Mapping[str, Tensor], group_by_chain: bool = True
) -> dict[str, dict[str, Tensor]]:
    """``n_eff`` and ``r_hat`` of each site; parameters as for :func:`summary`."""
    return {
        name: {"n_eff": found["n_eff"], "r_hat": found["r_hat"]}
        for name, found in summary(samples, group_by_chain=group_by_chain).items()
    }


def print_summary(
    samples: Mapping[str, Tensor], prob: float = 0.9, group_by_chain: bool = True
) -> None:
    """Print a table of :func:`summary`."""
    print(table(summary(samples, prob, group_by_chain)))  # noqa: T201 (documented to print)


def select_samples(
    samples: Mapping[str, Tensor], num_samples: int | None = None, group_by_chain: bool = False
) -> Samples:
    """Draws with or without a dim of chains, and some of them drawn anew.

    :param samples: Draws by name, of shape ``(chains, draws) + shape``.
    :param num_samples: Draw so many of them with replacement, all sites together.
    :param group_by_chain: Whether the chains stay a dim.

    Example::

        >>> from pyro.infer.mcmc.util import select_samples
        >>> select_samples({"x": torch.randn(4, 100)}, num_samples=10)["x"].shape
        torch.Size([10])
    """
    chosen = dict(samples)
    if not group_by_chain:
        chosen = {name: values.flatten(0, 1) for name, values in chosen.items()}
    if num_samples is None or not chosen:
        return chosen
    dim = 1 if group_by_chain else 0
    count = next(iter(chosen.values())).shape[dim]
    index = torch.randint(count, (num_samples,))
    return {
        name: values.index_select(dim, index.to(values.device)) for name, values in chosen.items()
    }


def predictive(
    model: Callable[..., Any],
    posterior_samples: Mapping[str, Tensor],
    *args: Any,
    num_samples: int | None = None,
    return_sites: tuple[str, ...] = (),
    parallel: bool = False,
    **kwargs: Any,
) -> Samples:
    """Deprecated: use :class:`~pyro.infer.Predictive`."""
    warnings.warn(
        "mcmc.util.predictive is deprecated: use pyro.infer.Predictive",
        FutureWarning,
        stacklevel=2,
    )
    draw = Predictive(
        model, dict(posterior_samples), None, num_samples, return_sites, parallel=parallel
    )
    result: Samples = draw(*args, **kwargs)
    return result


def _grouped(samples: Mapping[str, Tensor], group_by_chain: bool) -> Samples:
    return {
        name: values if group_by_chain else values.unsqueeze(0) for name, values in samples.items()
    }
