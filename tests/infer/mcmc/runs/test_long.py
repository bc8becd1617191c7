"""Runs that are killed, interrupted, resumed, extended or written to disk."""

from __future__ import annotations

import os
import random
import resource
import signal
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro.errors import CheckpointError
from pyro.infer import MCMC, NUTS, ChEES
from pyro.infer.errors import InferenceError
from pyro.infer.mcmc import StoredDraws
from tests.infer.mcmc.long_models import DATA, Walk, branching, normal


def made(draws: int = 100, seed: int = 5, **options: Any) -> MCMC:
    pyro.set_rng_seed(seed)
    kernel = options.pop("kernel", None) or NUTS(normal)
    settings: dict[str, Any] = {"num_chains": 2, "disable_progbar": True, "warmup_steps": 50}
    return MCMC(kernel, draws, **(settings | options))


def ran(draws: int = 100, resume: Any = None, **options: Any) -> MCMC:
    mcmc = made(draws, **options)
    mcmc.run(resume=resume)
    return mcmc


def equal(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


# ---------------------------------------------------------------- in pieces


@pytest.mark.parametrize("every", [1, 7, 1000])
def test_pieces_change_no_draw(tmp_path: Path, every: int) -> None:
    whole = ran().get_samples()
    pieces = ran(checkpoint=tmp_path / "run", checkpoint_every=every)
    assert equal(whole, pieces.get_samples())
    assert pieces.result.shape == (2, 100)
    assert pieces.result.gradients == ran().result.gradients


@pytest.mark.parametrize(("kernel", "chains"), [(NUTS, 2), (NUTS, 20), (ChEES, 20)])
def test_pieces_change_no_draw_of_a_batch(tmp_path: Path, kernel: Any, chains: int) -> None:
    def drawn(**options: Any) -> dict[str, Tensor]:
        batch = {"num_chains": chains, "chain_method": "vectorized", "warmup_steps": 30}
        return ran(25, kernel=kernel(normal), **batch, **options).get_samples()

    assert equal(drawn(), drawn(checkpoint=tmp_path / "run", checkpoint_every=7))


def test_a_hook_and_a_checkpoint_go_together(tmp_path: Path) -> None:
    seen: list[tuple[str, int]] = []

    def hook(kernel: Any, params: Any, stage: str, i: int) -> None:
        seen.append((stage, i))

    options: dict[str, Any] = {"checkpoint": tmp_path, "checkpoint_every": 30, "hook_fn": hook}
    first = ran(50, **options)
    assert seen[-1] == ("Sample [1]", 49)
    again = ran(100, resume=True, **options)
    assert seen[-1] == ("Sample [1]", 99)
    assert len(seen) == 2 * (50 + 100)
    assert equal(ran().get_samples(), again.get_samples())
    assert first.result.shape == (2, 50)


def test_extend_goes_on(tmp_path: Path) -> None:
    whole = ran(100).get_samples(group_by_chain=True)
    for options in ({}, {"checkpoint": tmp_path / "a"}, {"stream_to": tmp_path / "b"}):
        mcmc = ran(60, **options)
        mcmc.extend(40)
        assert mcmc.num_samples == 100
        assert equal(whole, mcmc.get_samples(group_by_chain=True))


def test_extend_needs_a_run() -> None:
    with pytest.raises(InferenceError, match="run"):
        made().extend(5)
    mcmc = ran(5, kernel=Walk())
    with pytest.raises(InferenceError, match="NUTS or HMC"):
        mcmc.extend(5)


# ---------------------------------------------------------------- resumed


def test_a_longer_run_goes_on_from_a_shorter_one(tmp_path: Path) -> None:
    ran(30, checkpoint=tmp_path, checkpoint_every=10)
    mcmc = ran(100, seed=99, resume=tmp_path)  # the seed of the folder counts
    assert equal(ran(100).get_samples(), mcmc.get_samples())


def test_resume_true_begins_where_nothing_is(tmp_path: Path) -> None:
    ran(10, checkpoint=tmp_path / "new", resume=True)
    assert ran(10, checkpoint=tmp_path / "new", resume=True).result.shape == (2, 10)


def test_a_run_on_disk_is_not_overwritten(tmp_path: Path) -> None:
    ran(10, checkpoint=tmp_path)
    with pytest.raises(CheckpointError, match=r"10 draws per chain.*resume"):
        ran(10, checkpoint=tmp_path)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"kernel": NUTS(normal, target_accept_prob=0.9)}, "target_accept_prob was 0.8 and is 0.9"),
        ({"num_chains": 3}, "num_chains was 2 and is 3"),
        ({"warmup_steps": 51}, "warmup_steps was 50 and is 51"),
        ({"thinning": 2}, "thinning was 1 and is 2"),
        ({"kernel": NUTS(branching)}, "shape of site 'loc' was .* and is absent"),
    ],
)
def test_another_run_is_refused(tmp_path: Path, changes: dict[str, Any], match: str) -> None:
    ran(10, checkpoint=tmp_path)
    with pytest.raises(CheckpointError, match=match):
        ran(10, resume=tmp_path, **changes)


