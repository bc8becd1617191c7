"""Operations on elements: one row says what happens at one index."""

from __future__ import annotations

import functools
import math
from typing import Any

import torch

from pyro.compile.ir import Kind, View
from pyro.compile.table.context import Context, NoRow, row

# Functions of real numbers that carry the same name in the table of scalar functions.
UNARY = """
exp exp2 expm1 log log2 log10 log1p sqrt sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh
erf erfc erfinv lgamma digamma
"""
SPECIAL = {
    "i0": "i0",
    "special_i0e": "i0e",
    "special_i1": "i1",
    "special_i1e": "i1e",
    "special_ndtri": "ndtri",
    "special_ndtr": "ndtr",
    "special_log_ndtr": "log_ndtr",
    "special_erfcx": "erfcx",
    "special_bessel_j0": "bessel_j0",
    "special_bessel_j1": "bessel_j1",
    "special_bessel_y0": "bessel_y0",
    "special_bessel_y1": "bessel_y1",
    "special_modified_bessel_k0": "k0",
    "special_modified_bessel_k1": "k1",
    "sinc": "sinc",
}


def _unary(fn: str, c: Context, x: View) -> View:
    return c.map(fn, x)


for _name in UNARY.split():
    row(_name)(functools.partial(_unary, _name))
for _name, _fn in SPECIAL.items():
    row(_name)(functools.partial(_unary, _fn))


@row("special_entr")
def _entr(c: Context, x: View) -> View:
    """``-x log(x)``, zero at zero and ``-inf`` below."""
    found = c.map("neg", c.map("xlogy", x, x))
    return c.graph.map("select", c.map("lt", x, 0.0), c.real(-math.inf), found)


def _same_kind(fn: str, c: Context, x: View, **_: Any) -> View:
    x = c.as_kind(x)
    return x if c.kind is Kind.B else c.graph.map(fn, x)


for _name in ("neg", "abs"):
    row(_name)(functools.partial(_same_kind, _name))


def _rounding(fn: str, c: Context, x: View) -> View:
    return c.graph.map(fn, x) if x.kind is Kind.F else x


for _name in ("floor", "ceil", "trunc"):
    row(_name)(functools.partial(_rounding, _name))


@row("round")
def _round(c: Context, x: View, decimals: int = 0) -> View:
    if x.kind is not Kind.F:
        return x
    if not decimals:
        return c.map("rint", x)
    scale = 10.0 ** abs(decimals)
    forth, back = ("mul", "div") if decimals > 0 else ("div", "mul")
    return c.map(back, c.map("rint", c.map(forth, x, scale)), scale)


@row("frac")
def _frac(c: Context, x: View) -> View:
    return c.map("sub", x, c.map("trunc", x))


@row("reciprocal")
def _reciprocal(c: Context, x: View) -> View:
    return c.map("div", 1.0, x)


@row("rsqrt")
def _rsqrt(c: Context, x: View) -> View:
    return c.map("div", 1.0, c.map("sqrt", x))


@row("square")
def _square(c: Context, x: View) -> View:
    x = c.as_kind(x)
    return c.graph.map("mul", x, x)


@row("sign", "sgn")
def _sign(c: Context, x: View) -> View:
    if x.kind is Kind.B:
        return x
    zero = c.graph.literal(0, x.kind)
    up = c.as_kind(c.graph.map("gt", x, zero))
    return c.graph.map("sub", up, c.as_kind(c.graph.map("lt", x, zero)))


@row("relu")
def _relu(c: Context, x: View) -> View:
    return _clamp(c, x, 0, None)


@row(
    "positive",
    "alias",
    "detach",
    "clone",
    "_to_copy",
    "lift_fresh",
    "lift_fresh_copy",
    "contiguous",
    "_conj",
    "_unsafe_view",
    "view_copy",
    "detach_copy",
    "alias_copy",
)
def _same(c: Context, x: View, *_: Any, **__: Any) -> View:
    if x.kind is Kind.F and c.kind is Kind.I:
        x = c.map("trunc", x)
    return c.graph.reshape(c.graph.cast(x, c.kind), c.shape)


@row("expand_copy")
def _expand_copy(c: Context, x: View, *_: Any, **__: Any) -> View:
    return c.result(x)


@row("copy")
def _copy(c: Context, x: View, source: View, non_blocking: bool = False) -> View:
    return c.result(source)


# ---------------------------------------------------------------- two arguments


@row("add")
def _add(c: Context, x: Any, y: Any, *, alpha: Any = 1) -> View:
    return _plus("add", c, x, y, alpha)


@row("sub")
def _sub(c: Context, x: Any, y: Any, *, alpha: Any = 1) -> View:
    return _plus("sub", c, x, y, alpha)


@row("rsub")
def _rsub(c: Context, x: Any, y: Any, alpha: Any = 1) -> View:
    return _plus("sub", c, y, x, alpha)


