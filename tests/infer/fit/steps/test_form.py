"""Arguments of single steps: by position, by name, and within tuples, lists and dicts."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro import optim, settings
from pyro.compile.draws import Counted, make_key
from pyro.infer import SVI, JitTrace_ELBO, ReweightedWakeSleep
from pyro.infer.fit.loops.stepper import Stepper
from pyro.rng import new_seed
from tests.infer.fit.loops.test_stepper import X, adam, double, guide, model, state

__all__ = ["double"]  # a fixture


def nested(data: dict[str, Any], sd: float = 1.0) -> None:
    model(data["x"] + data["more"][0], sd)


def nested_guide(data: dict[str, Any], sd: float = 1.0) -> None:
    guide(data["x"], sd)


@pytest.mark.parametrize(
    ("p", "q", "arguments"),
    [
        (model, guide, lambda x: ((x,), {"sd": 2.0})),
        (model, guide, lambda x: ((), {"sd": 2.0, "x": x})),
        (nested, nested_guide, lambda x: (({"x": x, "more": (x / 3, "note")},), {})),
        (nested, nested_guide, lambda x: ((), {"data": {"x": x, "more": [x / 3]}, "sd": 2.0})),
    ],
    ids=["by name", "all by name", "nested", "nested, by name"],
)
def test_arguments_by_name_and_in_dicts_take_the_short_way(
    p: Any, q: Any, arguments: Callable[[Tensor], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    slow: list[Any] = []
    slowly = Stepper._slowly
    monkeypatch.setattr(
        Stepper, "_slowly", lambda self, *given: slow.append(given) or slowly(self, *given)
    )
    data = [arguments(X + k / 10) for k in range(20)]
    found = []
    for compiled in (True, False):
        pyro.clear_param_store()
        pyro.set_rng_seed(3)
        svi = SVI(p, q, adam(), JitTrace_ELBO())
        with settings.context(compile_enabled=compiled):
            losses = [svi.step(*data[0][0], **data[0][1])]
            for args, kwargs in data[1:]:
                with nullcontext() if compiled else Counted(make_key(new_seed())):
                    losses.append(svi.step(*args, **kwargs))
        found.append((torch.tensor(losses), *state(svi)))
        assert svi.engine.compiled_steps == 17 * compiled
    assert len(slow) == 4  # the first of them in torch, and the first in machine code
    torch.testing.assert_close(found[0], found[1], rtol=1e-8, atol=1e-8)


def test_losses_in_pairs_of_an_objective_that_is_given_its_data_in_a_dict() -> None:
    def seen(observations: dict[str, Tensor]) -> None:
        model(observations["x"])

    def guess(observations: dict[str, Tensor]) -> None:
        loc = pyro.param("loc", torch.tensor(0.1)) * observations["x"].mean(-1, keepdim=True)
        pyro.sample("z", dist.Normal(loc.squeeze(-1), 1.0))

    def losses(compiled: bool) -> list[Any]:
        pyro.clear_param_store()
        pyro.set_rng_seed(3)
        wake = ReweightedWakeSleep(3, 0.5, vectorize_particles=False)
        svi, found = SVI(seen, guess, adam(), wake), []
        with settings.context(compile_enabled=compiled, svi_compile_after=0):
            for k in range(25):
                plain = compiled or k < 6  # the first ones have the noise of torch
                with nullcontext() if plain else Counted(make_key(new_seed())):
                    found.append(svi.step(observations={"x": X + k / 10}))
        assert (svi.engine.compiled_steps > 14) == compiled
        return found

    found = losses(True)
    assert all(isinstance(loss, tuple) and len(loss) == 2 for loss in found)
    torch.testing.assert_close(
        torch.tensor(found), torch.tensor(losses(False)), rtol=1e-8, atol=1e-8
    )


def test_other_names_or_values_are_other_arguments() -> None:
    svi = SVI(model, guide, optim.SGD({"lr": 0.0}), JitTrace_ELBO())
    for _ in range(10):
        svi.step(x=X, sd=2.0)
    for sd in (1.0, 3.0, 2.0):
        pyro.set_rng_seed(5)
        found = svi.step(sd=sd, x=X)
        pyro.set_rng_seed(5)
        with settings.context(compile_enabled=False), Counted(make_key(new_seed())):
            assert svi.step(X, sd) == pytest.approx(found, rel=1e-6)
