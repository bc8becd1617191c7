"""Reference pages of the distributions, from their docstrings and from what they answer."""

from __future__ import annotations

import contextlib
import doctest
import inspect
import io
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
import torch.distributions as td

import pyro
import pyro.distributions as dist
from pyro import poutine
from pyro.distributions import constraints
from pyro.first_use import snake_case
from tools import docstrings
from tools.docstrings import display, inline, paragraph, table
from tools.reference_constraints import is_square, named

STRUCTURE = {
    "ComposeTransformModule",
    "ConditionalDistribution",
    "ConditionalTransform",
    "ConditionalTransformModule",
    "ConditionalTransformedDistribution",
    "Distribution",
    "ExpandedDistribution",
    "ExponentialFamily",
    "Independent",
    "MaskedDistribution",
    "ScoreParts",
    "TorchDistribution",
    "TorchDistributionMixin",
    "TransformModule",
}
"""Names that are no families: bases, wrappers and records."""

KINDS = (
    "The real line",
    "Positive numbers and half lines",
    "Intervals",
    "Angles and directions",
    "Counts, categories and other integers",
    "Vectors of counts and categories",
    "Real vectors and simplices",
    "Matrices",
    "Made of other distributions",
    "Time series and fields",
    "Points, samples and factors",
    "Bases and wrappers",
)
_SPECIAL = {
    "Points, samples and factors": "Delta Empirical ImproperUniform Unit",
    "Time series and fields": """AutoRegressive CAR DiscreteHMM GammaGaussianHMM GaussianHMM
        GaussianMRF GaussianProcess GaussianRandomWalk ICAR IndependentHMM LinearHMM""",
    "Angles and directions": "ProjectedNormal SineBivariateVonMises SineSkewed VonMises VonMises3D",
}
_MOMENTS = ("mean", "mode", "variance")
_SHAPES = ("`batch_shape`", "`batch_shape + (n,)`", "`batch_shape + (n, n)`")
_EVENTS = ("a number", "a vector", "a matrix")


@dataclass
class Family:
    """A class with what its docstring and its example tell."""

    name: str
    cls: type[Any]
    doc: docstrings.Docstring
    made: list[Any] = field(default_factory=list)
    arguments: list[Any] = field(default_factory=list)

    @property
    def page(self) -> str:
        """The file of its page."""
        return f"{snake_case(self.name)}.md"

    @property
    def structural(self) -> bool:
        """Whether it is a base or a wrapper."""
        return self.name in STRUCTURE

    @property
    def one(self) -> Any:
        """An instance, that of the example."""
        return self.made[0]


def families() -> list[Family]:
    """All classes that the package exports, with the instances that their examples make."""
    found = []
    for name in sorted(dist.__all__):
        cls = getattr(dist, name)
        if inspect.isclass(cls) and (name in STRUCTURE or issubclass(cls, dist.Distribution)):
            family = Family(name, cls, docstrings.parse(cls.__doc__ or ""))
            if not family.structural:
                _run_example(family)
            found.append(family)
    return found


class _Recorder:
    """The package, as the example of one family sees it: makers of that family are noted."""

    def __init__(self, family: Family) -> None:
        self._family = family

    def __getattr__(self, name: str) -> Any:
        return self._make if name == self._family.name else getattr(dist, name)

    def _make(self, *args: Any, **kwargs: Any) -> Any:
        made = self._family.cls(*args, **kwargs)
        self._family.made.append(made)
        self._family.arguments += [*args, *kwargs.values()]
        return made


def _run_example(family: Family) -> None:
    """Run the example of a docstring; a failure of its own is a test's to find."""
    recorder = _Recorder(family)
    scope = {
        "constraints": constraints,
        "dist": recorder,
        "poutine": poutine,
        "pyro": pyro,
        "torch": torch,
        family.name: recorder._make,
    }
    pyro.set_rng_seed(0)
    for example in doctest.DocTestParser().get_examples(family.doc.example + "\n"):
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(example.source, family.name, "single"), scope)  # noqa: S102
    if not family.made:
        raise SystemExit(f"the example of {family.name} makes no `dist.{family.name}(...)`")


def kind(family: Family) -> str:
    """The heading of the index below which a family stands."""
    if family.structural:
        return KINDS[-1]
    for heading, names in _SPECIAL.items():
        if family.name in names.split():
            return heading
    if any(map(_holds_distribution, family.arguments)):
        return "Made of other distributions"
    d = family.one
    if d.support.is_discrete:
        return KINDS[5] if d.event_dim else KINDS[4]
    return ("", KINDS[6], KINDS[7])[min(d.event_dim, 2)] or _kind_of_interval(d.support)


