"""What a row of the table is given, and how it is registered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import torch

from pyro.compile import views
from pyro.compile.emit.functions import known
from pyro.compile.graph import Graph
from pyro.compile.ir import Kind, Shape, View
from pyro.errors import PyroError

Row = Callable[..., Any]
R = TypeVar("R", bound=Row)
ROWS: dict[str, Row] = {}


class NoRow(PyroError, NotImplementedError):  # noqa: N818
    """A row has no answer for these arguments; torch will execute the operation."""


class Meta(NamedTuple):
    """Shape and kind of a result, as torch computed it, and torch's name of the kind."""

    shape: Shape
    kind: Kind
    dtype: torch.dtype


class Context(NamedTuple):
    """The graph, and what the results of this call look like."""

    graph: Graph
    outputs: tuple[Meta, ...]

    @property
    def shape(self) -> Shape:
        return self.outputs[0].shape

    @property
    def kind(self) -> Kind:
        return self.outputs[0].kind

    def as_kind(self, x: Any, kind: Kind | None = None) -> View:
        """A view or a number as elements of the given kind (that of the result by default)."""
        kind = kind or self.kind
        return self.graph.cast(x, kind) if isinstance(x, View) else self.graph.literal(x, kind)

    def real(self, x: Any) -> View:
        return self.as_kind(x, Kind.F)

    def map(self, fn: str, *arguments: Any) -> View:
        """``fn`` of real arguments (views or numbers)."""
        if not known(fn):
            raise NoRow(f"there is no vector form of {fn}")
        return self.graph.map(fn, *(self.real(a) for a in arguments))

    def kept(self, x: View) -> View:
        """``x``, which several loops read, as it is in memory if all tensors of float32 are so."""
        rounding = self.graph.rounding
        if rounding is None or self.outputs[0].dtype is not torch.float32:
            return x
        return rounding(x)

    def common(self, *arguments: Any) -> list[View]:
        """Views and numbers as elements of the widest kind among them."""
        kinds = {a.kind if isinstance(a, View) else _kind_of_number(a) for a in arguments}
        widest = next(k for k in (Kind.F, Kind.I, Kind.B) if k in kinds)
        return [self.as_kind(a, widest) for a in arguments]

    def result(self, x: View) -> View:
        """``x`` in the shape and kind of the result."""
        return views.expand(self.graph.cast(x, self.kind), self.shape)


def _kind_of_number(x: Any) -> Kind:
    return Kind.B if isinstance(x, bool) else Kind.I if isinstance(x, int) else Kind.F


def row(*names: str) -> Callable[[R], R]:
    """Register a function as the row of ATen operations: ``fn(context, *args, **kwargs)``.

    Tensors are given as views; shapes of results are in the context. The row returns a view, or a
    tuple of views (None for a result that nobody may read).
    """

    def register(fn: R) -> R:
        for name in names:
            ROWS[name] = fn
        return fn

    return register
