"""The arguments of the steps of a run: the same ones each time, or mini-batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset, default_collate

from pyro.infer.errors import InferenceError


class Portion(NamedTuple):
    """Steps that share their arguments; ``ends_epoch`` says that a pass ends with them."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    steps: int
    ends_epoch: bool


def repeat(steps: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Portion]:
    """One portion: all steps with the same arguments."""
    return iter([Portion(args, kwargs, steps, False)])


def batches(
    loader: Iterable[Any],
    steps: int | None,
    epochs: int | None,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Iterator[Portion]:
    """A step per batch, in passes through a loader.

    A tuple or a list becomes the first positional arguments, a mapping keyword arguments, anything
    else the first argument; ``args`` and ``kwargs`` follow.

    :param steps: The greatest number of steps, if it is limited.
    :param epochs: The greatest number of passes, if it is limited.
    :raises InferenceError: if a pass has no batch.

    Example::

        >>> portions = batches([(1, 2), {"x": 3}, 4], None, 1, (5,), {"y": 6})
        >>> [(p.args, p.kwargs, p.ends_epoch) for p in portions]
        [((1, 2, 5), {'y': 6}, False), ((5,), {'y': 6, 'x': 3}, False), ((4, 5), {'y': 6}, True)]
    """
    made = passes = 0
    loader = in_slices(loader)
    while passes != epochs and made != steps:
        for batch, is_last in _with_last(loader, passes):
            yield Portion(*_arguments(batch, args, kwargs), 1, is_last)
            made += 1
            if made == steps:
                return
        passes += 1
        _shuffle_anew(loader)


def is_plain(loader: Iterable[Any] | None) -> bool:
    """Whether batches are made without a look at the parameters."""
    return loader is None or isinstance(loader, list | tuple) or _tensors(loader) is not None


def in_slices(loader: Iterable[Any]) -> Iterable[Any]:
    """The same batches, taken out of whole tensors where a ``DataLoader`` would collect rows."""
    tensors = _tensors(loader)
    return loader if tensors is None else _Slices(loader, tensors)


class _Slices:
    """The batches of a ``DataLoader`` of a ``TensorDataset``, with the same random numbers."""

    def __init__(self, loader: Any, tensors: Sequence[Tensor]) -> None:
        self._loader, self._tensors = loader, tensors

    def __len__(self) -> int:
        return len(self._loader)

    def __iter__(self) -> Iterator[list[Tensor]]:
        torch.empty((), dtype=torch.int64).random_(generator=self._loader.generator)  # of workers
        for rows in self._loader.batch_sampler:
            index = torch.tensor(rows)
            yield [tensor[index] for tensor in self._tensors]


def _tensors(loader: Any) -> Sequence[Tensor] | None:
    """The tensors of a ``DataLoader`` that does nothing but to put rows of them together."""
    plain = (
        type(loader) is DataLoader
        and type(loader.dataset) is TensorDataset
        and loader.batch_sampler is not None
        and not loader.num_workers
        and not loader.pin_memory
        and loader.collate_fn is default_collate
    )
    return loader.dataset.tensors if plain else None


def count(loader: Iterable[Any], steps: int | None, epochs: int | None) -> int | None:
    """How many steps :func:`batches` makes; None if it cannot be told."""
    try:
        size = None if epochs is None else epochs * len(loader)  # type: ignore[arg-type]
    except TypeError:
        size = None
    known = [n for n in (size, steps) if n is not None]
    return min(known, default=None)


def _with_last(loader: Iterable[Any], passes: int) -> Iterator[tuple[Any, bool]]:
    """The batches of one pass, each with whether it is the last."""
    iterator = iter(loader)
    try:
        batch = next(iterator)
    except StopIteration:
        once = " An iterator can be passed through once: give a DataLoader or a list."
        raise InferenceError(
            f"SVI.run: batches has no batch in pass {passes + 1}.{once if passes else ''}"
        ) from None
    for following in iterator:
        yield batch, False
        batch = following
    yield batch, True


def _shuffle_anew(loader: Any) -> None:
    """Tell a sampler, such as torch's ``DistributedSampler``, that another pass begins."""
    sampler: Any = getattr(loader, "sampler", None)
    if hasattr(sampler, "set_epoch") and hasattr(sampler, "epoch"):
        sampler.set_epoch(sampler.epoch + 1)


def _arguments(
    batch: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(batch, Mapping):
        return args, {**kwargs, **batch}
    if isinstance(batch, tuple | list):
        return (*batch, *args), kwargs
    return (batch, *args), kwargs
