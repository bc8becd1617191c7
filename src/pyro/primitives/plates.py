"""Plates as users write them, and data that follows their subsamples."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch

from pyro.poutine.plate_messenger import PlateMessenger
from pyro.runtime import STATE, apply_stack, effectful, new_message

plate = PlateMessenger


@contextmanager
def plate_stack(prefix: str, sizes: Sequence[int], rightmost_dim: int = -1) -> Iterator[None]:
    """A contiguous stack of plates, named ``prefix_0``, ``prefix_1``, ... from right to left.

    :param sizes: Their sizes: the batch shape of a site inside.
    :param rightmost_dim: The dim of the last one.

    Example::

        >>> with plate_stack("image", (28, 30)):
        ...     pixels = pyro.sample("pixels", dist.Bernoulli(0.5))
        >>> pixels.shape
        torch.Size([28, 30])
    """
    if rightmost_dim >= 0:
        raise ValueError(f"plate_stack({prefix!r}): rightmost_dim must be negative")
    with ExitStack() as stack:
        for i, size in enumerate(reversed(sizes)):
            stack.enter_context(plate(f"{prefix}_{i}", size, dim=rightmost_dim - i))
        yield


def subsample(data: torch.Tensor, event_dim: int) -> torch.Tensor:
    """Index data by the subsamples of the plates around this statement.

    :param data: Of full size (or size 1) along each plate's dim, which is counted to the left of
        the ``event_dim`` rightmost dims.
    :raises ShapeError: if a dim has another size.

    Example::

        >>> with plate("data", 100, subsample_size=5):
        ...     subsample(torch.randn(100), event_dim=0).shape
        torch.Size([5])
    """
    if not STATE.stack:
        return data
    msg = new_message(
        "subsample", None, lambda data, event_dim: data, (data,), {"event_dim": event_dim}
    )
    apply_stack(msg)
    value: torch.Tensor = msg["value"]
    return value


@effectful(type="barrier")
def barrier(data: Any) -> Any:
    """Ask handlers that hold values back (``collapse``) for final ones; otherwise the identity.

    Example::

        >>> barrier(torch.tensor(1.0))
        tensor(1.)
        >>> with poutine.trace() as tracer, poutine.collapse():
        ...     p = pyro.sample("p", dist.Beta(1.0, 1.0))
        ...     pyro.sample("x", dist.Bernoulli(p), obs=torch.tensor(1.0))
        ...     p = barrier(p)  # a draw from Beta(2, 1), no longer a placeholder
        ...     pyro.deterministic("odds", p / (1.0 - p)).shape
        tensor(1.)
        torch.Size([])
        >>> tracer.trace.stochastic_nodes
        []
    """
    return data


def iarange(*args: Any, **kwargs: Any) -> PlateMessenger:
    """The deprecated spelling of a vectorised :class:`plate`.

    Example::

        >>> with iarange("data", 3):  # now: pyro.plate("data", 3)
        ...     pyro.sample("x", dist.Normal(0.0, 1.0)).shape
        torch.Size([3])
    """
    warnings.warn("pyro.iarange is deprecated; use pyro.plate", DeprecationWarning, stacklevel=2)
    return plate(*args, **kwargs)


def irange(*args: Any, **kwargs: Any) -> PlateMessenger:
    """The deprecated spelling of a sequential :class:`plate`.

    Example::

        >>> [pyro.sample(f"x_{i}", dist.Delta(torch.tensor(1.0 * i))) for i in irange("data", 2)]
        [tensor(0.), tensor(1.)]
    """
    warnings.warn("pyro.irange is deprecated; use pyro.plate", DeprecationWarning, stacklevel=2)
    return plate(*args, **kwargs)