def test_other_data_are_refused(tmp_path: Path) -> None:
    ran(10, checkpoint=tmp_path)
    with pytest.raises(CheckpointError, match="other data"):
        made(10).run(DATA + 1, resume=tmp_path)


@pytest.mark.parametrize("file", ["run.pt", "draws", "state"])
def test_damaged_files_are_refused(tmp_path: Path, file: str) -> None:
    ran(10, checkpoint=tmp_path)
    (found,) = [path for path in tmp_path.iterdir() if path.name.startswith(file)]
    found.write_bytes(found.read_bytes()[:100])
    with pytest.raises(CheckpointError):
        ran(20, resume=tmp_path)


def test_a_state_without_its_piece_does_not_count(tmp_path: Path) -> None:
    """A run that was killed between the writing of a state and of the piece before it."""
    whole = ran(20).get_samples()
    ran(10, checkpoint=tmp_path, checkpoint_every=10)
    (state,) = tmp_path.glob("state-*")
    (tmp_path / "state-000002.pt").write_bytes(state.read_bytes()[:50])
    assert equal(ran(20, resume=tmp_path).get_samples(), whole)


@pytest.mark.parametrize(
    ("options", "resume", "match"),
    [
        ({}, True, "resume=True needs"),
        ({"checkpoint": "a"}, "b", "its own folder"),
        ({"checkpoint": "a", "kernel": Walk()}, None, "NUTS or HMC"),
        ({"checkpoint": "a", "stream_to": "b"}, None, "one of them"),
        ({"checkpoint": "a", "checkpoint_every": 0}, None, "checkpoint_every"),
    ],
)
def test_options_that_do_not_fit(options: dict[str, Any], resume: Any, match: str) -> None:
    with pytest.raises(InferenceError, match=match):
        ran(10, resume=resume, **options)


def test_nothing_to_resume(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="holds no run"):
        ran(10, resume=tmp_path / "nothing")


KILLED: dict[str, Any] = {"warmup_steps": 3000, "checkpoint_every": 50}


def run_in_a_process(path: Path) -> int:
    """Begin or resume a long run in another process, and give its number."""
    pid = os.fork()
    if pid == 0:
        try:
            ran(3000, checkpoint=path, resume=True, **KILLED)
        finally:
            os._exit(0)
    return pid


def check_kills(path: Path, kills: int, seed: int) -> None:
    """Kill a run at random times, and then let it end."""
    begin = time.monotonic()
    whole = ran(3000, checkpoint=path.with_name("whole"), **KILLED)
    seconds = time.monotonic() - begin
    chance = random.Random(seed)
    for _ in range(kills):
        pid = run_in_a_process(path)
        time.sleep(chance.uniform(0, seconds))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    os.waitpid(run_in_a_process(path), 0)
    assert StoredDraws(path).num_samples == 3000
    assert equal(StoredDraws(path).get_samples(True), whole.get_samples(group_by_chain=True))


def test_a_killed_run_has_the_same_draws(tmp_path: Path) -> None:
    check_kills(tmp_path / "run", 4, seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_a_hundred_kills(tmp_path: Path, seed: int) -> None:
    check_kills(tmp_path / "run", 10, seed)


# ---------------------------------------------------------------- interrupted


def interrupting_after(draws: int) -> Any:
    """A hook that presses Ctrl-C."""

    def hook(kernel: Any, params: Any, stage: str, i: int) -> None:
        if stage == "Sample [1]" and i + 1 == draws:
            os.kill(os.getpid(), signal.SIGINT)

    return hook


def test_ctrl_c_keeps_the_draws() -> None:
    mcmc = ran(100, hook_fn=interrupting_after(30))
    assert mcmc.result.interrupted
    chains, draws = mcmc.result.shape
    assert (chains, 30 <= draws < 40) == (2, True)
    found = mcmc.get_samples(group_by_chain=True)["loc"][:, :30]
    assert torch.equal(found, ran(100).get_samples(group_by_chain=True)["loc"][:, :30])


def interrupt_once_begun(path: Path) -> None:
    """Press Ctrl-C when a run has a folder, and then 0.2 seconds of the processor."""

    def wait() -> None:
        while not (path / "run.pt").exists():
            time.sleep(0.01)
        begun = time.process_time()
        while time.process_time() < begun + 0.2:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=wait, daemon=True).start()


