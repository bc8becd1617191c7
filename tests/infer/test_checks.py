"""Each message of the validation of models and guides is shown, and silence where all is well."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch

import pyro
import pyro.distributions as dist
from pyro.distributions import constraints
from pyro.errors import DuplicateSiteError, ReplayError, ShapeError, SiteError
from pyro.infer import ELBO, SVI, Trace_ELBO, TraceMeanField_ELBO
from pyro.optim import Adam
from pyro.poutine.indep_messenger import CondIndepStackFrame as Frame
from pyro.util import (
    check_if_enumerated,
    check_model_guide_match,
    check_site_shape,
    check_traces_match,
)

Program = Callable[[], Any]
N = dist.Normal


def site(name: str, *shape: int, event_dim: int = 0, **infer: Any) -> Any:
    return pyro.sample(name, N(torch.zeros(shape), 1.0).to_event(event_dim), infer=infer or None)


def program(*statements: Callable[[], Any]) -> Program:
    def run() -> None:
        for statement in statements:
            statement()

    return run


def plated(name: str, size: int, *statements: Callable[[], Any], dim: int | None = None) -> Program:
    def run() -> None:
        with pyro.plate(name, size, dim=dim):
            program(*statements)()

    return run


def a() -> Any:
    return site("a")


def b() -> Any:
    return site("b")


def observed_b() -> Any:
    return pyro.sample("b", N(0.0, 1.0), obs=torch.tensor(0.0))


def aux_b() -> Any:
    return site("b", is_auxiliary=True)


def nothing() -> None:
    pass


WARNINGS: list[tuple[str, Program, Program, str]] = [
    ("missing in guide", program(a, b), program(a), r"vars in model but not guide: \{'b'\}"),
    ("missing in model", program(a), program(a, b), r"guide but not model, consider(.|\n)*\{'b'\}"),
    ("observed", program(a, observed_b), program(a, b), r"\{'b'\}\nOf these the model observes"),
    ("auxiliary", program(a, aux_b), program(a, aux_b), r"auxiliary vars in the model: \{'b'\}"),
    (
        "plate",
        program(a, b),
        program(a, b, plated("p", 2)),
        r"Found plate statements in guide but not model: \{'p'\}",
    ),
    (
        "enumerate",
        lambda: pyro.sample("z", dist.Bernoulli(0.5)),
        lambda: pyro.sample("z", dist.Bernoulli(0.5), infer={"enumerate": "parallel"}),
        r"configured for enumeration: z\. .*use TraceEnum_ELBO instead",
    ),
    (
        "no plates at all",
        lambda: site("a", 3),
        lambda: site("a", 3),
        r"site 'a' has shape \[3\], but the program has no plates(.|\n)*to_event(.|\n)*pyro\.plate",
    ),
    (
        "infinite",
        program(a, lambda: pyro.factor("f", -math.inf)),
        a,
        r"Encountered infinity: loss.*site 'f' of the model, 1 of 1 .*is -inf at index \(\)",
    ),
]

ERRORS: list[tuple[str, Program, Program, type[Exception], str]] = [
    (
        "event dims",
        program(a, b),
        program(a, lambda: site("b", 2, event_dim=1)),
        ShapeError,
        r"event_dims disagree at site 'b': 0 vs 1\. .*event shape \(2,\)",
    ),
    (
        "shapes",
        plated("p", 3, a),
        program(plated("p", 3), lambda: site("a", 2)),
        ShapeError,
        r"shapes disagree at site 'a': \(3,\) vs \(2,\)",
    ),
    (
        "no plate",
        program(plated("p", 2, b), lambda: site("a", 3)),
        program(plated("p", 2, b), lambda: site("a", 3)),
        ShapeError,
        r'at site "a", invalid log_prob shape\n  Expected \[\], actual \[3\](.|\n)*'
        r"pyro\.plate(.|\n)*to_event(.|\n)*permute",
    ),
    (
        "observed in guide",
        program(a, b),
        program(a, observed_b),
        ReplayError,
        "site b must be sampled in trace",
    ),
    (
        "factor in guide",
        a,
        program(a, lambda: pyro.factor("f", torch.tensor(0.0))),
        SiteError,
        r'pyro\.factor\("f",\.\.\.\), has_rsample must be specified',
    ),
    ("twice", program(a, a), a, DuplicateSiteError, "Multiple sample sites named 'a'"),
    (
        "two plates on a dim",
        plated("p", 2, plated("q", 2, a, dim=-1), dim=-1),
        nothing,
        ShapeError,
        r"plate 'q' and plate 'p' .*dim=-2",
    ),
    (
        "support",
        lambda: pyro.sample("x", N(0.0, 1.0), obs=torch.tensor(math.nan)),
        nothing,
        SiteError,
        r"(?s)log_prob at site 'x'.*nan.*Trace Shapes:",
    ),
]


@pytest.mark.parametrize("objective", [Trace_ELBO, TraceMeanField_ELBO])
@pytest.mark.parametrize(
    ("model", "guide", "text"), [w[1:] for w in WARNINGS], ids=[w[0] for w in WARNINGS]
)
def test_warnings(objective: type[ELBO], model: Program, guide: Program, text: str) -> None:
    with pytest.warns(UserWarning, match=text):
        objective().loss(model, guide)
    with pyro.validation_enabled(False), warnings.catch_warnings():
        warnings.simplefilter("error")
        objective().loss(model, guide)


@pytest.mark.parametrize("objective", [Trace_ELBO, TraceMeanField_ELBO])
@pytest.mark.parametrize(
    ("model", "guide", "kind", "text"), [e[1:] for e in ERRORS], ids=[e[0] for e in ERRORS]
)
def test_errors(
    objective: type[ELBO], model: Program, guide: Program, kind: type[Exception], text: str
) -> None:
    with pytest.raises(kind, match=text):
        objective().loss(model, guide)


def test_undeclared_dims_are_refused_where_dims_have_a_meaning() -> None:
    """Also where the undeclared dim happens to be as large as the number of particles."""
    for nesting in (math.inf, 0, 1):
        for size in (2, 3):
            elbo = Trace_ELBO(num_particles=2, vectorize_particles=True, max_plate_nesting=nesting)
            with pytest.raises(ShapeError, match=r"invalid log_prob shape\n  Expected \[\]"):
                elbo.loss(lambda n=size: site("a", n), lambda n=size: site("a", n))


def test_silence() -> None:
    """Auxiliary guide sites, guide factors that say what they are, plates in both."""
    model = program(a, plated("p", 2, b))
    factor = lambda: pyro.factor("f", torch.tensor(0.5), has_rsample=True)  # noqa: E731
    guide = program(a, lambda: site("extra", is_auxiliary=True), plated("p", 2, b), factor)
    for objective in (Trace_ELBO, TraceMeanField_ELBO):
        objective().loss(model, guide)


def test_different_order_is_warned_about_by_the_mean_field_objective() -> None:
    with pytest.warns(UserWarning, match=r"(?s)mean field.*model \['a', 'b'\], guide \['b', 'a'\]"):
        TraceMeanField_ELBO().loss(program(a, b), program(b, a))
    Trace_ELBO().loss(program(a, b), program(b, a))


P, Q, LOOP = Frame("p", -1, 5, None), Frame("q", -2, 3, None), Frame("l", None, 3, 1)
SHAPES: list[tuple[tuple[int, ...], list[Frame], float, str | None]] = [
    ((), [], math.inf, None),
    ((1,), [], math.inf, None),
    ((5,), [P], math.inf, None),
    ((1, 5), [P], math.inf, None),
    ((3, 5), [Q, P], math.inf, None),
    ((3, 5), [P, Q], math.inf, None),
    ((3, 1), [Q], math.inf, None),
    ((7,), [Frame("u", -1, -1, None)], math.inf, None),
    ((), [LOOP], math.inf, None),
    ((2, 1, 5), [P], 1, None),
    ((2, 1, 5), [P], 2, None),
    ((5,), [], math.inf, r"Expected \[\], actual \[5\]"),
    ((1,), [P], math.inf, r"Expected \[5\], actual \[1\]"),
    ((), [P], math.inf, r"Expected \[5\], actual \[\]"),
    ((3, 5), [P], math.inf, r"Expected \[5\], actual \[3, 5\]\n.*\"p\" of size 5 at dim -1"),
    ((3,), [Q], math.inf, r"Expected \[3, -1\], actual \[3\]"),
    ((3, 5), [Q, P], 1, r'plate stack overflow: plate\("q"\)(.|\n)*at least 2'),
    ((5,), [P, Frame("r", -1, 5, None)], math.inf, r"dim collision(.|\n)*Try setting dim arg"),
]


@pytest.mark.parametrize(("shape", "frames", "nesting", "text"), SHAPES)
def test_site_shape(
    shape: tuple[int, ...], frames: list[Frame], nesting: float, text: str | None
) -> None:
    message: Any = {
        "name": "x",
        "fn": N(0.0, 1.0),
        "log_prob": torch.zeros(shape),
        "cond_indep_stack": tuple(frames),
    }
    if text is None:
        check_site_shape(message, nesting)
    else:
        with pytest.raises(ShapeError, match=text):
            check_site_shape(message, nesting)


def test_plates_beyond_a_given_nesting() -> None:
    deep = plated("p", 2, plated("q", 3, a))
    with pytest.raises(ShapeError, match="increasing max_plate_nesting to at least 2"):
        Trace_ELBO(max_plate_nesting=1).loss(deep, deep)
    with pytest.raises(ShapeError, match="Set max_plate_nesting to at least 2"):
        Trace_ELBO(5, max_plate_nesting=1, vectorize_particles=True).loss(deep, deep)


def test_traces_match() -> None:
    def trace(fn: Program) -> Any:
        return pyro.poutine.trace(fn).get_trace()

    check_traces_match(trace(a), trace(a))
    with pytest.warns(UserWarning, match=r"vars changed: \{'b'\} are gone, \{'a'\} are new"):
        check_traces_match(trace(b), trace(a))
    with pytest.raises(ShapeError, match=r"disagree at site 'a': \(\) vs \(2,\)"):
        check_traces_match(trace(a), trace(lambda: site("a", 2)))
    check_model_guide_match(trace(a), trace(a))
    check_if_enumerated(trace(a))


def test_nan_loss_names_site_and_parameter() -> None:
    def model() -> None:
        z = pyro.sample("z", N(0.0, 1.0, validate_args=False))
        with pyro.plate("data", 3):
            pyro.sample("x", N(z, 1.0, validate_args=False), obs=torch.zeros(3))

    def guide() -> None:
        loc = pyro.param("loc", torch.tensor(0.0))
        scale = pyro.param("scale", torch.tensor(1.0), constraint=constraints.positive)
        pyro.sample("z", dist.Normal(loc, scale, validate_args=False))

    svi = SVI(model, guide, Adam({"lr": 0.1}), Trace_ELBO())
    svi.step()
    with torch.no_grad():
        pyro.get_param_store().unconstrained("scale").fill_(math.nan)
    text = r"(?s)NaN: loss.*site 'z'.*parameters 'scale' are"
    with pytest.warns(UserWarning, match=text):
        svi.evaluate_loss()


def test_a_gradient_that_is_not_finite_names_the_parameter() -> None:
    def guide() -> None:
        fine = pyro.param("fine", torch.tensor(1.0))
        root = pyro.param("root", torch.tensor([4.0, 0.0]))
        site_scale = 1 + (root.sqrt() * torch.tensor([1.0, 0.0])).sum()
        pyro.sample("a", N(fine, site_scale))

    svi = SVI(a, guide, Adam({"lr": 0.0}), Trace_ELBO())
    text = r"NaN: gradient of parameter 'root'; 1 of 2 elements .* at index \(1,\)"
    with pytest.warns(UserWarning, match=text) as caught:
        svi.step()
    assert len(caught) == 1
    with pyro.validation_enabled(False), warnings.catch_warnings():
        warnings.simplefilter("error")
        svi.step()
