"""What a run shows."""

from __future__ import annotations

import io
import time

import pytest

from pyro.infer import MCMC, NUTS
from pyro.infer.mcmc.progress.display import Plan, Progress, monitor_for, report
from pyro.infer.mcmc.progress.monitor import ChainView, Silence
from pyro.infer.mcmc.progress.surfaces import Log, Terminal
from tests.infer.mcmc.long_models import normal

PLAN = Plan(warmup=100, total=300)


def views(iteration: int, chains: int = 2) -> list[ChainView]:
    return [ChainView(iteration, 3, 7 * iteration, 0.25, 3)] * chains


def test_the_report_tells_stage_time_and_chains() -> None:
    head, first, _ = report(views(150), PLAN, seconds=30.0)
    assert head.split() == [
        "sampling",
        "[############............]",
        "50%",
        "0:30",
        "gone,",
        "0:30",
        "left",
    ]
    assert first == "  chain 0: 150/300, step size 0.25, 7.0 gradients per draw, 3 divergences"
    assert report(views(50), PLAN, 1.0)[0].startswith("warm-up")


def test_time_left_counts_from_where_a_run_was_resumed() -> None:
    assert "0:10 gone, 0:10 left" in report(views(200), Plan(100, 300, before=100), 10.0)[0]
    assert "0:10 gone, ? left" in report(views(100), Plan(100, 300, before=100), 10.0)[0]


def test_many_chains_are_summed_up() -> None:
    lines = report(views(150, chains=1000), PLAN, 4000.0)
    assert len(lines) == 10
    assert lines[-1] == "  and 992 more chains, with 2976 divergences"
    assert "1:06:40 gone" in lines[0]


@pytest.mark.parametrize("seconds", [0.0, 0.6])
def test_short_runs_show_nothing(seconds: float) -> None:
    file = io.StringIO()
    progress = Progress(PLAN, Terminal(file))
    time.sleep(seconds)
    progress.show(views(10))
    progress.show(views(20))
    progress.close()
    assert bool(file.getvalue()) == (seconds > 0)


def test_a_terminal_rewrites_its_lines() -> None:
    file = io.StringIO()
    terminal = Terminal(file)
    terminal.put(["one", "two"], last=False)
    terminal.put(["three"], last=True)
    assert file.getvalue() == "\r\x1b[2Kone\n\r\x1b[2Ktwo\n\x1b[2A\r\x1b[2Kthree\n"


def test_a_log_has_a_line_now_and_then() -> None:
    file = io.StringIO()
    log = Log(file)
    for _ in range(3):
        log.put(["head", "  chain 0"], last=False)
    assert file.getvalue() == "MCMC head\n" * 3
    assert log.gap == 80.0
    log.put(["head", "  chain 0"], last=True)
    assert file.getvalue().endswith("MCMC head\nMCMC chain 0\n")


def test_disabled_is_silent() -> None:
    assert isinstance(monitor_for(PLAN, disabled=True), Silence)


def test_a_run_shows_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyro.infer.mcmc.progress.display._PATIENCE", 0.0)
    monkeypatch.setattr("pyro.infer.mcmc.progress.surfaces._FIRST_LINE", 0.0)
    file = io.StringIO()
    monkeypatch.setattr("sys.stderr", file)
    MCMC(NUTS(normal), 50, 50, num_chains=2).run()
    assert "chain 1: 100/100, step size" in file.getvalue()
    shown = len(file.getvalue())
    MCMC(NUTS(normal), 50, 50, num_chains=2, disable_progbar=True).run()
    assert len(file.getvalue()) == shown
