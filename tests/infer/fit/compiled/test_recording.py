"""Steps that are recorded before torch makes them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import _get_current_dispatch_mode_stack

import pyro
import pyro.distributions as dist
from pyro import optim
from pyro.compile.capture import Recorder
from pyro.infer import SVI, Trace_ELBO
from pyro.infer.fit import SVIResult
from pyro.rng import new_seed


def recorded() -> bool:
    return any(isinstance(mode, Recorder) for mode in _get_current_dispatch_mode_stack())


def fitted(model: object, guide: object, rate: float = 0.01) -> SVIResult:
    pyro.clear_param_store()
    pyro.set_rng_seed(0)
    svi = SVI(model, guide, optim.SGD({"lr": rate}), Trace_ELBO())
    return svi.run(20, progress=False, compile=True)


def test_torch_makes_the_second_step_after_it_is_recorded() -> None:
    seen: list[bool] = []

    def model() -> None:
        seen.append(recorded())
        pyro.sample("z", dist.Normal(0.0, 1.0))

    def guide() -> None:
        pyro.sample("z", dist.Normal(pyro.param("loc", torch.tensor(3.0)), 1.0))

    result = fitted(model, guide)
    assert seen == [False, True, False, False]
    assert result.compiled_steps == 17 and result.why_not_compiled is None


def test_a_step_that_fails_is_made_once() -> None:
    """The error is that of the step, and there is no code of it."""
    count = 0

    def model() -> None:
        nonlocal count
        if not recorded():
            count += 1
            if count == 2:
                raise ValueError("the second step")
        pyro.sample("z", dist.Normal(0.0, 1.0))

    def guide() -> None:
        pyro.sample("z", dist.Normal(pyro.param("loc", torch.tensor(3.0)), 1.0))

    with pytest.raises(ValueError, match="the second step"):
        fitted(model, guide)
    assert count == 2


def test_parameters_of_later_steps_begin_as_in_torch() -> None:
    made: list[Tensor] = []
    count = 0

    def begin() -> Tensor:
        made.append(torch.randn(()))
        return made[-1].clone()

    def model() -> None:
        pyro.sample("z", dist.Normal(0.0, 1.0))

    def guide() -> None:
        nonlocal count
        count += 1
        loc = pyro.param("loc", torch.tensor(3.0))
        shift = pyro.param("shift", begin) if count > 1 else 0.0
        pyro.sample("z", dist.Normal(loc + shift, 1.0))

    result = fitted(model, guide, rate=1e-12)
    assert len(made) == 2 and made[0] != made[1]  # while it was recorded, and by torch
    torch.testing.assert_close(pyro.param("shift").detach(), made[1])
    assert result.compiled_steps > 10 and result.why_not_compiled is None


def test_a_parameter_of_the_first_step_alone_is_left_out() -> None:
    count = 0

    def model() -> None:
        pyro.sample("z", dist.Normal(0.0, 1.0))

    def guide() -> None:
        nonlocal count
        count += 1
        loc = pyro.param("loc", torch.tensor(3.0))
        shift = pyro.param("shift", torch.tensor(1.0)) if count == 1 else 0.0
        pyro.sample("z", dist.Normal(loc + shift, 1.0))

    result = fitted(model, guide)
    assert result.compiled_steps == 17 and result.why_not_compiled is None


def test_recording_does_not_move_the_generator() -> None:
    """What torch alone can draw in the second step follows what it drew in the first."""
    drawn: list[Tensor] = []

    def model() -> None:
        pyro.sample("z", dist.Gamma(2.0, 1.0))

    def guide() -> None:
        z = pyro.sample("z", dist.Gamma(pyro.param("a", torch.tensor(2.0)), 1.0))
        if not recorded():
            drawn.append(z.detach().clone())

    def begin() -> SVI:
        pyro.clear_param_store()
        pyro.set_rng_seed(0)
        return SVI(model, guide, optim.SGD({"lr": 1e-9}), Trace_ELBO())

    svi = begin()
    svi.step()
    new_seed()  # of the noise of steps in machine code
    svi.step()
    begin().run(3, progress=False, compile=True)
    torch.testing.assert_close(torch.stack(drawn[2:4]), torch.stack(drawn[:2]))
    assert drawn[4] not in drawn[:4]
