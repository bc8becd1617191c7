"""Running handlers, and comparing what they did."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

import pyro.distributions as dist
from pyro import poutine
from pyro.poutine import handlers
from pyro.poutine.messenger import Messenger
from pyro.poutine.trace_struct import Trace
from pyro.runtime import STATE, Message
from tests.laws.handler_cases import CASES, HandlerCase

FIELDS = ("type", "is_observed", "value", "fn", "scale", "mask", "cond_indep_stack", "infer")
each_case = pytest.mark.parametrize("case", CASES, ids=str)


def handler(case: HandlerCase) -> Callable[..., Any]:
    found: Callable[..., Any] = getattr(poutine, case.handler)
    return found


def traced(fn: Callable[..., Any]) -> Trace:
    trace: Trace = handlers.trace(fn).get_trace()
    trace.compute_log_prob()
    return trace


def same(a: Any, b: Any) -> bool:
    if isinstance(a, torch.Tensor) or isinstance(b, torch.Tensor):
        return isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor) and torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, dist.Distribution):
        return type(a) is type(b) and repr(a) == repr(b)
    if isinstance(a, Messenger):
        return type(a) is type(b)
    return bool(a == b)


def assert_same_site(a: Message, b: Message, fields: tuple[str, ...]) -> None:
    for key in fields:
        assert same(a.get(key), b.get(key)), (a["name"], key, a.get(key), b.get(key))


def assert_same_trace(a: Trace, b: Trace) -> None:
    assert list(a.nodes) == list(b.nodes)
    for name in a.nodes:
        assert_same_site(a.nodes[name], b.nodes[name], (*FIELDS, "log_prob"))


def state() -> Any:
    return (
        len(STATE.stack),
        [name for name in STATE.plate_names if name is not None],
        STATE.next_enum_dim,
        STATE.next_enum_id,
        dict(STATE.entered),
    )
