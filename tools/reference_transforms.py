"""Reference pages of the transforms: torch's, ours, and the flows."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import pyro.distributions.transforms as all_transforms
from tools import docstrings
from tools.docstrings import Link, display, inline, paragraph, table

TORCH = {
    "AbsTransform": r""":math:`y = |x|`

        Not injective: the inverse takes the positive value, and there is no log-determinant.""",
    "AffineTransform": r""":math:`y = a + b x`

        The inverse is :math:`(y - a) / b`, :math:`\log|\det J| = \log|b|` for each entry.

        :param loc: :math:`a`, real.
        :param scale: :math:`b`, not zero.
        :param event_dim: How many rightmost dimensions are one event.""",
    "CatTransform": r""":math:`y = (T_1(x_1), \dots, T_n(x_n))`

        Transforms the parts of a tensor along a dimension; the inverse and the log-determinant are
        those of the parts.

        :param tseq: The transforms.
        :param dim: The dimension.
        :param lengths: The length of each part; default 1.""",
    "ComposeTransform": r""":math:`y = T_n(\cdots T_1(x))`

        The inverses are applied from last to first, and the log-determinants add up.

        :param parts: The transforms, from first to last.""",
    "CorrCholeskyTransform": r""":math:`L_{ij} = \tanh(x_{ij}) \sqrt{1 - \sum_{k<j} L_{ik}^2}`

        Real vectors of length :math:`n(n-1)/2`, written row by row below the diagonal, to Cholesky
        factors of correlation matrices. The inverse is :math:`x = \mathrm{artanh}` of the partial
        correlations, :math:`\log|\det J|` the sum of the logarithms of the derivatives of the
        entries below the diagonal.""",
    "CumulativeDistributionTransform": r""":math:`y = F(x)`

        The inverse is the quantile function, and :math:`\log|\det J| = \log f(x)`.

        :param distribution: A univariate distribution with ``cdf`` and ``icdf``.""",
    "ExpTransform": r""":math:`y = e^x`

        The inverse is :math:`\log y`, :math:`\log|\det J| = x`.""",
    "IndependentTransform": r""":math:`y = T(x)`

        Declares rightmost dimensions one event: the log-determinant is summed over them, the
        inverse stays.

        :param base_transform: :math:`T`.
        :param reinterpreted_batch_ndims: How many dimensions.""",
    "LowerCholeskyTransform": r""":math:`L_{ii} = e^{x_{ii}},\quad L_{ij} = x_{ij}\ (j < i)`

        Real matrices to lower triangular ones with a positive diagonal. Not injective: what stands
        above the diagonal is dropped, so there is no log-determinant; the inverse takes logarithms
        on the diagonal.""",
    "PositiveDefiniteTransform": r""":math:`Y = L L^\top,\quad L_{ii} = e^{x_{ii}}`

        Real matrices to positive definite ones, by a Cholesky factor. Not injective, and without a
        log-determinant; the inverse factorises.""",
    "PowerTransform": r""":math:`y = x^a, \qquad x > 0`

        The inverse is :math:`y^{1/a}`, :math:`\log|\det J| = \log|a y / x|`.

        :param exponent: :math:`a`, not zero.""",
    "ReshapeTransform": r""":math:`y = \mathrm{reshape}(x)`

        Changes the shape of an event; the inverse changes it back, the log-determinant is zero.

        :param in_shape: The shape of an event of :math:`x`.
        :param out_shape: The shape of an event of :math:`y`, of as many entries.""",
    "SigmoidTransform": r""":math:`y = \frac{1}{1 + e^{-x}}`

        The inverse is :math:`\log y - \log(1 - y)`,
        :math:`\log|\det J| = -\log(1 + e^x) - \log(1 + e^{-x})`.""",
    "SoftmaxTransform": r""":math:`y_i = \frac{e^{x_i}}{\sum_j e^{x_j}}`

        Not injective, hence without a log-determinant; the inverse gives :math:`\log y`. Fit for
        optimisation, as it treats all entries alike.""",
    "StackTransform": r""":math:`y = (T_1(x_1), \dots, T_n(x_n))`

        Transforms the slices of a tensor along a dimension; the inverse and the log-determinant are
        those of the slices.

        :param tseq: The transforms.
        :param dim: The dimension.""",
    "StickBreakingTransform": r""":math:`y_i = z_i \prod_{j<i} (1 - z_j),\quad
        z_i = \sigma(x_i - \log(n - i))`

        Real vectors of length :math:`n - 1` to the simplex of :math:`n` entries: each takes a part
        of what the earlier ones have left. The inverse is in closed form;
        :math:`\log|\det J| = \sum_i (\log y_i + \log(1 - z_i))`.""",
    "TanhTransform": r""":math:`y = \tanh x`

        The inverse is :math:`\mathrm{artanh}\, y`,
        :math:`\log|\det J| = 2 (\log 2 - x - \log(1 + e^{-2x}))`.""",
    "Transform": r""":math:`y = T(x)`

        The base of all transforms. A subclass gives ``domain``, ``codomain``, ``bijective``,
        ``_call``, ``_inverse`` and, as log-determinant, ``log_abs_det_jacobian``.""",
}
"""What torch's own transforms do, in the words of this reference."""

