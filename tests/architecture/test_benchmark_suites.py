"""The suites of benchmarks: models, records, tables, refusals. No test asserts a time."""

from __future__ import annotations

import ast
import inspect
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.harness import environments, points, standings
from benchmarks.harness.suite import Entrant, Figure, Suite
from pyro import poutine

BENCHMARKS = environments.BENCHMARKS


@pytest.fixture
def on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a worker: the folder of the benchmarks is where modules are found."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))


@pytest.fixture
def suites(on_path: None) -> dict[str, Any]:
    from suites import SUITES  # noqa: PLC0415 (found by the fixture's path)

    return SUITES


def record(library: str, number: int, **figures: float) -> dict[str, Any]:
    """What the orchestrator keeps of a worker."""
    who = {"model": "m", "library": library, "round": number, "versions": {library: "1"}}
    return who | {"figures": figures}


RECORDS = [
    record("ours", 0, step=1.0, speed=8.0),
    record("a", 0, step=3.0, speed=2.0),
    record("b", 0, step=4.0, speed=4.0),
    record("ours", 1, step=2.0, speed=8.0),
    record("a", 1, step=4.0, speed=2.0),
    record("ours, another way", 1, step=0.1, speed=99.0),
    {"model": "m", "library": "b", "round": 1, "failed": "exit 1: no"},
]
SUITE = Suite("s", "Title", ("m",), (), (Figure("step"), Figure("speed", "rate")))


def test_the_advantage_is_over_the_best_peer_round_by_round() -> None:
    step = standings.standing(RECORDS, "m", Figure("step"))
    speed = standings.standing(RECORDS, "m", Figure("speed", "rate"))
    assert step is not None and speed is not None
    assert (step.library, step.ours, step.peer) == ("a", 1.5, 3.5)
    assert (step.advantage.low, step.advantage.median, step.advantage.high) == (2.0, 2.5, 3.0)
    assert speed.library == "b" and speed.advantage.median == 2.0


def test_without_ours_or_a_peer_there_is_no_advantage() -> None:
    assert standings.standing(RECORDS[:1], "m", Figure("step")) is None
    assert standings.standing(RECORDS[1:2], "m", Figure("step")) is None
    assert standings.standing(RECORDS, "m", Figure("unknown")) is None
    assert standings.standing(RECORDS, "m", Figure("step", against=("c",))) is None


def test_a_figure_may_name_its_peers() -> None:
    step = standings.standing(RECORDS, "m", Figure("step", against=("b",)))
    assert step is not None and (step.library, step.advantage.median) == ("b", 4.0)


def test_the_page_shows_figures_versions_and_failures() -> None:
    page = standings.page(SUITE, RECORDS, {"machine": "this"})
    assert page.startswith("# Title\n")
    assert "| m | step | 1.5 s | 3.5 s | a | **2.5× [2, 3]** |" in page
    assert "| m | b | 4 s | 4 |" in page
    assert "* m, b: exit 1: no" in page and "* a: a 1" in page


def test_a_row_on_which_ours_is_worse_is_marked() -> None:
    worse = [record("ours", 0, step=2.0), record("a", 0, step=1.0)]
    assert "0.5× [0.5, 0.5] (worse)" in standings.compared(SUITE, worse)


def test_an_entrant_takes_part_in_its_rounds_and_models() -> None:
    entrant = Entrant("a", "ours", "w.py", rounds=1, models=frozenset({"m"}))
    assert entrant.takes("m", 0)
    assert not entrant.takes("m", 1) and not entrant.takes("n", 0)


def test_a_suite_may_be_held_without_some(suites: dict[str, Any]) -> None:
    fewer = suites["mcmc"].without(["pyro-ppl", "NumPyro, vectorised"])
    libraries = [entrant.library for entrant in fewer.entrants]
    assert libraries == ["ours", "NumPyro, parallel", "PyMC with nutpie"]
    assert suites["mcmc"].without([]) == suites["mcmc"]


def test_points_do_not_depend_on_the_order_of_sites() -> None:
    one = points.points({"a": (2,), "b": (3, 1)})
    other = points.points({"b": (3, 1), "a": (2,)})
    assert all(np.array_equal(one[name], other[name]) for name in "ab")
    assert one["a"].shape == (points.COUNT, 2)