def _plus(fn: str, c: Context, x: Any, y: Any, alpha: Any) -> View:
    if c.kind is Kind.B:
        return c.graph.map("or", c.as_kind(x), c.as_kind(y)) if alpha else c.as_kind(x)
    y = c.as_kind(y)
    if alpha != 1:
        y = c.graph.map("mul", y, c.as_kind(alpha))
    return c.graph.map(fn, c.as_kind(x), y)


@row("mul")
def _mul(c: Context, x: Any, y: Any) -> View:
    return c.graph.map("and" if c.kind is Kind.B else "mul", c.as_kind(x), c.as_kind(y))


@row("div", "true_divide")
def _div(c: Context, x: Any, y: Any, *, rounding_mode: str | None = None) -> View:
    if c.kind is Kind.I:
        return c.graph.map(
            "floordiv" if rounding_mode == "floor" else "truncdiv", c.as_kind(x), c.as_kind(y)
        )
    if rounding_mode == "floor":
        return c.map("floordiv", x, y)
    quotient = c.map("div", x, y)
    return c.map("trunc", quotient) if rounding_mode else quotient


@row("floor_divide")
def _floor_divide(c: Context, x: Any, y: Any) -> View:
    return _div(c, x, y, rounding_mode="floor")


def _same_kinds(fn: str, c: Context, x: Any, y: Any) -> View:
    return c.graph.map(fn, c.as_kind(x), c.as_kind(y))


for _name in ("remainder", "fmod"):
    row(_name)(functools.partial(_same_kinds, _name))


@row("pow")
def _pow(c: Context, x: Any, y: Any) -> View:
    if c.kind is Kind.I:
        return c.graph.cast(c.map("rint", c.map("pow", x, y)), Kind.I)
    if isinstance(y, (int, float)) and y == 0.5:
        return c.map("sqrt", x)
    return c.map("pow", x, y)


def _extremum(fn: str, c: Context, x: Any, y: Any) -> View:
    if c.kind is Kind.B:
        return c.graph.map("or" if fn.endswith("max") or fn == "maximum" else "and", x, y)
    return c.graph.map(fn, c.as_kind(x), c.as_kind(y))


for _name in ("maximum", "minimum", "fmax", "fmin"):
    row(_name)(functools.partial(_extremum, _name))


def _binary(fn: str, c: Context, x: Any, y: Any) -> View:
    return c.map(fn, x, y)


for _name in ("atan2", "copysign", "logaddexp", "logaddexp2", "hypot"):
    row(_name)(functools.partial(_binary, _name))


@row("polygamma", "special_polygamma")
def _polygamma(c: Context, n: int, x: View) -> View:
    if n == 0:
        return c.map("digamma", x)
    return c.map("trigamma" if n == 1 else f"polygamma{n}", x)


@row("special_zeta")
def _zeta(c: Context, x: Any, y: Any) -> View:
    return c.map("zeta", x, y)


@row("xlogy", "special_xlogy")
def _xlogy(c: Context, x: Any, y: Any) -> View:
    return _x_times(c, x, y, "log")


@row("special_xlog1py")
def _xlog1py(c: Context, x: Any, y: Any) -> View:
    return _x_times(c, x, y, "log1p")


def _x_times(c: Context, x: Any, y: Any, fn: str) -> View:
    """``x * fn(y)``, which is zero at ``x = 0`` unless ``y`` is nan."""
    x, y = c.real(x), c.real(y)
    product = c.map("mul", x, c.map(fn, y))
    zero = c.graph.map("and", c.map("eq", x, 0.0), c.map("eq", y, y))
    return c.graph.map("select", zero, c.graph.literal(0.0, Kind.F), product, kind=Kind.F)


# ---------------------------------------------------------------- truth


def _compare(fn: str, c: Context, x: Any, y: Any) -> View:
    return c.graph.map(fn, *c.common(x, y))


for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    row(_name)(functools.partial(_compare, _name))


def _test(fn: str, c: Context, x: View) -> View:
    if x.kind is not Kind.F:
        return c.graph.full(c.shape, fn == "isfinite", Kind.B)
    return c.graph.map(fn, x)


for _name in ("isnan", "isinf", "isfinite"):
    row(_name)(functools.partial(_test, _name))


def _logical(fn: str, c: Context, x: Any, y: Any) -> View:
    return c.graph.map(fn, truth(c, x), truth(c, y))


for _name in ("and", "or", "xor"):
    row(f"logical_{_name}")(functools.partial(_logical, _name))


def truth(c: Context, x: Any) -> View:
    """Whether elements are not zero."""
    if isinstance(x, View) and x.kind is not Kind.B:
        return c.graph.map("ne", x, c.graph.literal(0, x.kind))
    return c.as_kind(x, Kind.B)


@row("logical_not")
def _logical_not(c: Context, x: View) -> View:
    return c.graph.map("not", truth(c, x))


@row("bitwise_not")
def _bitwise_not(c: Context, x: View) -> View:
    return c.graph.map("not", x)


