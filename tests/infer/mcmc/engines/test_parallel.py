"""Chains in other processes, and on executors."""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro.infer import MCMC, NUTS
from pyro.infer.errors import InferenceError
from tests.infer.mcmc.long_models import DATA, Dying, Failing, Walk, branching, normal

pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # fork, threads


def ran(kernel: Any, *args: Any, draws: int = 30, **options: Any) -> MCMC:
    pyro.set_rng_seed(3)
    settings: dict[str, Any] = {"num_chains": 2, "warmup_steps": 20, "disable_progbar": True}
    mcmc = MCMC(kernel, draws, **(settings | options))
    mcmc.run(*args)
    return mcmc


def grouped(mcmc: MCMC) -> Tensor:
    return next(iter(mcmc.get_samples(group_by_chain=True).values()))


def test_processes_change_no_draw() -> None:
    alone = ran(NUTS(branching))
    parallel = ran(NUTS(branching), chain_method="parallel", mp_context="fork")
    assert parallel.engine.name == "parallel"
    assert torch.equal(grouped(alone), grouped(parallel))
    assert parallel.result.gradients == alone.result.gradients
    parallel.describe()


def test_more_chains_leave_the_first_alone() -> None:
    start = {"x": torch.full((3,), 0.5)}
    two = ran(
        NUTS(branching), chain_method="parallel", mp_context="fork",
        initial_params={"x": torch.full((2,), 0.5)},
    )  # fmt: skip
    three = ran(
        NUTS(branching), chain_method="parallel", mp_context="fork", num_chains=3,
        initial_params=start,
    )  # fmt: skip
    assert torch.equal(grouped(three)[:2], grouped(two))


def test_models_that_compile_use_threads() -> None:
    assert ran(NUTS(normal), DATA, chain_method="parallel").engine.name == "native"


@pytest.mark.slow
def test_spawned_processes() -> None:
    alone = ran(NUTS(branching))
    spawned = ran(NUTS(branching), chain_method="parallel", mp_context="spawn")
    assert torch.equal(grouped(alone), grouped(spawned))


def test_spawn_needs_what_can_be_pickled() -> None:
    def local() -> None:
        if pyro.sample("x", dist.Normal(0.0, 1.0)) > 0:
            pyro.factor("f", torch.tensor(0.0))

    with pytest.raises(InferenceError, match='mp_context="fork"'):
        ran(NUTS(local), chain_method="parallel", mp_context="spawn")


def test_closures_are_forked() -> None:
    seen = torch.tensor(1.0)

    def local() -> None:
        x = pyro.sample("x", dist.Normal(0.0, 1.0))
        if x > 0:
            pyro.factor("f", seen)

    ran(NUTS(local), chain_method="parallel", mp_context="fork")


def test_an_exception_in_a_worker_comes_with_its_traceback() -> None:
    calls = iter(range(10**6))

    def broken() -> None:
        x = pyro.sample("x", dist.Normal(0.0, 1.0))
        if x > -1e9 and next(calls) > 60:
            raise ArithmeticError("sixty is enough")

    with pytest.raises(ArithmeticError, match="sixty") as caught:
        ran(NUTS(broken), chain_method="parallel", mp_context="fork")
    assert "in broken" in str(caught.value.__cause__)


def test_a_killed_worker_costs_no_draw(tmp_path: Path) -> None:
    alone = ran(NUTS(branching))
    once = tmp_path / "once"

    def deadly() -> None:
        x = pyro.sample("x", dist.Normal(0.0, 1.0))
        pyro.sample("y", dist.Normal(x if x > -1e9 else -x, 1.0), obs=torch.tensor(1.0))
        if os.getpid() != parent and x > 1 and not once.exists():
            once.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    parent = os.getpid()
    mcmc = ran(NUTS(deadly), chain_method="parallel", mp_context="fork")
    assert once.exists()
    assert torch.equal(grouped(alone), grouped(mcmc))


