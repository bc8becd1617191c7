"""Bad input: each mistake has an error that names the culprit and says what to do."""

from pathlib import Path

import pytest
import torch

import pyro
import pyro.distributions as dist
from pyro import poutine
from pyro.distributions import constraints
from pyro.errors import (
    CheckpointError,
    DuplicateSiteError,
    ParamConstraintError,
    ParamNotFoundError,
    PyroError,
    ShapeError,
)
from pyro.infer import SVI, Trace_ELBO
from pyro.optim import Adam


def message(error: pytest.ExceptionInfo[BaseException]) -> str:
    """What a user reads: the message and the notes under it."""
    return "\n".join([str(error.value), *getattr(error.value, "__notes__", [])])


def step(model, guide) -> float:
    return SVI(model, guide, Adam({"lr": 0.01}), Trace_ELBO()).step()


def test_duplicate_site_names() -> None:
    def model():
        for _ in range(2):
            pyro.sample("z", dist.Normal(0.0, 1.0))

    with pytest.raises(DuplicateSiteError, match="Multiple sample sites named 'z'") as error:
        poutine.trace(model).get_trace()
    assert isinstance(error.value, RuntimeError)
    assert 'f"z_{i}"' in message(error)

    def clash():
        pyro.param("z", torch.zeros(()))
        pyro.sample("z", dist.Normal(0.0, 1.0))

    with pytest.raises(DuplicateSiteError, match="z is already in the trace as a param"):
        poutine.trace(clash).get_trace()


def test_wrong_shape_in_a_plate() -> None:
    def model():
        pyro.sample("fine", dist.Normal(torch.zeros(2), 1.0).to_event(1))
        with pyro.plate("outer", 4, dim=-2), pyro.plate("data", 5, dim=-1):
            pyro.sample("x", dist.Normal(torch.zeros(3), 1.0))

    with pytest.raises(ShapeError, match=r"plate\('data'\) at site x dim -1, 3 vs 5") as error:
        poutine.trace(model).get_trace()
    text = message(error)
    assert "Trace Shapes:" in text and "fine" in text  # what went well
    assert "(failing here) x" in text and ".to_event(" in text
    assert 'pyro.sample("x"' in text and "test_bad_input.py" in text


def test_wrong_shape_of_an_observation() -> None:
    def model():
        mu = pyro.sample("mu", dist.Normal(0.0, 1.0))
        with pyro.plate("data", 5):
            pyro.sample("x", dist.Normal(mu, 1.0), obs=torch.zeros(4))

    with pytest.raises(ValueError, match="site 'x'") as error:
        poutine.trace(model).get_trace().log_prob_sum()
    assert "Trace Shapes:" in message(error)


def test_site_that_is_not_a_batch_of_its_plates() -> None:
    def model():
        with pyro.plate("data", 5):
            pyro.sample("x", dist.Normal(torch.zeros(3, 1), 1.0), obs=torch.zeros(3, 5))

    with pytest.raises(ShapeError, match="invalid log_prob shape") as error:
        step(model, lambda: None)
    text = message(error)
    assert '"x"' in text and "[5]" in text and "[3, 5]" in text and ".to_event" in text


def test_plate_dim_used_twice() -> None:
    def model():
        with pyro.plate("a", 2, dim=-1), pyro.plate("b", 3, dim=-1):
            pass

    with pytest.raises(ShapeError, match="'b' and plate 'a'") as error:
        model()
    assert "dim=-2" in message(error)
    assert poutine.runtime.get_plates() == ()


class Broken(dist.Normal):
    """A normal distribution whose density is wrong beyond 1."""

    bad = float("nan")

    def log_prob(self, value):
        return torch.where(value > 1, torch.tensor(self.bad), super().log_prob(value))


@pytest.mark.parametrize(("bad", "kind"), [(float("nan"), "NaN"), (float("inf"), r"\+inf")])
def test_non_finite_log_probability(bad: float, kind: str, monkeypatch) -> None:
    monkeypatch.setattr(Broken, "bad", bad)

    def model():
        pyro.sample("fine", dist.Normal(0.0, 1.0), obs=torch.tensor(0.0))
        with pyro.plate("data", 3):
            pyro.sample("x", Broken(0.0, 1.0), obs=torch.tensor([0.0, 2.5, 0.0]))

    trace = poutine.trace(model).get_trace()
    with pytest.warns(UserWarning, match=f"Encountered {kind}: log_prob_sum at site 'x'") as found:
        trace.log_prob_sum()
    assert "1 of 3 elements" in str(found[0].message) and "2.5" in str(found[0].message)
    with pytest.warns(UserWarning, match="'x'"):
        step(model, lambda: None)


