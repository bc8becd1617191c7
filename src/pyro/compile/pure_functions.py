"""Functions of torch by what they do: the same each time, or at least nothing random."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

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
    return {f for name in names.split() if callable(f := getattr(owner, name, None))}


PURE: frozenset[Any] = frozenset(
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
"""They compute new tensors, the same ones for the same arguments."""

_QUESTIONS = """
contiguous data_ptr detach dim element_size is_complex is_contiguous is_floating_point is_inference
item numel size stride storage_offset tolist type untyped_storage __bool__ __len__
"""
_ATTRIBUTES = """
data device dtype grad grad_fn is_cuda is_leaf is_meta is_sparse layout mT ndim requires_grad shape
T _version
"""
_MAKERS = """
add_ all any clone copy_ div_ fill_ mul_ new_empty new_full new_ones new_tensor new_zeros
requires_grad_ sub_ zero_ __and__ __eq__ __float__ __ge__ __gt__ __iadd__ __imul__ __int__
__invert__ __isub__ __le__ __lt__ __ne__ __or__ __setitem__
"""
_CONSTANTS = """
all any as_tensor broadcast_tensors clone empty empty_like full full_like is_complex
is_floating_point numel ones ones_like promote_types result_type scalar_tensor tensor zeros
zeros_like
"""

DRAWLESS: frozenset[Any] = (
    PURE
    | _found(Tensor, _QUESTIONS + _MAKERS)
    | _found(torch, _CONSTANTS)
    | _found(torch._C, "_set_grad_enabled")
    | _found(torch.nn.functional, "pad")
    | {getattr(Tensor, name).__get__ for name in _ATTRIBUTES.split()}
)
"""They draw no random numbers."""