@pytest.mark.parametrize("every", [50, 10**6])
def test_ctrl_c_in_threads(tmp_path: Path, every: int) -> None:
    interrupt_once_begun(tmp_path)
    mcmc = ran(10**6, checkpoint=tmp_path, checkpoint_every=every, thinning=100)
    assert mcmc.result.interrupted
    assert 10 < mcmc.result.shape[1] < 10**6
    mcmc.describe()


@pytest.mark.parametrize("every", [50, 10**6])
def test_ctrl_c_in_warm_up(tmp_path: Path, every: int) -> None:
    interrupt_once_begun(tmp_path)
    with pytest.warns(UserWarning, match="interrupted in warm-up"):
        mcmc = ran(10, checkpoint=tmp_path, checkpoint_every=every, warmup_steps=10**7)
    assert mcmc.result.interrupted
    assert mcmc.get_samples() == {}
    assert "No draws" in mcmc.describe()


def test_ctrl_c_with_a_kernel_of_ones_own() -> None:
    mcmc = ran(50, kernel=Walk(stop_at=80), num_chains=1)
    assert mcmc.result.interrupted
    assert mcmc.result.shape == (1, 29)


def test_after_ctrl_c_a_run_goes_on(tmp_path: Path) -> None:
    whole = ran(100).get_samples()
    mcmc = ran(100, hook_fn=interrupting_after(35), checkpoint=tmp_path, checkpoint_every=10)
    assert mcmc.result.interrupted
    again = ran(100, resume=tmp_path)
    assert equal(again.get_samples(), whole)


# ---------------------------------------------------------------- on disk


def test_streamed_draws_are_those_in_memory(tmp_path: Path) -> None:
    whole = ran(95)
    mcmc = ran(95, stream_to=tmp_path, checkpoint_every=10)
    assert equal(whole.get_samples(), mcmc.get_samples())
    assert equal(whole.result.statistics, mcmc.result.statistics)
    mcmc.describe()
    stored = StoredDraws(tmp_path)
    assert stored.num_samples == 95
    assert equal(stored.get_samples(group_by_chain=True), whole.get_samples(group_by_chain=True))
    assert [piece["loc"].shape for piece in stored] == [(2, 10)] * 9 + [(2, 5)]


def test_draws_are_read_while_they_are_made(tmp_path: Path) -> None:
    seen: list[int] = []

    def hook(kernel: Any, params: Any, stage: str, i: int) -> None:
        if stage == "Sample [1]" and i % 20 == 15:
            seen.append(StoredDraws(tmp_path).num_samples)

    ran(60, stream_to=tmp_path, checkpoint_every=10, hook_fn=hook)
    assert seen == [10, 30, 50]


def test_a_full_disk_keeps_what_there_is(tmp_path: Path) -> None:
    def wide() -> None:
        pyro.sample("x", dist.Normal(torch.zeros(20_000), 1.0).to_event(1))

    mcmc = made(
        40, kernel=NUTS(wide, step_size=0.1, adapt_step_size=False, max_tree_depth=1),
        stream_to=tmp_path, checkpoint_every=10, warmup_steps=0,
    )  # fmt: skip
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)

    def hook(kernel: Any, params: Any, stage: str, i: int) -> None:
        if i == 25:  # from here on a file with ten draws does not fit
            resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, limit[1]))

    mcmc.hook_fn = hook
    try:
        with pytest.raises(CheckpointError, match="20 draws per chain are kept"):
            mcmc.run()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert mcmc.get_samples()["x"].shape == (40, 20_000)
    assert not list(tmp_path.glob(".*"))
    mcmc.hook_fn = None
    mcmc.run(resume=True)
    assert mcmc.get_samples()["x"].shape == (80, 20_000)


def test_no_warning_in_a_normal_run(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ran(20, checkpoint=tmp_path)
