"""The same operation on the same tensors is one operation, also for autograd."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

_PLAIN = frozenset({int, bool, str, type(None), type(...), torch.dtype, torch.device, torch.Size})
_TENSORS = frozenset({Tensor, nn.Parameter})
_METHODS = """
abs acos acosh add addcdiv addcmul amax amin argmax argmin asin asinh atan atan2 atanh bmm ceil
clamp clamp_max clamp_min cos cosh cumprod cumsum diagonal digamma div double eq erf erfc erfinv
exp expand expand_as expm1 flatten flip float floor fmod gather ge gt index_select isfinite isinf
isnan le lgamma log log10 log1p log2 logaddexp logcumsumexp logical_and logical_not logical_or
log_softmax logsumexp long lt masked_fill matmul max maximum mean min minimum mm movedim mul mv
narrow ne neg permute polygamma pow prod reciprocal relu reshape round rsqrt select sigmoid sign
sin sinh softmax sqrt square squeeze std sub sum t tan tanh to transpose tril triu trunc unbind
unflatten unsqueeze var view where xlogy __getitem__ __rsub__ __rdiv__ __rtruediv__ __rpow__
__add__ __radd__ __mul__ __rmul__ __sub__ __truediv__ __div__ __neg__ __pow__
"""
_FUNCTIONS = (
    _METHODS
    + """
arange broadcast_to cat cholesky_solve diag_embed dot einsum eye linspace outer softplus stack
tensordot
"""
)


def _found(owner: Any, names: str) -> set[Any]:
    return {f for name in names.split() if (f := getattr(owner, name, None)) is not None}


_PURE = (
    _found(Tensor, _METHODS)
    | _found(torch, _FUNCTIONS)
    | _found(
        torch.special, _FUNCTIONS + " entr expit gammaln log_ndtr logit ndtr ndtri psi xlog1py"
    )
    | _found(
        torch.nn.functional,
        "elu gelu leaky_relu linear log_softmax logsigmoid relu silu softmax softplus",
    )
)


class _Known(NamedTuple):
    """A result, its tensors with their versions, and the arguments, which keep their identity."""

    result: Any
    tensors: tuple[Tensor, ...]
    versions: list[int]
    arguments: Any

    def is_as_it_was(self) -> bool:
        """Whether no tensor of the result has been written into."""
        return [t._version for t in self.tensors] == self.versions


class Sharing(TorchFunctionMode):
    """While it is entered, a pure operation that is repeated gives the tensor that it gave before.

    A loop over time that indexes the same table at each step indexes it once, and one gradient
    flows back. :attr:`spoilt` tells whether a tensor that was given twice has been written into.
    """

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[Hashable, _Known] = {}
        self._given: dict[Hashable, _Known] = {}

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func not in _PURE:
            return func(*args, **kwargs) if kwargs else func(*args)
        try:
            named = tuple((k, _key(v)) for k, v in kwargs.items()) if kwargs else ()
            key = (func, torch.is_grad_enabled(), named, *map(_key, args))
        except _NoKeyError:
            return func(*args, **(kwargs or {}))
        known = self._known.get(key)
        if known is not None and known.is_as_it_was():
            self._given[key] = known
            return known.result
        result = func(*args, **(kwargs or {}))
        parts = result if isinstance(result, tuple) else (result,)
        if all(type(t) in _TENSORS and not t.is_inference() for t in parts):
            versions = [t._version for t in parts]
            self._known[key] = _Known(result, parts, versions, (args, kwargs))
        return result

    @property
    def spoilt(self) -> bool:
        """Whether a tensor that was given twice has been written into since."""
        return not all(known.is_as_it_was() for known in self._given.values())


class _NoKeyError(Exception):
    """An argument that cannot be compared."""


def _key(x: Any) -> Hashable:
    """Equal for arguments with which an operation does the same."""
    kind = type(x)
    if kind in _TENSORS:
        if x.is_inference():  # writes are not counted
            raise _NoKeyError
        return kind, id(x), x._version, x.requires_grad
    if kind in _PLAIN:
        return kind, x
    if kind is float:
        return float, x.hex()
    if kind is tuple or kind is list:
        return kind, *map(_key, x)
    if kind is slice:
        return slice, _key(x.start), _key(x.stop), _key(x.step)
    raise _NoKeyError
