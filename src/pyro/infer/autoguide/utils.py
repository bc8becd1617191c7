"""Helpers of automatic guides."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from torch import Tensor

from pyro.poutine.sites import is_latent
from pyro.poutine.trace_messenger import TraceMessenger


def mean_field_entropy(
    model: Callable[..., Any], args: Sequence[Any], whitelist: Collection[str] | None = None
) -> Tensor | float:
    """The entropy of a program whose sites are independent of each other: the sum of theirs.

    :param args: The arguments of the program.
    :param whitelist: The names of the sites that count; by default all latent sites.

    Example::

        >>> from pyro.infer.autoguide import mean_field_entropy
        >>> def guide():
        ...     pyro.sample("x", dist.Uniform(0.0, 2.0))
        ...     pyro.sample("y", dist.Uniform(0.0, 4.0))
        >>> mean_field_entropy(guide, [])  # log(2 * 4)
        tensor(2.0794)
    """
    with TraceMessenger() as traced:
        model(*args)
    total: Tensor | float = 0.0
    for name, site in traced.trace.nodes.items():
        if is_latent(site) if whitelist is None else name in whitelist:
            total = total + site["fn"].entropy().sum()
    return total
