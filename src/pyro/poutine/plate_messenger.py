"""Plates: conditionally independent sites, vectorised or in a loop, with subsampling."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

import torch

from pyro.errors import EmptyPlateError, HandlerError, ShapeError
from pyro.poutine.broadcast_messenger import broadcast_to_plate
from pyro.poutine.indep_messenger import CondIndepStackFrame, allocate_dim, free_dim
from pyro.poutine.messenger import Messenger, block_messengers
from pyro.poutine.subsample import _Subsample
from pyro.runtime import Message, apply_stack, new_message


class PlateMessenger(Messenger):
    """Declare that the sites inside are independent given what is outside.

    * ``with plate(...) as indices:`` is vectorised: the plate takes one batch dim, sites inside are
      expanded to its size there.
    * ``for i in plate(...):`` is sequential: one independent copy of the body per index, whose
      sites need names of their own.
    * As a decorator it opens the vectorised context around each call.

    With ``subsample_size`` (or ``subsample``) only some of the indices are used, and the log
    densities of all sites inside are multiplied by ``size / subsample_size``, so that sums over
    the data stay unbiased.

    :param name: Unique among the sites of the program.
    :param size: Size of the whole data set; None if unknown (no expansion, no checks, no scaling).
    :param subsample_size: How many indices to draw, without replacement, when the plate is made.
    :param subsample: The indices to use, int64 of shape ``(subsample_size,)``.
    :param dim: The negative batch dim to occupy; by default the rightmost free one at first entry.
    :param device: Device of the indices.
    :raises EmptyPlateError: if ``size`` is 0.
    :raises ShapeError: if ``dim`` is taken or not negative, or the sizes contradict each other.

    Example::

        >>> def model(data):
        ...     mu = pyro.sample("mu", dist.Normal(0.0, 1.0))
        ...     with pyro.plate("data", len(data), subsample_size=10) as ind:
        ...         pyro.sample("obs", dist.Normal(mu, 1.0), obs=data[ind])
        >>> site = poutine.trace(model).get_trace(torch.randn(100)).nodes["obs"]
        >>> site["value"].shape, site["scale"]
        (torch.Size([10]), 10.0)
    """

    def __init__(
        self,
        name: str,
        size: int | None = None,
        subsample_size: int | None = None,
        subsample: torch.Tensor | None = None,
        dim: int | None = None,
        use_cuda: bool | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        if dim is not None and dim >= 0:
            raise ShapeError(f"plate({name!r}, dim={dim}): Expected dim < 0, but got {dim}")
        self.name = name
        self.dim = dim
        self.size, self.subsample_size = _sizes(name, size, subsample_size, subsample)
        self.counter = 0
        self._vectorized: bool | None = None
        self.indices: torch.Tensor | None = None
        if self.size != -1:
            device = "cuda" if use_cuda and device is None else device
            self.indices = _draw_indices(name, self.size, self.subsample_size, subsample, device)
            self.subsample_size = len(self.indices)
        self._scale = self.size / self.subsample_size
        self._frame: CondIndepStackFrame

    @property
    def subsample(self) -> torch.Tensor | None:
        """The indices in use; None for a plate of unknown size."""
        return self.indices

    def __len__(self) -> int:
        return self.subsample_size

    def __bool__(self) -> bool:
        return True

    def __enter__(self) -> torch.Tensor | None:
        self._use(vectorized=True)
        super().__enter__()
        try:
            self.dim = allocate_dim(self.name, self.dim)
        except ShapeError:
            super().__exit__(ShapeError, None, None)
            raise
        self._frame = CondIndepStackFrame(self.name, self.dim, self.subsample_size, 0, self.size)
        return self.indices

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        if self._vectorized and self.dim is not None:
            free_dim(self.name, self.dim)
        return super().__exit__(exc_type, exc_value, traceback)

    def __iter__(self) -> Iterator[int]:
        self._use(vectorized=False)
        if self.indices is None:
            raise HandlerError(f"plate({self.name!r}) has no size: it cannot be iterated over")
        self.counter = 0
        super().__enter__()
        try:
            for i in self.indices.tolist():
                self.counter += 1
                self._frame = CondIndepStackFrame(
                    self.name, None, self.subsample_size, self.counter, self.size
                )
                yield i
        finally:
            super().__exit__(GeneratorExit, None, None)

    def _use(self, *, vectorized: bool) -> None:
        if self._vectorized not in (None, vectorized):
            raise HandlerError(
                f"cannot use plate({self.name!r}) in both vectorized and non-vectorized contexts: "
                "it was used as a context manager and as an iterator. Make two plates."
            )
        self._vectorized = vectorized

    def _process_message(self, msg: Message) -> None:
        msg["cond_indep_stack"] = (self._frame, *msg["cond_indep_stack"])
        if self._scale != 1.0:
            msg["scale"] = msg["scale"] * self._scale
        if msg["type"] == "sample" and self._frame.dim is not None and self.size != -1:
            broadcast_to_plate(msg, self.name, self._frame.dim, self.subsample_size)

    def _postprocess_message(self, msg: Message) -> None:
        if msg["type"] in ("param", "subsample"):
            event_dim = msg["kwargs"].get("event_dim")
            if event_dim is not None and self._frame.dim is not None and self.indices is not None:
                self._subsample_value(msg, self._frame.dim - event_dim)

    def _subsample_value(self, msg: Message, dim: int) -> None:
        """Select this plate's indices of a parameter or of data, along ``dim``."""
        value = msg["value"]
        if value.dim() < -dim or value.shape[dim] == 1:
            return
        if value.shape[dim] != self.size:
            shown = "data" if msg["type"] == "subsample" else repr(msg["name"])
            raise ShapeError(
                f"pyro.{msg['type']}({shown}, event_dim={msg['kwargs']['event_dim']}) inside "
                f"plate({self.name!r}, {self.size}, dim={self.dim}): expected size {self.size} (or "
                f"1) at dim {dim}, but the shape is {tuple(value.shape)}"
            )
        if self.subsample_size < self.size:
            assert self.indices is not None
            selected = value.index_select(dim, self.indices.to(value.device))
            if msg["type"] == "param":
                selected.unconstrained = value.unconstrained
            msg["value"] = selected