for _name in ("and", "or", "xor"):
    row(f"bitwise_{_name}", f"__{_name}__")(functools.partial(_same_kinds, _name))


# ---------------------------------------------------------------- choices


@row("where")
def _where(c: Context, condition: View, x: Any, y: Any) -> View:
    return c.graph.map("select", truth(c, condition), c.as_kind(x), c.as_kind(y))


@row("masked_fill")
def _masked_fill(c: Context, x: View, mask: View, value: Any) -> View:
    return c.graph.map("select", truth(c, mask), c.as_kind(value), c.as_kind(x))


@row("clamp")
def _clamp(c: Context, x: View, low: Any = None, high: Any = None, **named: Any) -> View:
    low, high = named.get("min", low), named.get("max", high)
    if c.kind is Kind.B:
        raise NoRow("truth values are not clamped")
    x = c.as_kind(x)
    if low is not None:
        x = c.graph.map("maximum", x, c.as_kind(low))
    return x if high is None else c.graph.map("minimum", x, c.as_kind(high))


@row("clamp_min")
def _clamp_min(c: Context, x: View, low: Any) -> View:
    return _clamp(c, x, low)


@row("clamp_max")
def _clamp_max(c: Context, x: View, high: Any) -> View:
    return _clamp(c, x, None, high)


@row("nan_to_num")
def _nan_to_num(
    c: Context, x: View, nan: Any = None, posinf: Any = None, neginf: Any = None
) -> View:
    if x.kind is not Kind.F:
        return x
    largest = torch.finfo(c.outputs[0].dtype).max
    found = x
    for test, value, default in (
        (c.map("isnan", x), nan, 0.0),
        (c.map("eq", x, math.inf), posinf, largest),
        (c.map("eq", x, -math.inf), neginf, -largest),
    ):
        replacement = c.real(default if value is None else value)
        found = c.graph.map("select", test, replacement, found)
    return found


@row("lerp")
def _lerp(c: Context, x: View, y: View, weight: Any) -> View:
    return c.map("add", x, c.map("mul", weight, c.map("sub", y, x)))


@row("addcmul")
def _addcmul(c: Context, x: View, a: View, b: View, *, value: Any = 1) -> View:
    if c.kind is not Kind.F:
        product = c.graph.map("mul", c.as_kind(a), c.as_kind(b))
        return c.graph.map("add", c.as_kind(x), c.graph.map("mul", product, c.as_kind(value)))
    return c.map("add", x, c.map("mul", c.map("mul", a, b), value))


@row("addcdiv")
def _addcdiv(c: Context, x: View, a: View, b: View, *, value: Any = 1) -> View:
    return c.map("add", x, c.map("mul", c.map("div", a, b), value))


# ---------------------------------------------------------------- gradients


@row("sigmoid_backward")
def _sigmoid_backward(c: Context, grad: View, y: View) -> View:
    return c.map("mul", grad, c.map("mul", y, c.map("sub", 1.0, y)))


@row("tanh_backward")
def _tanh_backward(c: Context, grad: View, y: View) -> View:
    return c.map("mul", grad, c.map("sub", 1.0, c.map("mul", y, y)))


@row("threshold_backward")
def _threshold_backward(c: Context, grad: View, x: View, threshold: Any) -> View:
    return c.graph.map("select", c.map("le", x, threshold), c.real(0.0), c.real(grad))


def _decay(c: Context, x: View) -> View:
    """``exp(-|x|)``, on which the logistic family is built, so that its members share it."""
    return c.kept(c.map("exp", c.map("neg", c.map("abs", x))))


@row("sigmoid")
def _sigmoid(c: Context, x: View) -> View:
    decay = _decay(c, x)
    top = c.graph.map("select", c.map("lt", x, 0.0), decay, c.real(1.0))
    return c.map("div", top, c.map("add", 1.0, decay))


@row("softplus")
def _softplus(c: Context, x: View, beta: Any = 1, threshold: Any = 20) -> View:
    scaled = c.map("mul", x, beta)
    curve = c.map("add", c.map("maximum", scaled, 0.0), c.map("log1p", _decay(c, scaled)))
    soft = c.map("div", curve, beta)
    return c.graph.map("select", c.map("gt", scaled, threshold), c.real(x), soft)


@row("softplus_backward")
def _softplus_backward(c: Context, grad: View, x: View, beta: Any, threshold: Any) -> View:
    scaled = c.map("mul", x, beta)
    slope = c.map("mul", grad, _sigmoid(c, scaled))
    return c.graph.map("select", c.map("gt", scaled, threshold), c.real(grad), slope)


@row("log_sigmoid_forward")
def _log_sigmoid(c: Context, x: View) -> tuple[View, None]:
    return c.map("sub", c.map("minimum", x, 0.0), c.map("log1p", _decay(c, x))), None


@row("log_sigmoid_backward")
def _log_sigmoid_backward(c: Context, grad: View, x: View, _: Any) -> View:
    return c.map("mul", grad, _sigmoid(c, c.map("neg", x)))
