"""The reference page of the constraints, and how a constraint is called in other pages."""

from __future__ import annotations

import inspect
from typing import Any

import torch

import pyro.distributions as dist
from pyro.distributions import constraints
from tools.docstrings import inline, table

SETS = {
    "boolean": r":math:`\{0, 1\}`",
    "cat": "Tensors in parts along a dimension, each part with a constraint of its own",
    "circular": r"Angles, :math:`[-\pi, \pi]`",
    "corr_cholesky": r"Lower triangular :math:`L` of positive diagonal and rows of length one: "
    "factors of correlation matrices",
    "corr_matrix": "Positive definite matrices with a unit diagonal",
    "dependent": "Depends on other variables; cannot be checked by itself",
    "greater_than": r":math:`x > a`",
    "greater_than_eq": r":math:`x \ge a`",
    "half_open_interval": r":math:`a \le x < b`",
    "independent": "A constraint whose rightmost dimensions hold or fail together",
    "integer": r":math:`\mathbb Z`",
    "integer_interval": r":math:`\{a, \dots, b\}`",
    "interval": r":math:`a \le x \le b`",
    "less_than": r":math:`x < b`",
    "lower_cholesky": "Lower triangular matrices with a positive diagonal",
    "lower_triangular": "Lower triangular matrices",
    "multinomial": "Vectors of counts with a given sum at most",
    "nonnegative": r":math:`x \ge 0`",
    "nonnegative_integer": r":math:`\{0, 1, \dots\}`",
    "one_hot": "Vectors with one entry 1 and the others 0",
    "ordered_vector": r":math:`x_1 < x_2 < \dots < x_n`",
    "positive": r":math:`x > 0`",
    "positive_definite": "Symmetric matrices with positive eigenvalues",
    "positive_integer": r":math:`\{1, 2, \dots\}`",
    "positive_ordered_vector": r":math:`0 < x_1 < x_2 < \dots < x_n`",
    "positive_semidefinite": "Symmetric matrices without negative eigenvalues",
    "real": r":math:`\mathbb R`",
    "real_vector": r":math:`\mathbb R^n`",
    "simplex": r":math:`x_i \ge 0,\ \sum_i x_i = 1`",
    "softplus_lower_cholesky": "As ``lower_cholesky``, the diagonal reached by softplus",
    "softplus_positive": "As ``positive``, reached by softplus",
    "sphere": r":math:`\lVert x \rVert_2 = 1`",
    "square": "Square matrices",
    "stack": "Tensors in slices along a dimension, each slice with a constraint of its own",
    "sum_to_zero": r":math:`\sum_i x_i = 0`",
    "sum_to_zero_within": r"Real vectors of which each group of entries sums to zero; entries of "
    "group -1 are free",
    "symmetric": "Symmetric matrices",
    "unit_interval": r":math:`0 \le x \le 1`",
    "unit_lower_cholesky": "Lower triangular matrices with a unit diagonal",
}
"""The set that each constraint describes."""

_EXAMPLES: dict[str, Any] = {
    "greater_than": lambda c: c(1.0),
    "greater_than_eq": lambda c: c(1.0),
    "half_open_interval": lambda c: c(0.0, 2.0),
    "integer_interval": lambda c: c(0, 2),
    "interval": lambda c: c(0.0, 2.0),
    "less_than": lambda c: c(1.0),
}
_INTRODUCTION = """\
# Constraints

`pyro.distributions.constraints` names the sets that values and parameters lie in. `c.check(x)`
tells which entries of `x` lie in the set; `transform_to(c)` maps unconstrained tensors onto it, for
optimisation; `biject_to(c)` does so one to one, with a log-determinant, for changes of variables. A
name with parentheses takes the bounds or parts as arguments."""


def named(constraint: Any) -> str:
    """A constraint in words, linked to the page of constraints if it has a name there."""
    for name in SETS:
        if getattr(constraints, name) is constraint:
            return _link(name)
    if isinstance(constraint, type(constraints.independent(constraints.real, 1))):
        base, dims = constraint.base_constraint, constraint.reinterpreted_batch_ndims
        return f"{named(base)}, {dims} dimension{'s' * (dims > 1)} together"
    for name in SETS:
        if repr(getattr(constraints, name)) == repr(constraint):
            return _link(name)
    for name in _EXAMPLES:
        if isinstance(constraint, getattr(constraints, name)):
            return f"{_link(name)}{_bounds(constraint)}"
    for name in SETS:
        own = getattr(constraints, name)
        if isinstance(constraint, own if inspect.isclass(own) else type(own)):
            return _link(name)
    return inline((inspect.getdoc(constraint) or repr(constraint)).split("\n\n")[0]).rstrip(".")


def is_square(constraint: Any) -> bool:
    """Whether a set of matrices holds square ones only."""
    return not isinstance(constraint, type(constraints.independent(constraints.real, 2)))


def _link(name: str) -> str:
    return f"[{name}](constraints.md)"


def _bounds(constraint: Any) -> str:
    """The bounds, where they are plain numbers of every instance."""
    bounds = [getattr(constraint, f"{side}_bound", None) for side in ("lower", "upper")]
    known = [b for b in bounds if b is not None]
    if any(isinstance(b, torch.Tensor) for b in known):
        return ""
    return f"({', '.join(f'{b:g}' for b in known)})"


def page() -> str:
    """The page of all constraints."""
    rows = []
    for name, meaning in SETS.items():
        own = getattr(constraints, name)
        callable_ = inspect.isclass(own) or inspect.isfunction(own)
        made = _EXAMPLES.get(name, lambda c: c)(own)
        if inspect.isclass(made) or inspect.isfunction(made) or constraints.is_dependent(made):
            made = None
        rows.append(
            (
                f"`{name}{_arguments(own) if callable_ else ''}`",
                inline(meaning),
                "" if made is None else str(made.event_dim),
                "" if made is None else "yes" if made.is_discrete else "no",
                _transform(dist.biject_to, made),
                _transform(dist.transform_to, made),
            )
        )
    header = ("name", "set", "event dims", "discrete", "`biject_to`", "`transform_to`")
    return f"{_INTRODUCTION}\n\n{table(header, rows)}\n"


def _arguments(own: Any) -> str:
    return f"({', '.join(inspect.signature(own).parameters)})"


def _transform(registry: Any, constraint: Any) -> str:
    if constraint is None:
        return ""
    try:
        transform = registry(constraint)
    except NotImplementedError:
        return ""
    return " then ".join(f"`{name}`" for name in _steps(transform)) or "identity"


def _steps(transform: Any) -> list[str]:
    """The transforms that one is made of, in their order."""
    if isinstance(transform, dist.transforms.ComposeTransform):
        return [name for part in transform.parts for name in _steps(part)]
    if isinstance(transform, dist.transforms.IndependentTransform):
        return _steps(transform.base_transform)
    name = type(transform).__name__.lstrip("_")
    return [name if name != "InverseTransform" else f"{_steps(transform.inv)[0]}.inv"]