_PAGES = {
    "transforms.md": """\
# Transforms

`pyro.distributions.transforms`, except the [flows](flows.md): maps between
[constraints](constraints.md), which [`TransformedDistribution`](transformed_distribution.md)
takes. For a transform `t`, `t(x)` is $`y`$, `t.inv(y)` is $`x`$ and `t.log_abs_det_jacobian(x, y)`
is the logarithm of $`|\\det J|`$, $`J = \\partial y / \\partial x`$. All take a `cache_size`, 0 or
1: whether the last pair is remembered, so that the inverse of a value just made costs nothing.""",
    "flows.md": """\
# Flows

Transforms with learnable parameters: modules of `torch.nn`, to be given to `pyro.module` or to an
optimiser. The class takes its networks as arguments; the function in lower case makes them. A
`Conditional` class becomes a flow when `condition(context)` is called. Formula, inverse and
$`\\log|\\det J|`$ of a conditional flow are those of the flow that it becomes.""",
}


def classes(flows: bool) -> Iterator[tuple[str, Any]]:
    """Names and classes, of the flows or of the other transforms."""
    for name in all_transforms.__all__:
        found = getattr(all_transforms, name)
        if inspect.isclass(found) and (".flows" in found.__module__) is flows:
            yield name, found


def documented(name: str, cls: Any) -> docstrings.Docstring:
    """The parts of the docstring of a transform."""
    return docstrings.parse(TORCH.get(name) or cls.__doc__ or "")


def pages(link: Link) -> dict[str, str]:
    """Both pages."""
    return {
        name: "\n\n".join([text, *_sections(name == "flows.md", link)]) + "\n"
        for name, text in _PAGES.items()
    }


def _sections(flows: bool, link: Link) -> Iterator[str]:
    made = dict(_constructors()) if flows else {}
    for name, cls in classes(flows):
        doc = documented(name, cls)
        yield f"## {name}"
        yield f"```text\n{_signatures(name, cls, made.get(name))}\n```"
        if doc.formula:
            yield display(doc.formula)
        yield from (paragraph(text, link) for text in doc.text)
        if doc.parameters:
            rows = [(f"`{key}`", inline(value, link)) for key, value in doc.parameters.items()]
            yield table(("name", "meaning"), rows)
        if doc.source:
            yield f"Source: {' '.join(inline(s, link) for s in doc.source)}"
        if doc.example:
            yield f"```pycon\n{doc.example}\n```"


def _constructors() -> Iterator[tuple[str, tuple[str, Any]]]:
    """For each class of flows the function that makes it with its networks."""
    for name in all_transforms.__all__:
        function = getattr(all_transforms, name)
        if inspect.isfunction(function) and ".flows" in function.__module__:
            of = docstrings.parse(function.__doc__ or "").text[0]
            yield of.split("`")[1], (name, function)


def _signatures(name: str, cls: Any, maker: tuple[str, Any] | None) -> str:
    lines = [f"pyro.distributions.transforms.{name}{_arguments(cls)}"]
    if maker is not None:
        lines.append(f"pyro.distributions.transforms.{maker[0]}{_arguments(maker[1])}")
    return "\n".join(lines)


def _arguments(callable_: Any) -> str:
    empty = inspect.Parameter.empty
    parameters = inspect.signature(callable_).parameters.values()
    return f"({', '.join(str(p.replace(annotation=empty)) for p in parameters)})"
