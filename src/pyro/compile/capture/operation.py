"""What the recorder must know of one ATen operation, worked out once."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch._decomp import decomposition_table

from pyro.compile.capture.decompositions import DECOMPOSITIONS
from pyro.compile.table import ROWS
from pyro.compile.table.context import Row

_VALUE = "control flow depends on the value of an input"
_SHAPE = "a shape depends on the value of an input"
REFUSED = {
    "aten::_local_scalar_dense": _VALUE,
    "aten::item": _VALUE,
    "aten::is_nonzero": _VALUE,
    "aten::equal": _VALUE,
    "aten::nonzero": _SHAPE,
    "aten::masked_select": _SHAPE,
    "aten::unique_dim": _SHAPE,
    "aten::_unique2": _SHAPE,
    "aten::unique_consecutive": _SHAPE,
    "aten::bincount": _SHAPE,
    "aten::resize_": _SHAPE,
    "aten::set_": "a tensor gets another storage",
}


@dataclass(frozen=True)
class Operation:
    """One overload: its row in the table, and how it treats memory."""

    func: Any
    name: str
    row: Row | None
    decomposition: Callable[..., Any] | None
    functional: Any | None  # the operation that an in-place one is a copy of
    refuses: str | None
    random: bool
    aliases: bool
    composite: bool  # made of other operations; comes here only from inside of a dispatch
    writes: tuple[tuple[int, str], ...]  # position and name of arguments that are written
    outs: tuple[str, ...]
    reshapes: bool  # in place, and moves no element

    def written(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Tensor]:
        """The tensors that a call writes into."""
        found = (
            kwargs[name] if name in kwargs else args[position] if position < len(args) else None
            for position, name in self.writes
        )
        return [t for t in found if isinstance(t, Tensor)]


@functools.cache
def operation(func: Any) -> Operation:
    schema = func._schema
    writes = tuple(
        (position, a.name)
        for position, a in enumerate(schema.arguments)
        if a.alias_info is not None and a.alias_info.is_write
    )
    aliases = not writes and any(r.alias_info is not None for r in schema.returns)
    row = None if writes else ROWS.get(schema.name.removeprefix("aten::"))
    return Operation(
        func=func,
        name=schema.name,
        row=row,
        decomposition=_decomposition(func) if row is None and not writes else None,
        functional=_functional(func) if writes else None,
        refuses=REFUSED.get(schema.name),
        random=torch.Tag.nondeterministic_seeded in func.tags,
        aliases=aliases,
        composite=func._can_decompose(),
        writes=writes,
        outs=tuple(a.name for a in schema.arguments if a.is_out),
        reshapes=torch.Tag.inplace_view in func.tags,
    )


def _decomposition(func: Any) -> Callable[..., Any] | None:
    found: Callable[..., Any] | None = DECOMPOSITIONS.get(func) or decomposition_table.get(func)
    if found is None and func._can_decompose():
        return func.decompose  # type: ignore[no-any-return]
    return found


def _functional(func: Any) -> Any | None:
    """``add.Tensor`` for ``add_.Tensor`` and for ``add.out``."""
    name = func._schema.name.removeprefix("aten::").removesuffix("_")
    packet = getattr(torch.ops.aten, FUNCTIONAL.get(name, name), None)
    if packet is None:
        return None
    overload = func._schema.overload_name
    if overload in packet.overloads() and "out" not in overload:
        found = getattr(packet, overload)
        if _types(found) == _types(func):
            return found
    return packet


def _types(func: Any) -> list[str]:
    return [str(a.type) for a in func._schema.arguments]


FUNCTIONAL = {"_index_put_impl": "index_put"}