def _holds_distribution(argument: Any) -> bool:
    if isinstance(argument, (list, tuple)):
        return any(map(_holds_distribution, argument))
    return isinstance(argument, td.Distribution)


def _kind_of_interval(support: Any) -> str:
    low, high = (hasattr(support, f"{side}_bound") for side in ("lower", "upper"))
    return KINDS[2] if low and high else KINDS[1] if low or high else KINDS[0]


def page(family: Family, link: docstrings.Link) -> str:
    """The Markdown page of one family."""
    doc = family.doc
    parts = [f"# {family.name}", f"```text\n{signature(family)}\n```"]
    if doc.formula:
        parts.append(display(doc.formula))
    parts += [paragraph(text, link) for text in doc.text]
    if doc.parameters:
        parts += ["## Parameters", _parameters(family, link)]
    parts += [f"Raises `{name}` {inline(meaning, link)}" for name, meaning in doc.raises]
    if not family.structural:
        parts += ["## Values and methods", _answers(family)]
    if doc.source:
        parts += ["## Source", *(inline(source, link) for source in doc.source)]
    if doc.example:
        parts += ["## Example", f"```pycon\n{doc.example}\n```"]
    return "\n\n".join(parts) + "\n"


def signature(family: Family) -> str:
    """How the constructor is called."""
    parameters = inspect.signature(family.cls).parameters.values()
    shown = ", ".join(str(p.replace(annotation=inspect.Parameter.empty)) for p in parameters)
    return f"pyro.distributions.{family.name}({shown})"


def _parameters(family: Family, link: docstrings.Link) -> str:
    known = {} if family.structural else _constraints_of(family)
    rows = []
    for name, meaning in family.doc.parameters.items():
        constraint = known.get(name)
        support = shape = ""
        if constraint is not None and not constraints.is_dependent(constraint):
            stated = re.search(r"shape \(|shapes \(", meaning)  # by words, not by the constraint
            support, shape = named(constraint), "as stated" if stated else _shape(constraint)
        rows.append((f"`{name}`", support, shape, inline(meaning, link)))
    header = ("name", "support", "shape", "meaning")
    if not any(row[1] for row in rows):
        return table(header[:1] + header[3:], [row[:1] + row[3:] for row in rows])
    return table(header, rows)


def _shape(constraint: Any) -> str:
    if constraint.event_dim == 2 and not is_square(constraint):
        return "`batch_shape + (m, n)`"
    return _SHAPES[min(constraint.event_dim, 2)]


def _constraints_of(family: Family) -> dict[str, Any]:
    return dict(family.one.arg_constraints)


def _answers(family: Family) -> str:
    d = family.one
    event = "a value of any shape" if family.name == "Delta" else _EVENTS[min(d.event_dim, 2)]
    own = inspect.getattr_static(family.cls, "support")
    values = named(d.support)
    if isinstance(own, property) and own.__doc__:
        values = inline(own.__doc__.split("\n")[0]).rstrip(".")
        values = values[0].lower() + values[1:]
    draws = "differentiable (`rsample`)" if d.has_rsample else "not differentiable"
    if not _answered(d.sample):
        draws = "none, or not without further arguments"
    return table(
        ("", ""),
        [
            ("values", values),
            ("one event", event),
            ("draws", draws),
            ("also", ", ".join(f"`{name}`" for name in _extras(d)) or "none"),
        ],
    )


def _extras(d: Any) -> list[str]:
    """The methods, beyond drawing and scoring, that the instance of the example answers."""
    found = [name for name in _MOMENTS if _answered(partial(getattr, d, name))]
    if _answered(d.sample):
        x = d.sample()
        found += ["cdf"] * _answered(lambda: d.cdf(x))
        found += ["icdf"] * _answered(lambda: d.icdf(torch.full(d.batch_shape, 0.3)))
    found += ["entropy"] * _answered(d.entropy)
    found += ["enumerate_support"] * bool(d.has_enumerate_support)
    found += ["kl_divergence"] * _answered(lambda: dist.kl_divergence(d, d))
    found += ["conjugate_update"] * _answered(lambda: d.conjugate_update(d))
    return found


def _answered(question: Callable[[], Any]) -> bool:
    """Whether there is an answer that is not nan."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            answer = question()
        except (NotImplementedError, AttributeError, ValueError):
            return False
    return not (isinstance(answer, torch.Tensor) and bool(answer.isnan().all()) and answer.numel())
