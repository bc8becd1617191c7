"""What arguments are, apart from the content of tensors; and how to recognise them quickly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, final

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from pyro.infer.fit.steps.call import Call

PLAIN = frozenset(
    {int, float, bool, str, bytes, type(None), torch.dtype, torch.device, torch.Size, slice, range}
)
_NODES = frozenset({tuple, list, dict})


class _Tensor(NamedTuple):
    """What is known of a tensor."""

    kind: type
    shape: torch.Size
    dtype: torch.dtype


class _Node(NamedTuple):
    """A tuple, list or dict: what is in it, by number or key."""

    kind: type
    parts: dict[Any, Any]


def is_simple(x: Any) -> bool:
    """Whether an argument consists of tensors, plain values, tuples, lists and dicts alone."""
    if type(x) in _NODES:
        return all(map(is_simple, x.values() if type(x) is dict else x))
    return isinstance(x, Tensor) or type(x) in PLAIN


@final
class Form:
    """The form of the arguments of a call: types and shapes of tensors, and all other values.

    :param args: Arguments by position, all of them :func:`simple <is_simple>`.
    :param kwargs: Arguments by name, likewise.

    Example::

        >>> from pyro.infer.fit.steps.form import Form
        >>> x = torch.zeros(2)
        >>> form = Form((x, 1.0), {"y": {"a": x}})
        >>> form.tensors((x + 1, 1.0), {"y": {"a": x + 2}})
        [tensor([1., 1.]), tensor([2., 2.])]
        >>> form.tensors((x, 2.0), {"y": {"a": x}}) is None
        True
    """

    def __init__(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        self._args = [_form(x) for x in args]
        self._kwargs = {name: _form(x) for name, x in kwargs.items()}

    def tensors(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[Tensor] | None:
        """The tensors of other arguments of this form, in the order of the first; else None."""
        found: list[Tensor] = []
        if len(args) != len(self._args) or len(kwargs) != len(self._kwargs):
            return None
        for x, form in zip(args, self._args, strict=True):
            if not _take(x, form, found):
                return None
        for name, form in self._kwargs.items():
            if name not in kwargs or not _take(kwargs[name], form, found):
                return None
        return found


def _form(x: Any) -> Any:
    if isinstance(x, Tensor):
        return _Tensor(type(x), x.shape, x.dtype)
    if type(x) in _NODES:
        parts = x if type(x) is dict else dict(enumerate(x))
        return _Node(type(x), {key: _form(part) for key, part in parts.items()})
    return x


def _take(x: Any, form: Any, found: list[Tensor]) -> bool:
    """Whether something has a form; its tensors join those that were found."""
    kind = type(form)
    if kind is _Tensor:
        found.append(x)
        mine = (type(x), getattr(x, "shape", None), getattr(x, "dtype", None))
        return bool(mine == form)
    if kind is not _Node:
        return type(x) is kind and bool(x == form)
    if type(x) is not form.kind or len(x) != len(form.parts):
        return False
    keyed = form.kind is dict
    return all(
        (not keyed or key in x) and _take(x[key], part, found) for key, part in form.parts.items()
    )


def flat(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Sequence[Any], Any]:
    """The arguments without containers, and what tells how they are put together."""
    if not kwargs and all(isinstance(x, Tensor | float | int) for x in args):
        return args, len(args)
    return pytree.tree_flatten((args, kwargs))


def signature_of(x: Any, changing: bool) -> Any:
    """What is the same in steps with arguments of one kind."""
    if isinstance(x, Tensor):
        return (tuple(x.shape), x.dtype) if changing else (id(x), x._version)
    try:
        hash(x)
    except TypeError:
        return (type(x), id(x))
    return (type(x), x)


def in_words(call: Call) -> str:
    """What kind of arguments a step has; the same in another process."""
    leaves, spec = pytree.tree_flatten((call.args, call.kwargs))
    return f"{spec}: {', '.join(map(_word, leaves))}"


def _word(x: Any) -> str:
    if isinstance(x, Tensor):
        return f"{x.dtype} {tuple(x.shape)}"
    return repr(x) if type(x) in PLAIN else type(x).__qualname__
