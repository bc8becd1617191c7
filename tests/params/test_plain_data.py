"""States become plain data and come back, or are refused."""

from __future__ import annotations

import io
from collections import Counter, OrderedDict
from typing import Any

import pytest
import torch

from pyro.errors import CheckpointError
from pyro.params.plain_data import from_plain, to_plain

STATES: list[Any] = [
    {"lr": 0.1, "betas": (0.9, 0.999), "names": ["a", None, True], 3: b"x"},
    {"milestones": Counter({5: 2}), "parts": [{"inner": Counter()}]},
    OrderedDict(weight=torch.ones(2), dtype=torch.float64, shape=torch.Size([2])),
]


@pytest.mark.parametrize("state", STATES)
def test_a_state_goes_through_a_file_that_runs_no_code(state: Any) -> None:
    file = io.BytesIO()
    torch.save(to_plain(state), file)
    file.seek(0)
    found = from_plain(torch.load(file, weights_only=True))
    assert found.keys() == state.keys()
    for key, value in state.items():
        if isinstance(value, torch.Tensor):
            assert torch.equal(found[key], value)
        else:
            assert found[key] == value and type(found[key]) is type(value)


@pytest.mark.parametrize("bad", [lambda: None, object(), {1, 2}])
def test_what_would_run_code_is_refused_and_located(bad: Any) -> None:
    with pytest.raises(CheckpointError, match=r"schedule\['a'\]\[1\]"):
        to_plain({"a": [0, bad]}, "schedule")