def test_minus_infinity_is_a_legal_answer() -> None:
    def model():
        pyro.sample("x", dist.Delta(torch.tensor(0.0)), obs=torch.tensor(1.0))

    assert poutine.trace(model).get_trace().log_prob_sum() == float("-inf")


def test_guide_lacks_a_site() -> None:
    def model():
        pyro.sample("found", dist.Normal(0.0, 1.0))
        pyro.sample("lost", dist.Normal(0.0, 1.0))

    def guide():
        pyro.sample("found", dist.Normal(pyro.param("loc", torch.tensor(0.0)), 1.0))

    with pytest.warns(UserWarning, match="in model but not guide: .*lost"):
        step(model, guide)


def test_guide_has_a_site_of_its_own() -> None:
    def guide():
        pyro.sample("surplus", dist.Normal(pyro.param("loc", torch.tensor(0.0)), 1.0))

    with pytest.warns(UserWarning, match="(?s)is_auxiliary.*surplus"):
        step(lambda: None, guide)


def test_invalid_parameter_names_the_site() -> None:
    def model():
        pyro.sample("x", dist.Normal(0.0, torch.tensor([1.0, -2.0])).to_event(1))

    with pytest.raises(ValueError, match="parameter scale") as error:
        poutine.trace(model).get_trace()
    text = message(error)
    assert "-2.0 at index (1,)" in text
    assert 'pyro.sample("x"' in text


def test_invalid_value_names_the_site() -> None:
    def model():
        pyro.sample("rate", dist.Gamma(1.0, 1.0), obs=torch.tensor(-1.0))

    with pytest.raises(ValueError, match="site 'rate'") as error:
        poutine.trace(model).get_trace().log_prob_sum()
    assert "-1.0" in message(error)


def test_unknown_param() -> None:
    pyro.param("scale_loc", torch.zeros(2))
    with pytest.raises(ParamNotFoundError, match="'scale_lok'") as error:
        pyro.param("scale_lok")
    assert isinstance(error.value, KeyError)
    assert "scale_loc" in message(error)  # what there is


def test_initial_value_outside_of_its_constraint() -> None:
    with pytest.raises(ParamConstraintError, match="'scale'") as error:
        pyro.param("scale", torch.tensor([1.0, -0.5]), constraint=constraints.positive)
    assert "-0.5" in message(error)


def test_redeclared_parameter() -> None:
    pyro.param("w", torch.zeros(3))
    with pytest.warns(UserWarning, match="'w'"):
        pyro.param("w", torch.zeros(4))


def test_file_that_is_not_a_param_store(tmp_path: Path) -> None:
    store = pyro.get_param_store()
    text = tmp_path / "notes.txt"
    text.write_text("not tensors")
    with pytest.raises(CheckpointError, match=r"notes\.txt"):
        store.load(text)
    other = tmp_path / "other.pt"
    torch.save({"weights": torch.zeros(3)}, other)
    with pytest.raises(CheckpointError, match=r"other\.pt"):
        store.load(other)


def test_distribution_forgotten() -> None:
    with pytest.raises(PyroError, match="sample site 'x': expected a distribution"):
        pyro.sample("x", torch.zeros(3))


def test_replay_of_an_observed_site() -> None:
    def model():
        return pyro.sample("x", dist.Normal(0.0, 1.0))

    trace = poutine.trace(pyro.condition(model, data={"x": torch.tensor(0.0)})).get_trace()
    with pytest.raises(RuntimeError, match="site x must be sampled in trace"):
        poutine.replay(model, trace=trace)()


def test_handler_given_something_else_than_a_function() -> None:
    with pytest.raises(PyroError, match="keyword"):
        poutine.condition({"x": torch.tensor(0.0)})


def test_not_a_pyro_optimiser() -> None:
    for given in (torch.nn.Linear, {"lr": 0.1}, lambda params: torch.optim.Adam(params)):
        with pytest.raises(ValueError, match=r"pyro\.optim"):
            SVI(lambda: None, lambda: None, given, Trace_ELBO())  # type: ignore[arg-type]
