"""Compiled functions of tensors: structure, shapes, fallback, switches."""

from __future__ import annotations

import logging

import pytest
import torch

from pyro import settings
from pyro.compile import NotCapturable, compile


def test_structures_go_in_and_come_out():
    @compile
    def f(pair, *, scale):
        return {"sum": pair[0] + pair[1], "rest": [pair[0] * scale, "text", None]}

    found = f((torch.ones(2), torch.zeros(2)), scale=3.0)
    assert found["sum"].tolist() == [1, 1]
    assert found["rest"][0].tolist() == [3, 3]
    assert found["rest"][1:] == ["text", None]
    assert f.reason is None


def test_new_shapes_types_and_plain_arguments_make_new_code():
    f = compile(lambda x, n: x.repeat(n) * 2)
    assert f(torch.ones(2), 1).tolist() == [2, 2]
    assert f(torch.ones(3), 2).tolist() == [2] * 6
    assert f(torch.ones(1, dtype=torch.int64), 1).dtype is torch.int64


def test_inputs_that_are_not_contiguous():
    f = compile(lambda x: x.exp())
    x = torch.arange(12.0).reshape(3, 4)
    for view in (x.mT, x[::2, 1:], x[0].expand(2, 4)):
        torch.testing.assert_close(f(view), view.exp())


def test_a_function_that_writes_into_its_input_runs_as_ever():
    @compile
    def f(x):
        x.add_(1)
        return x * 2

    x = torch.ones(2)
    assert f(x).tolist() == [4, 4]
    assert x.tolist() == [2, 2]
    assert "writes into an input" in f.reason


def test_falls_back_with_one_reason(caplog):
    @compile
    def f(x):
        return x if x.sum() > 0 else -x

    with caplog.at_level(logging.INFO, "pyro"):
        logging.getLogger("pyro").addHandler(caplog.handler)
        assert f(torch.tensor([-2.0])).tolist() == [2.0]
        assert f(torch.tensor([-3.0])).tolist() == [3.0]
        logging.getLogger("pyro").removeHandler(caplog.handler)
    assert len([r for r in caplog.records if "runs without compilation" in r.message]) == 1
    assert "test_function.py" in f.reason
    with pytest.raises(NotCapturable, match="control flow"):
        f.report()


def test_verification_falls_back():
    state = [0]

    @compile
    def f(x):
        state[0] += 1
        return x * state[0]

    assert f(torch.ones(1)).item() == 3  # captured, compared, run
    assert "differ" in f.reason


def test_the_switch():
    f = compile(lambda x: x + 1)
    with settings.context(compile_enabled=False):
        assert f(torch.ones(1)).item() == 2
        with pytest.raises(NotCapturable, match="has not been called"):
            f.report()
    with pytest.raises(ValueError, match="must be True or False"):
        settings.set(compile_enabled=2)


def test_report_and_explanation():
    f = compile(lambda x, y: ((x - y).exp() * x).sum(), torch.ones(4), torch.ones(()))
    report = f.report()
    assert report.operations == 4
    assert report.loops == 1
    assert "called out  nothing" in str(report)
    assert "sum over i of (x0[i] * exp((x0[i] - x1)))" in f.explain()
