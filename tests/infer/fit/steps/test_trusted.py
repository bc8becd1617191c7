"""How steps come to be trusted, are compared again, recorded anew and given up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby

import pytest
import torch
from torch import Tensor

from pyro import settings
from pyro.infer.fit.steps.call import Call
from pyro.infer.fit.steps.engine import EngineName
from pyro.infer.fit.steps.maker import MakeOnce
from pyro.infer.fit.steps.memory import TorchMemory
from pyro.infer.fit.steps.protocol import Loss
from pyro.infer.fit.steps.taken import Comparison, Recorded, Taken
from pyro.infer.fit.steps.trusted import TrustedSteps
from pyro.optim import SGD


class Scribe:
    """Makes no steps, but writes down what it was asked for.

    :param checks: How many comparisons a tape has to pass.
    :param knows_losses: Whether a step can be compared without making it.
    """

    way, resumable, why_not, changing = "on paper", None, None, False

    def __init__(self, checks: int = 1, knows_losses: bool = False, is_long: bool = False) -> None:
        self.checks, self.knows_losses, self.is_long = checks, knows_losses, is_long
        self.memory = TorchMemory(SGD({"lr": 0.1}))
        self.log: list[str] = []
        self.leaves = {"a": torch.zeros(())}
        self.wrong: str | None = None
        self.reason: str | None = None
        self.refuses = False
        self.is_here, self.foretells = True, False
        self.tapes = 0

    def engine(self, leaves: Mapping[str, Tensor]) -> EngineName:
        return "graph"

    def restart(self) -> None:
        self.log.append("restart")

    def follow_schedule(self) -> None:
        raise AssertionError

    def once(self, tape: int) -> MakeOnce | None:
        return None

    def is_current(self, tape: int) -> bool:
        return self.is_here

    def taken(self, name: str, compares: bool) -> Taken[int]:
        self.log.append(name)
        return Taken(0.0, self.leaves, None, Comparison(self.wrong) if compares else None)

    def foretold(self, call: Call) -> Mapping[str, Tensor] | None:
        return self.leaves if self.foretells else None

    def as_ever(self, call: Call) -> Taken[int]:
        return self.taken("torch", False)

    def record(self, call: Call, count: int, known: Mapping[str, Tensor]) -> Taken[int]:
        taken = self.taken("record", False)
        if self.leaves.keys() - known.keys():
            return taken
        self.tapes, self.is_here = self.tapes + 1, True
        recorded = Recorded(self.tapes, self.reason, self.checks, self.is_long)
        return taken._replace(recorded=recorded)

    def both_ways(self, tape: int, call: Call, count: int) -> Taken[int]:
        return self.taken("both", not self.refuses)

    def audit(self, tape: int, call: Call, count: int) -> Comparison | None:
        if not self.knows_losses:
            return None
        self.log.append("audit")
        return Comparison(self.wrong)

    def run(self, tape: int, most: int, call: Call, count: int) -> tuple[Sequence[Loss], bool]:
        if self.refuses:
            return (), True
        self.log += [f"tape {tape}"] * most
        return [0.0] * most, False


def story(scribe: Scribe) -> list[tuple[str, int]]:
    """What happened since one has looked, and how often in a row."""
    found = [(name, len(list(same))) for name, same in groupby(scribe.log)]
    scribe.log.clear()
    return found


def make(steps: TrustedSteps[int], n: int, *args: object) -> None:
    assert sum(len(piece) for piece in steps(n, args, {})) == n


def test_from_the_first_step_to_the_third_comparison() -> None:
    scribe = Scribe()
    steps = TrustedSteps(scribe)
    make(steps, 300)
    first = [("torch", 1), ("record", 1), ("both", 1), ("tape 1", 64), ("both", 1)]
    assert story(scribe) == [*first, ("tape 1", 192), ("both", 1), ("tape 1", 39)]
    assert steps.compiled == 295 and steps.reason is None


@pytest.mark.parametrize(("after", "early"), [(1, 0), (2, 2)])
def test_the_first_step_is_recorded_if_its_parameters_are_known(after: int, early: int) -> None:
    """But not if more than one are to be made in torch before. The next run begins alike."""
    scribe = Scribe()
    scribe.foretells = True
    steps = TrustedSteps(scribe, after)
    make(steps, 10)
    found = [event for event in story(scribe) if event != ("torch", early)]
    assert found == [("record", 1), ("both", 1), ("tape 1", 8 - early)]
    steps.restart(after)
    make(steps, 10)
    found = [event for event in story(scribe) if event != ("torch", early)]
    assert found == [("restart", 1), ("both", 1), ("tape 1", 9 - early)]


@pytest.mark.parametrize(("is_long", "second"), [(False, 192), (True, 960)])
def test_where_the_loss_is_enough_no_step_is_made_twice(is_long: bool, second: int) -> None:
    scribe = Scribe(checks=2, knows_losses=True, is_long=is_long)
    steps = TrustedSteps(scribe, after=2)
    make(steps, 1050)
    assert story(scribe)[:6] == [
        ("torch", 2),
        ("record", 1),
        ("both", 2),
        ("tape 1", 64),
        ("audit", 1),
        ("tape 1", second),
    ]
    assert steps.compiled == 1045


def test_patience_is_for_each_kind_of_arguments() -> None:
    scribe = Scribe()
    steps = TrustedSteps(scribe, after=1, patience=2)
    for kind in range(3):
        make(steps, 9, kind)
        early = 1 if kind == 0 else 0
        assert story(scribe)[:3] == [("torch", 2 + early), ("record", 1), ("both", 1)]


@pytest.mark.parametrize("knows_losses", [False, True])
def test_a_step_that_differs_is_the_end_of_tapes(knows_losses: bool) -> None:
    scribe = Scribe(knows_losses=knows_losses)
    steps = TrustedSteps(scribe)
    make(steps, 10)
    scribe.wrong = "1 against 2"
    make(steps, 90)
    last = [("audit", 1), ("torch", 33)] if knows_losses else [("both", 1), ("torch", 32)]
    assert story(scribe)[-2:] == last
    assert (
        steps.reason == "a step on paper and in torch differ after 64 steps on paper: 1 against 2"
    )
    assert not steps.may_go_on and steps.compiled == 64


def test_a_first_comparison_is_of_no_number_of_steps() -> None:
    scribe = Scribe()
    scribe.wrong = "1 against 2"
    steps = TrustedSteps(scribe)
    make(steps, 5)
    assert story(scribe) == [("torch", 1), ("record", 1), ("both", 1), ("torch", 2)]
    assert steps.reason == "a step on paper and in torch differ: 1 against 2"


def test_another_run_compares_and_records_anew_once() -> None:
    scribe = Scribe()
    steps = TrustedSteps(scribe)
    make(steps, 10)
    scribe.log.clear()
    steps.restart(after=1)
    make(steps, 10)
    assert story(scribe) == [("restart", 1), ("torch", 1), ("both", 1), ("tape 1", 8)]
    steps.restart(after=1)
    scribe.wrong = "1 against 2"
    make(steps, 2)
    scribe.wrong = None
    make(steps, 8)
    begun = [("restart", 1), ("torch", 1), ("both", 1)]
    assert story(scribe) == [*begun, ("record", 1), ("both", 1), ("tape 2", 6)]
    assert steps.compiled == 6
    steps.restart(after=1)
    scribe.wrong = "1 against 2"
    make(steps, 6)
    assert story(scribe) == [*begun, ("record", 1), ("both", 1), ("torch", 2)]
    assert steps.reason is not None


def test_tapes_of_parameters_that_are_elsewhere_are_not_used() -> None:
    scribe = Scribe()
    steps = TrustedSteps(scribe)
    make(steps, 10)
    scribe.log.clear()
    scribe.is_here = False
    make(steps, 10)
    assert story(scribe) == [("record", 1), ("both", 1), ("tape 2", 8)]


def test_new_parameters_and_what_programs_read() -> None:
    """All is recorded anew; tensors of known names replace those of before."""
    scribe = Scribe()
    steps = TrustedSteps(scribe)
    make(steps, 10)
    scribe.leaves = {"a": torch.ones(())}
    steps.forget()
    scribe.log.clear()
    make(steps, 4)
    assert story(scribe) == [("record", 1), ("both", 1), ("tape 2", 2)]
    assert steps.leaves["a"] is scribe.leaves["a"]
    steps.forget()
    scribe.leaves = {**scribe.leaves, "b": torch.ones(())}
    make(steps, 4)
    assert story(scribe) == [("record", 2), ("both", 1), ("tape 3", 1)]
    assert steps.leaves.keys() == {"a", "b"}


def test_steps_that_tapes_cannot_make_are_made_in_torch_and_not_for_ever() -> None:
    scribe = Scribe()
    steps = TrustedSteps(scribe)
    for _ in range(5):  # what is made now and then does not count
        make(steps, 10)
        scribe.refuses = True
        make(steps, 5)
        scribe.refuses = False
    make(steps, 10)
    assert steps.may_go_on
    scribe.log.clear()
    scribe.refuses = True
    make(steps, 40)
    assert "another branch of a library" in (steps.reason or "")
    assert Counter(scribe.log) == {"both": 10, "torch": 30}


def test_reasons_that_are_known_before() -> None:
    scribe = Scribe()
    scribe.reason = "it does not pay"
    steps = TrustedSteps(scribe)
    make(steps, 4)
    assert story(scribe) == [("torch", 1), ("record", 1), ("torch", 2)]
    assert steps.reason == "it does not pay"
    with settings.context(compile_enabled=False):
        steps = TrustedSteps(Scribe())
        make(steps, 4)
        assert steps.reason == "compile_enabled is False" and not steps.may_go_on


@pytest.mark.parametrize("kinds", [8, 9])
def test_few_kinds_of_arguments(kinds: int) -> None:
    scribe = Scribe()
    steps = TrustedSteps(scribe)
    for _ in range(3):
        for kind in range(kinds):
            make(steps, 1, kind)
    expected = None if kinds == 8 else "the arguments are others in each step"
    assert steps.reason == expected
    assert scribe.tapes == 8
    assert steps.phase() is None
