"""What cannot be compiled: the right result, and one message that says why."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from pyro.compile import NotCapturable, compile, compile_value_and_grad

FAULTS: dict[str, tuple[Callable[[Tensor], Tensor], str]] = {
    "branch": (lambda x: x if x.sum() > 0 else -x, "control flow depends on the value"),
    "shape": (lambda x: x[x > 1], "a shape depends on the value"),
    "number": (lambda x: x * x[1].item(), "control flow depends on the value"),
    "list": (lambda x: torch.tensor(x.tolist()).double(), "compiled and eager result 0 differ"),
    "array": (lambda x: torch.from_numpy(x.detach().numpy() * 2), "eager result 0 differ"),
    "complex": (lambda x: torch.fft.fft(x).abs(), "elements of type torch.complex"),
    "sparse": (lambda x: x.to_sparse().to_dense() * 2, "has no storage"),
    "bits": (lambda x: x.view(torch.int64).double(), "read as another type"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_functions_run_as_before(name: str, caplog: pytest.LogCaptureFixture) -> None:
    fn, reason = FAULTS[name]
    f = compile(fn)
    x = torch.arange(4.0, dtype=torch.float64)
    logger = logging.getLogger("pyro")
    logger.addHandler(caplog.handler)
    try:
        with caplog.at_level(logging.INFO, "pyro"):
            for _ in range(3):
                torch.testing.assert_close(f(x), fn(x))
    finally:
        logger.removeHandler(caplog.handler)
    assert f.reason is not None
    assert reason in f.reason
    said = {id(r): r for r in caplog.records if "runs without compilation" in r.getMessage()}
    assert len(said) == 1
    with pytest.raises(NotCapturable, match="no code"):
        f.report()


def test_operations_without_a_row_are_executed_by_torch() -> None:
    f = compile(lambda x: torch.linalg.svdvals(x).sum() + x.sort(0).values.sum())
    x = torch.eye(3, dtype=torch.float64) + 0.5
    expected = torch.linalg.svdvals(x).sum() + x.sort(0).values.sum()
    torch.testing.assert_close(f(x), expected)
    assert f.reason is None
    assert len(f.report().called_out) == 2


def test_an_error_of_the_function_is_its_own() -> None:
    fails = [True]

    def fn(x: Tensor) -> Tensor:
        if fails[0]:
            raise KeyError("mine")
        return x * 2

    f = compile(fn)
    for _ in range(2):
        with pytest.raises(KeyError, match="mine"):
            f(torch.ones(2))
    fails[0] = False
    assert f(torch.ones(2)).tolist() == [2, 2]
    assert f.report().loops == 1
    with pytest.raises(KeyError, match="mine"):
        fails[0] = True
        compile_value_and_grad(lambda x: fn(x).sum(), torch.ones(2))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32], ids=str)
def test_narrow_integers_wrap_around(dtype: torch.dtype) -> None:
    """Not only in what is returned: also in between."""
    info = torch.iinfo(dtype)
    x = torch.tensor([info.max, info.max - 1, info.min, 3], dtype=dtype)

    def fn(x: Tensor) -> list[Tensor]:
        found = [x + 1, x - 2, -x, x * x, x * 3 + x, x.cumsum(0), (x.long() * 5).to(dtype)]
        return [*found, *(y > 3 for y in found), *(y.double() / 2 for y in found)]

    f = compile(fn)
    for a, b in zip(f(x), fn(x), strict=True):
        assert a.dtype is b.dtype
        assert torch.equal(a, b)
    assert f.reason is None