def test_ctrl_c_keeps_the_draws_of_workers(tmp_path: Path) -> None:
    def wait() -> None:
        while not list(tmp_path.glob("draws-*")):
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=wait, daemon=True).start()
    mcmc = ran(
        NUTS(branching), draws=10**6, chain_method="parallel", mp_context="fork",
        checkpoint=tmp_path, checkpoint_every=20,
    )  # fmt: skip
    assert mcmc.result.interrupted
    assert 20 <= mcmc.result.shape[1] < 10**5
    found = grouped(mcmc)
    again = ran(NUTS(branching), draws=20)
    assert torch.equal(found[:, :20], grouped(again))


def test_an_executor_of_threads() -> None:
    alone = ran(NUTS(normal), DATA)
    with ThreadPoolExecutor(1) as executor:
        mcmc = ran(NUTS(normal), DATA, executor=executor)
    assert mcmc.engine.name == "parallel"
    torch.testing.assert_close(grouped(alone), grouped(mcmc), rtol=0, atol=0)


@pytest.mark.slow
def test_an_executor_of_processes() -> None:
    alone = ran(NUTS(normal), DATA)
    with ProcessPoolExecutor(2) as executor:
        mcmc = ran(NUTS(normal), DATA, executor=executor)
        assert torch.equal(grouped(alone), grouped(mcmc))
        mcmc.extend(10)
        assert mcmc.result.shape == (2, 40)


class Losing(Executor):
    """Runs here, and loses some of its work."""

    def __init__(self, losses: int) -> None:
        self.losses = losses

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.losses -= 1
        if self.losses >= 0:
            future.set_exception(BrokenProcessPool("gone"))
        else:
            future.set_result(fn(*args, **kwargs))
        return future


def test_lost_work_is_made_again() -> None:
    mcmc = ran(NUTS(normal), DATA, executor=Losing(3))
    assert torch.equal(grouped(ran(NUTS(normal), DATA)), grouped(mcmc))
    with pytest.raises(InferenceError, match="workers were lost"):
        ran(NUTS(normal), DATA, executor=Losing(10**6))


def test_parts_of_chains_do_not_shrink_where_the_way_is_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Their length follows from the time that workers compute."""

    class Distant(Losing):
        orders = 0

        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            self.orders += 1
            time.sleep(0.05)
            return super().submit(fn, *args, **kwargs)

    monkeypatch.setattr("pyro.infer.mcmc.engines.parallel._LEG_SECONDS", 0.02)
    ran(NUTS(normal), DATA, executor=(distant := Distant(0)))
    assert distant.orders <= 12


@pytest.mark.parametrize("kernel", [NUTS(normal), Walk()])
def test_an_executor_that_is_broken_for_good_is_named(kernel: Any) -> None:
    class Broken(Losing):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            if self.losses <= 0:
                raise BrokenProcessPool("no more")
            return super().submit(fn, *args, **kwargs)

    with pytest.raises(InferenceError, match=r"a Broken, has lost a worker.*chain_method"):
        ran(kernel, executor=Broken(1))


def test_a_kernel_whose_process_was_killed_begins_its_chain_anew(tmp_path: Path) -> None:
    options: dict[str, Any] = {"chain_method": "parallel", "mp_context": "fork"}
    found = ran(Dying(str(tmp_path / "once")), **options)
    assert (tmp_path / "once").exists()
    assert torch.equal(grouped(ran(Walk(), **options)), grouped(found))
    with pytest.raises(InferenceError, match="workers were lost again and again"):
        ran(Walk(), executor=Losing(10**6))


def test_kernels_of_the_users_own_in_processes() -> None:
    options: dict[str, Any] = {"chain_method": "parallel", "mp_context": "fork"}
    first, again = (ran(Walk(), **options) for _ in range(2))
    assert first.engine.name == "parallel"
    assert grouped(first).shape == (2, 30)
    assert torch.equal(grouped(first), grouped(again))
    assert not torch.equal(grouped(first)[0], grouped(first)[1])
    assert torch.equal(grouped(ran(Walk(), num_chains=3, **options))[:2], grouped(first))
    with pytest.raises(ArithmeticError, match="out of numbers"):
        ran(Failing(), **options)


def test_ctrl_c_with_kernels_in_processes() -> None:
    threading.Timer(3.0, os.kill, (os.getpid(), signal.SIGINT)).start()
    mcmc = ran(Walk(), draws=10**7, chain_method="parallel", mp_context="fork")
    assert mcmc.result.interrupted
    assert mcmc.result.shape[1] > 0
