"""Programs with inputs: one row tests the rows of the compiler's table that it uses."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from tests.compile.case import Case, real, spd, whole
from tests.compile.factor_programs import FACTOR_CASES

EVERYWHERE = [
    "exp",
    "expm1",
    "sin",
    "cos",
    "tan",
    "sinh",
    "cosh",
    "tanh",
    "asinh",
    "atan",
    "sigmoid",
    "erf",
    "erfc",
    "neg",
    "abs",
    "square",
]
POSITIVE = ["log", "log2", "log10", "log1p", "sqrt", "rsqrt", "reciprocal", "lgamma"]
INSIDE = ["asin", "acos", "atanh", "erfinv"]
FLAT = [
    "floor",
    "ceil",
    "trunc",
    "round",
    "frac",
    "sign",
    "isnan",
    "isinf",
    "isfinite",
    "logical_not",
]
BINARY = [
    "add",
    "sub",
    "mul",
    "maximum",
    "minimum",
    "fmax",
    "fmin",
    "atan2",
    "logaddexp",
    "hypot",
    "copysign",
]
COMPARE = ["lt", "le", "gt", "ge", "eq", "ne", "logical_and", "logical_or", "logical_xor"]

UNARY_CASES = [
    *(Case(n, getattr(torch, n), (real(7),)) for n in EVERYWHERE),
    *(Case(n, getattr(torch, n), (real(7, low=0.1, high=9.0),)) for n in POSITIVE),
    # Torch's own trigamma has an error of 1e-9.
    Case("digamma", torch.digamma, (real(7, low=0.1, high=9.0),), True, 1e-8),
    *(Case(n, getattr(torch, n), (real(7, low=-0.9, high=0.9),)) for n in INSIDE),
    Case("acosh", torch.acosh, (real(7, low=1.1, high=4.0),)),
    *(Case(n, getattr(torch, n), (real(7),), False) for n in FLAT),
    *(
        Case(n, getattr(torch, n), (whole(6),), False)
        for n in ("neg", "abs", "sign", "bitwise_not")
    ),
    Case("softplus", F.softplus, (real(9, low=-30.0, high=30.0),)),
    Case("logsigmoid", F.logsigmoid, (real(9, low=-30.0, high=30.0),)),
    Case("relu", torch.relu, (real(9),)),
    Case("gelu", F.gelu, (real(9),)),
    Case("silu", F.silu, (real(9),)),
    Case("elu", F.elu, (real(9),)),
    Case("leaky_relu", F.leaky_relu, (real(9),)),
    Case("hardtanh", F.hardtanh, (real(9),)),
    Case("nan_to_num", torch.nan_to_num, (torch.tensor([1.0, torch.nan, torch.inf, -torch.inf]),)),
    Case("polygamma", lambda x: torch.polygamma(1, x), (real(5, low=0.2, high=5.0),), False, 1e-8),
    Case("ndtr", torch.special.ndtr, (real(9),)),
    Case("entr", torch.special.entr, (real(9, low=0.1),)),
    Case("logit", torch.logit, (real(9, low=0.1, high=0.9),)),
]

BINARY_CASES = [
    *(Case(n, getattr(torch, n), (real(3, 5), real(5, seed=1))) for n in BINARY),
    *(Case(f"{n}_0d", getattr(torch, n), (real(), real(4, seed=1))) for n in BINARY),
    *(Case(n, getattr(torch, n), (whole(3, 4), whole(4, seed=1)), False) for n in COMPARE),
    Case("div", torch.div, (real(3, 1), real(1, 5, low=0.5, high=3.0))),
    Case("div_by_scalar", torch.div, (real(9), real(low=0.5, high=3.0))),
    Case(
        "div_floor",
        lambda x, y: torch.div(x, y, rounding_mode="floor"),
        (real(9), real(9, low=0.5)),
        False,
    ),
    Case(
        "div_trunc",
        lambda x, y: torch.div(x, y, rounding_mode="trunc"),
        (whole(9, high=9), whole(9) + 1),
        False,
    ),
    Case("int_div", lambda x, y: x // y, (whole(9, high=9) - 4, whole(9) + 1), False),
    Case("remainder", torch.remainder, (real(9), real(9, low=0.5)), False),
    Case("fmod", torch.fmod, (real(9), real(9, low=0.5)), False),
    Case("pow", torch.pow, (real(6, low=0.2), real(6, seed=3))),
    Case("pow_2", lambda x: x**2, (real(6),)),
    Case("pow_3", lambda x: x**3 + x**-1 + x**-2 + x**0.5, (real(6, low=0.5),)),
    Case(
        "xlogy",
        torch.xlogy,
        (torch.tensor([0.0, 1.0, 2.0, 0.0]), torch.tensor([0.0, 1.0, 3.0, torch.nan])),
    ),
    Case("xlog1py", torch.special.xlog1py, (real(5), real(5, low=-0.5))),
    Case("where", lambda x, y: torch.where(x > 0, x, y), (real(8), real(8, seed=2))),
    Case("masked_fill", lambda x: x.masked_fill(x > 0, 3.0), (real(8),)),
    Case("clamp", lambda x: x.clamp(-1.0, 1.0) + x.clamp(min=0.5), (real(8),)),
    Case("lerp", torch.lerp, (real(5), real(5, seed=2), real(5, seed=3))),
    Case("addcmul", lambda x, y: torch.addcmul(x, x, y, value=2.0), (real(5), real(5, seed=1))),
    Case("addcdiv", lambda x, y: torch.addcdiv(x, x, y, value=2.0), (real(5), real(5, low=1.0))),
    Case("bitwise", lambda x, y: (x & y) | (x ^ 3), (whole(5), whole(5, seed=1)), False),
    Case("to_int", lambda x: x.to(torch.int64) + 1, (real(6),), False),
    Case("rsub", lambda x: 1 - x, (real(6),)),
    Case("bool_sum", lambda x: (x > 0).sum() + (x > 1).double().mean(), (real(50),), False),
]

REDUCTION_CASES = [
    Case("sum", lambda x: x.sum(), (real(1000),)),
    Case("sum_tail", lambda x: x.exp().sum(), (real(131),)),
    Case("sum_0", lambda x: x.sum(0), (real(7, 13),)),
    Case("sum_1", lambda x: x.sum(1), (real(7, 13),)),
    Case("sum_02", lambda x: x.sum((0, 2)), (real(5, 6, 7),)),
    Case("sum_1_keepdim", lambda x: x / x.sum(1, keepdim=True), (real(5, 60, low=1.0),)),
    Case("sum_big", lambda x: x.sum(0) * 2, (real(300, 50),)),
    Case("sum_expanded", lambda x: x.expand(4, 3).sum(), (real(3),)),
    Case("mean", lambda x: x.mean(-1) + x.mean(), (real(4, 9),)),
    Case("prod", lambda x: x.prod(), (real(9, low=0.5),), False),
    Case("prod_1", lambda x: x.prod(1), (real(3, 9, low=0.5),), False),
    Case("max", lambda x: x.max() + x.amax(0).sum(), (real(4, 9),)),
    Case("max_dim", lambda x: x.max(-1), (real(4, 9),), False),
    Case("min_dim", lambda x: x.min(0), (real(40, 9),), False),
    Case("argmax", lambda x: (x.argmax(), x.argmax(0), x.argmin(1)), (real(11, 9),), False),
    Case(
        "any_all",
        lambda x: ((x > 1.9).any(), (x > -3).all(1), (x > 0).any(0)),
        (real(5, 40),),
        False,
    ),
    Case("var", lambda x: x.var(0) + x.std(), (real(20, 3),)),
    Case("logsumexp", lambda x: x.logsumexp(-1) + x.logsumexp(0).sum(), (real(4, 9),)),
    Case("logsumexp_inf", lambda x: x.logsumexp(-1), (torch.full((2, 3), -torch.inf),), False),
    Case("softmax", lambda x: x.softmax(-1), (real(4, 9),)),
    Case("log_softmax", lambda x: x.log_softmax(0), (real(4, 9),)),
    Case("cumsum", lambda x: x.cumsum(0), (real(9, 4),)),
    Case("cumsum_last", lambda x: x.cumsum(-1), (real(3, 50),)),
    Case("cumprod", lambda x: x.cumprod(-1), (real(3, 5, low=0.5),), False),
    Case("logcumsumexp", lambda x: x.logcumsumexp(-1), (real(3, 5),), False),
    Case("flip", lambda x: x.flip(0, 1) * x, (real(3, 5),)),
    Case("norm", lambda x: x.norm() + x.norm(dim=-1).sum() + x.abs().max(), (real(3, 5),)),
    Case("norm_1", lambda x: x.norm(p=1, dim=0) + x.norm(p=3, dim=0), (real(3, 5),)),
    Case("layer_norm", lambda x: F.layer_norm(x, (5,)), (real(3, 5),)),
    Case("mse", lambda x, y: F.mse_loss(x, y), (real(3, 5), real(3, 5, seed=1))),
    Case("cross_entropy", lambda x: F.cross_entropy(x, whole(6, high=3)), (real(6, 3),)),
    Case(
        "bce",
        lambda x: F.binary_cross_entropy_with_logits(x, whole(6, high=2).double()),
        (real(6),),
    ),
]

SHAPE_CASES = [
    Case("transpose", lambda x: x.mT @ x, (real(3, 5),)),
    Case("permute", lambda x: x.permute(2, 0, 1).reshape(4, -1).exp(), (real(2, 3, 4),)),
    Case("reshape_copy", lambda x: x.mT.reshape(-1) * 2, (real(3, 4),)),
    Case("flatten_broadcast", lambda x, y: (x + y).reshape(-1).exp().sum(), (real(6, 5), real(5))),
    Case("slices", lambda x: x[1:] * x[:-1] + x[::2][:1], (real(9),)),
    Case("select", lambda x: x[0] * x[1] + x[:, 2].sum(), (real(3, 4),)),
    Case("cat", lambda x, y: torch.cat([x, y, x], 1).exp(), (real(3, 4), real(3, 2))),
    *(
        Case(
            f"cat_of_{n}_and_{m}_read_at_some",
            lambda x, y: torch.outer(*[torch.cat([x.exp(), y.sin()])[1::20]] * 2),
            (real(n), real(m)),
        )
        for n in (8, 60)
        for m in (1, 4)
    ),
    Case("cat_then_slice", lambda x, y: torch.cat([x, y])[2:5] * 3, (real(4), real(3))),
    Case("stack", lambda x, y: torch.stack([x, y], -1).sum(0), (real(4), real(4, seed=1))),
    Case("pad", lambda x: F.pad(x, (1, 2, 0, 1), value=3.0), (real(2, 3),)),
    Case("repeat", lambda x: x.repeat(2, 3), (real(2, 3),)),
    Case("roll", lambda x: x.roll(1, 0) + x.roll(-2, 0), (real(5),)),
    Case("tril", lambda x: x.tril() + x.triu(1) * 2 + x.tril(-1), (real(4, 4),)),
    Case("diagonal", lambda x: x.diagonal(dim1=-2, dim2=-1).exp(), (real(2, 4, 4),)),
    Case("diag_embed", lambda x: torch.diag_embed(x), (real(2, 3),)),
    Case("unbind", lambda x: sum(t * k for k, t in enumerate(x.unbind(0))), (real(4, 3),)),
    Case("split", lambda x: x.split([1, 3])[1] * 2, (real(4),)),
    Case("chunk", lambda x: torch.mul(*x.chunk(2, -1)), (real(3, 4),)),
    Case("expand", lambda x: x.expand(3, 4) * real(3, 4), (real(4),)),
    Case("squeeze", lambda x: x.squeeze(1).unsqueeze(0), (real(3, 1, 2),)),
    Case("unfold", lambda x: x.unfold(0, 3, 1).sum(-1), (real(8),), False),
    Case("movedim", lambda x: x.movedim(0, -1).contiguous(), (real(2, 3, 4),)),
    Case("zero_size", lambda x: (x[:0], x[:0].sum(), torch.cat([x[:0], x])), (real(3),)),
    Case("zero_d", lambda x: (x.sum(), x.exp().reshape(1, 1)), (real(),)),
    Case("same_output_twice", lambda x: (x * 2, x * 2, x, torch.ones(2)), (real(3),)),
]


def _started(x: Tensor) -> Tensor:
    y = torch.zeros(4, dtype=x.dtype)
    y[0] = x[0] * 2
    return y


def _masked_put(x: Tensor) -> Tensor:
    y = x * 2
    y[(x > 0) & (x < 1)] = 0
    y[x[:, 0] > 0] = 3.0
    return y


INDEX_CASES = [
    Case("index", lambda x: x[whole(7)] * 2, (real(4),)),
    Case("index_rows", lambda x: x[whole(6)].exp(), (real(4, 5),)),
    Case("index_two", lambda x: x[whole(6), whole(6, high=5, seed=1)], (real(4, 5),)),
    Case("index_middle", lambda x: x[:, whole(6, high=3)], (real(4, 3, 5),)),
    Case("index_apart", lambda x: x[whole(2, 1), :, whole(3, high=5)], (real(4, 3, 5),)),
    Case("index_negative", lambda x: x[torch.tensor([-1, 0, -2])], (real(4),)),
    Case("index_mask", lambda x: x[torch.tensor([True, False, True])], (real(3, 2),)),
    Case("index_computed", lambda x, i: x[i + 1], (real(6), whole(5)), False),
    Case("gather", lambda x: x.gather(1, whole(3, 2)), (real(3, 4),)),
    Case("take_along_dim", lambda x: x.take_along_dim(whole(1, 4, high=3), 0), (real(3, 4),)),
    Case("index_select", lambda x: x.index_select(1, whole(3)), (real(2, 4),)),
    Case("scatter_add", lambda x: torch.zeros(5).double().scatter_add(0, whole(9), x), (real(9),)),
    Case(
        "scatter",
        lambda x: torch.zeros(2, 5).double().scatter(1, torch.tensor([[0, 3], [1, 4]]), x),
        (real(2, 2),),
    ),
    Case(
        "scatter_reduce", lambda x: x[:4].scatter_reduce(0, whole(9), x, "amax"), (real(9),), False
    ),
    Case("index_add", lambda x: torch.ones(4, 2).double().index_add(0, whole(5), x), (real(5, 2),)),
    Case(
        "index_copy",
        lambda x: torch.ones(4, 2).double().index_copy(0, torch.tensor([3, 1]), x),
        (real(2, 2),),
    ),
    Case(
        "index_put",
        lambda x: torch.zeros(4).double().index_put((whole(6),), x, accumulate=True),
        (real(6),),
    ),
    Case("embedding", lambda w: F.embedding(whole(2, 3), w), (real(4, 3),)),
    Case(
        "index_of_written",
        lambda x, i: torch.zeros(4).double().index_put((whole(3),), x[:3])[i] + _started(x)[i],
        (real(4), whole(9)),
        False,
    ),
    Case(
        "index_of_constant", lambda x, i: torch.full((4,), 2.0)[i] * x, (real(9), whole(9)), False
    ),
    Case("masked_put", _masked_put, (real(3, 4),)),
    Case("one_hot_dot", lambda x: (F.one_hot(whole(5), 4) * x).sum(-1), (real(5, 4),)),
]


def _in_place(x: Tensor) -> Tensor:
    y = x * 2
    y[1:3] = x[:2].exp()
    y[0] += 1
    y.mul_(x).clamp_(max=3.0)
    return y


def _write_into_zeros(x: Tensor) -> Tensor:
    out = torch.zeros(4, 4, dtype=x.dtype)
    out[torch.tril_indices(4, 4)[0], torch.tril_indices(4, 4)[1]] = x
    out.diagonal()[:] = x[:4].exp()
    return out


def _write_through_view(x: Tensor) -> Tensor:
    y = x.clone()
    row = y[0]
    row *= 3
    return y + row


def _recurrence(x: Tensor) -> Tensor:
    h = torch.zeros(3, dtype=x.dtype)
    total = x.new_zeros(())
    for t in range(x.shape[0]):
        h = torch.tanh(0.5 * h + x[t])
        total = total + h.sum()
    return total


IN_PLACE_CASES = [
    Case("in_place", _in_place, (real(6),)),
    Case("write_into_zeros", _write_into_zeros, (real(10),)),
    Case("write_through_view", _write_through_view, (real(3, 2),)),
    Case("recurrence", _recurrence, (real(12, 3),)),
]

MATRIX_CASES = [
    Case("mv", torch.mv, (real(9, 5), real(5))),
    Case("mv_big", lambda x, b: torch.mv(x, b), (real(130, 21), real(21))),
    Case("mm", torch.mm, (real(3, 5), real(5, 4))),
    Case("mm_big", torch.mm, (real(37, 21), real(21, 19))),
    Case("bmm", torch.bmm, (real(3, 4, 5), real(3, 5, 2))),
    Case("dot", torch.dot, (real(50), real(50, seed=1))),
    Case("matmul", torch.matmul, (real(2, 3, 4), real(4, 5))),
    Case("einsum", lambda a, b: torch.einsum("ij,kj->ik", a, b), (real(3, 4), real(5, 4))),
    Case(
        "einsum_3",
        lambda a, b: torch.einsum("bij,bjk,bk->bi", a, a, b),
        (real(2, 3, 3), real(2, 3)),
    ),
    Case("outer", torch.outer, (real(3), real(4))),
    Case("linear", F.linear, (real(7, 5), real(3, 5), real(3))),
    Case(
        "addmm",
        lambda a, b, c: torch.addmm(a, b, c, beta=0.5, alpha=2.0),
        (real(3, 2), real(3, 4), real(4, 2)),
    ),
    Case("trace", torch.trace, (real(4, 4),)),
    Case("quadratic", lambda x: x @ spd(4) @ x, (real(4),)),
]

CASES = [
    *UNARY_CASES,
    *BINARY_CASES,
    *REDUCTION_CASES,
    *SHAPE_CASES,
    *INDEX_CASES,
    *IN_PLACE_CASES,
    *MATRIX_CASES,
    *FACTOR_CASES,
]
