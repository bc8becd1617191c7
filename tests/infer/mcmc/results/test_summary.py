"""What a summary says when something is wrong, and when nothing is."""

from __future__ import annotations

import math
import re

import pytest
import torch
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro.infer import MCMC, NUTS
from pyro.infer.mcmc.results.summary import Health, report, summarize, table, verdict

GOOD = Health(draws=4000, chains=4, bfmi=(1.0,) * 4)


def independent() -> Tensor:
    return torch.randn(4, 1000, generator=torch.Generator().manual_seed(0))


def apart() -> Tensor:
    return independent() + torch.tensor([0.0, 0.0, 0.0, 3.0])[:, None]


def sticky() -> Tensor:
    x = independent()
    for i in range(1, 1000):
        x[:, i] = 0.99 * x[:, i - 1] + math.sqrt(1 - 0.99**2) * x[:, i]
    return x


@pytest.mark.parametrize(
    ("draws", "health", "words"),
    [
        (independent, {"divergences": 40}, r"40 divergent transitions \(1.0%\)"),
        (independent, {"at_max_depth": 100}, "100 of 4000 trajectories were cut off"),
        (
            independent,
            {"bfmi": (1.0, 0.2, 0.9, 0.1)},
            r"E-BFMI is below 0.3 in 2 chains \(0.20, 0.10\)",
        ),
        (independent, {"unmoved": (1, 3)}, r"chains \[1, 3\] did not move"),
        (apart, {}, r"R-hat is above 1.01 \(up to 1.\d\d\) at 'x'"),
        (sticky, {}, "effective sample size is below 400 .* at 'x'"),
    ],
)
def test_each_fault_has_a_verdict(draws: object, health: dict[str, object], words: str) -> None:
    assert callable(draws)
    found = verdict(summarize({"x": draws()}), GOOD._replace(**health))  # type: ignore[arg-type]
    assert any(re.search(words, text) for text in found), found


def test_good_runs_have_none() -> None:
    assert verdict(summarize({"x": independent()}), GOOD) == []


def test_many_sites_are_counted() -> None:
    statistics = summarize({f"x{i}": apart() for i in range(8)})
    assert "and 3 more sites" in verdict(statistics, GOOD)[0]


def test_the_table_has_a_row_for_each_element() -> None:
    draws = {"x": torch.randn(2, 50, 2, 2), "y": torch.randn(2, 50)}
    lines = table(summarize(draws)).splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["x[0,0]", "x[0,1]", "x[1,0]", "x[1,1]", "y"]
    assert lines[0].split()[:5] == ["mean", "std", "median", "5.0%", "95.0%"]


def test_one_draw_has_no_diagnostics() -> None:
    text = table(summarize({"x": torch.zeros(1, 1)}))
    assert "nan" in text


def test_the_first_line_is_the_verdict() -> None:
    good = report("a run", summarize({"x": independent()}), GOOD)
    assert good.splitlines()[0] == "a run: no sign of trouble."
    bad = report("a run", summarize({"x": apart()}), GOOD)
    count = len(verdict(summarize({"x": apart()}), GOOD))
    assert bad.splitlines()[0].startswith(f"a run: {count} sign")
    assert bad.count("Look here: ") == count
    assert "never change" not in good


def test_constant_elements_have_dashes_and_a_line() -> None:
    text = report(
        "a run", summarize({"x": torch.stack([independent(), 0 * independent()], -1)}), GOOD
    )
    row = next(line for line in text.splitlines() if "x[1]" in line)
    assert row.split()[-3:] == ["-", "-", "-"]
    assert "never change" in text


def test_a_run_says_how_it_went() -> None:
    mcmc = MCMC(
        NUTS(lambda: pyro.sample("x", dist.Normal(0.0, 1.0))), 100, 50, disable_progbar=True
    )
    assert "has not run" in str(mcmc)
    mcmc.run()
    assert str(mcmc) == mcmc.describe().splitlines()[0]
    assert str(mcmc).startswith("1 chain of 100 draws by NUTS: ")


def test_improper_posteriors_are_seen() -> None:
    """Flat in one direction: chains drift apart, and the run ends all the same."""

    def improper() -> None:
        x = pyro.sample("x", dist.ImproperUniform(dist.constraints.real, (), ()))
        y = pyro.sample("y", dist.ImproperUniform(dist.constraints.real, (), ()))
        pyro.sample("data", dist.Normal(x + y, 1.0), obs=torch.tensor(0.0))

    pyro.set_rng_seed(0)
    mcmc = MCMC(NUTS(improper), 300, 300, num_chains=4, disable_progbar=True)
    mcmc.run()
    assert "Look here" in mcmc.describe()
    assert "improper" in mcmc.describe()