def _sizes(
    name: str, size: int | None, subsample_size: int | None, subsample: torch.Tensor | None
) -> tuple[int, int]:
    """The full and the subsample size as ints, -1 where unknown."""
    if size is None:
        if subsample_size is not None or subsample is not None:
            raise ShapeError(f"plate({name!r}): subsampling needs the size of the whole data set")
        return -1, -1
    size = operator.index(size)
    if size == 0:
        raise EmptyPlateError(f"plate({name!r}): size cannot be zero")
    if size < 0:
        raise ShapeError(f"plate({name!r}): size must be positive, but got {size}")
    if subsample_size is None:
        subsample_size = size if subsample is None else len(subsample)
    subsample_size = operator.index(subsample_size)
    if subsample_size <= 0:
        raise ShapeError(f"plate({name!r}): subsample_size must be positive, got {subsample_size}")
    return size, min(size, subsample_size) if subsample is None else subsample_size


def _draw_indices(
    name: str,
    size: int,
    subsample_size: int,
    subsample: torch.Tensor | None,
    device: torch.device | str | None,
) -> torch.Tensor:
    """Emit the plate's own sample site and return its value: the indices to use."""
    if subsample is not None:
        subsample = torch.as_tensor(subsample)
    fn = _Subsample(size, subsample_size, device)
    msg = new_message("sample", name, fn, value=subsample)
    msg["is_observed"] = False
    apply_stack(msg)
    indices: torch.Tensor = msg["value"]
    if len(indices) != subsample_size:
        raise ShapeError(
            f"plate({name!r}): subsample_size does not match len(subsample), {subsample_size} vs "
            f"{len(indices)}. Did you accidentally use different subsample_size in the model and "
            "guide?"
        )
    if subsample is not None and indices is not subsample and not torch.equal(indices, subsample):
        warnings.warn(
            f"plate({name!r}) was given a subsample, but the trace it is replayed against (the "
            "guide's) drew other indices, which are used instead. Data that you indexed with your "
            "own subsample would be matched with the wrong rows. Give the guide's plate the same "
            "subsample (autoguides: create_plates), or index the data with the plate's indices.",
            UserWarning,
            stacklevel=4,
        )
    return indices


class block_plate(AbstractContextManager[None]):  # noqa: N801 (documented name)
    """Take one enclosing plate away for the length of a context; for global sites inside a plate.

    :param name: Name of the plate, or
    :param dim: its dim; exactly one of the two is given.
    :param strict: Whether a plate that is not open is an error.
    :raises HandlerError: if not exactly one plate matches and ``strict``.

    Example::

        >>> with pyro.plate("data", 10):
        ...     with block_plate(name="data"):
        ...         loc = pyro.sample("loc", dist.Normal(0.0, 1.0))  # not expanded
        >>> loc.shape
        torch.Size([])
    """

    def __init__(
        self, name: str | None = None, dim: int | None = None, *, strict: bool = True
    ) -> None:
        if (name is None) == (dim is None):
            raise HandlerError("block_plate needs exactly one of name=... and dim=...")
        self._name, self._dim, self._strict = name, dim, strict

    def __enter__(self) -> None:
        self._blocked = block_messengers(self._matches)
        found = self._blocked.__enter__()
        if self._strict and len(found) != 1:
            self._blocked.__exit__(None, None, None)
            wanted = f"name={self._name!r}" if self._dim is None else f"dim={self._dim}"
            raise HandlerError(f"block_plate({wanted}) matches {len(found)} open plates, not one")

    def __exit__(self, *exc_info: Any) -> None:
        self._blocked.__exit__(*exc_info)

    def _matches(self, handler: Any) -> bool:
        if not isinstance(handler, PlateMessenger):
            return False
        return handler.name == self._name if self._dim is None else handler.dim == self._dim