def test_densities_agree_up_to_a_constant() -> None:
    at = points.points({"a": (2,)})
    values = -(at["a"] ** 2).sum(-1)
    slopes = {"a": -2 * at["a"]}
    found = points.evidence(values.tolist(), slopes, at)
    shifted = points.evidence((values + 7.0).tolist(), slopes, at)
    other = points.evidence((2 * values).tolist(), slopes, at)
    turned = points.evidence(values.tolist(), {"a": slopes["a"] + 0.01}, at)
    assert points.disagreement(found, shifted) < 1e-12
    assert points.disagreement(found, other) > 0.01
    assert points.disagreement(found, turned) > 1e-3


def test_a_density_that_is_another_one_is_remarked(suites: dict[str, Any]) -> None:
    same, other = {"values": [1.0, 2.0]}, {"values": [1.0, 2.1]}
    records = [
        record(library, 0) | {"evidence": values}
        for library, values in (("ours", same), ("a", same), ("b", other))
    ]
    suites["density"].finish(records, Path(), environments.peer)
    assert records[1]["figures"]["difference from ours"] == 0.0 and "note" not in records[1]
    assert "another density" in records[2]["note"]


def test_figures_of_chains_follow_from_their_draws(suites: dict[str, Any]) -> None:
    derive = sys.modules["suites.mcmc"].derive
    kept = {"warm": 2.0, "gradients": 400.0, "gradients of draws": 200.0}
    seen = {"effective": 100.0, "worst": "x", "r_hat": 1.0, "means": [0.0], "errors": [0.1]}
    found = record("a", 0, **kept)
    derive(found, seen | {"means": [1.0]}, seen)
    figures = found["figures"]
    assert figures["effective draws per second"] == 50.0
    assert figures["gradients per effective draw"] == 2.0
    assert figures["means apart"] == pytest.approx(1.0 / (0.1 * 2**0.5))
    assert "Monte Carlo errors" in found["note"]


def test_suites_name_models_workers_and_peers_that_exist(suites: dict[str, Any]) -> None:
    from models.catalogue import CATALOGUE  # noqa: PLC0415 (found by the fixture's path)

    for suite in suites.values():
        assert set(suite.models) <= set(CATALOGUE)
        for entrant in suite.entrants:
            assert entrant.environment in {"ours", *environments.peer_names()}
            script = BENCHMARKS / entrant.script
            assert ast.get_docstring(ast.parse(script.read_text(encoding="utf-8")))
            for model in entrant.models or suite.models:
                assert _has_model(CATALOGUE[model].folder, script.stem), (model, script)


def _has_model(folder: str, worker: str) -> bool:
    file = {
        "with_numpyro": "numpyro_model.py",
        "with_pymc": "pymc_model.py",
        "with_torch": "torch_loss.py",
    }.get(worker, "pyro_model.py")
    return (BENCHMARKS / "models" / folder / file).is_file()


def test_data_of_models_are_the_same_each_time(on_path: None) -> None:
    from models.catalogue import CATALOGUE  # noqa: PLC0415 (found by the fixture's path)

    for name, entry in CATALOGUE.items():
        if "100000" in name:
            continue
        one, other = entry.data(), entry.data()
        assert one and all(np.array_equal(one[key], other[key]) for key in one)
        model = entry.module("pyro_model").model
        assert list(one) == list(inspect.signature(model).parameters), name


@pytest.mark.parametrize(
    "entry_name", ["eight_schools", "radon", "item_response", "gaussian_mixture", "lkj_normal"]
)
def test_a_model_has_a_density(entry_name: str, on_path: None) -> None:
    from models.catalogue import CATALOGUE  # noqa: PLC0415 (found by the fixture's path)

    entry = CATALOGUE[entry_name]
    data = {key: torch.as_tensor(value) for key, value in entry.data().items()}
    torch.set_default_dtype(torch.float64)
    try:
        trace = poutine.trace(entry.module("pyro_model").model).get_trace(**data)
        assert torch.isfinite(trace.log_prob_sum())
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["density", "mcmc", "svi", "chains"])
def test_a_suite_runs_with_ours(name: str, suites: dict[str, Any], tmp_path: Path) -> None:
    from harness import contest  # noqa: PLC0415 (found by the fixture's path)

    suite = suites[name]
    (entrant,) = (entrant for entrant in suite.entrants if entrant.library == "ours")
    path = (str(tmp_path / "draws.npz"),) if suite.saves_draws else ()
    script = str(BENCHMARKS / entrant.script)
    arguments = (script, "eight_schools", *path, *entrant.arguments)
    found = contest.work(environments.ours(), arguments, suite.limit)
    assert "failed" not in found
    assert found["figures"] and all(number >= 0 for number in found["figures"].values())
