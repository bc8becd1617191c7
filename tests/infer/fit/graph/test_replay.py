"""How a program is captured, with a stand-in for ``torch.cuda``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor

from pyro.infer.fit.graph.replay import replay_of


class _Graph:
    """A CUDA graph that calls the function again."""

    def replay(self) -> None:
        for mine, new in zip(self.outputs, self.program(), strict=True):
            mine.copy_(new)


@pytest.fixture
def no_cuda(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Stands for ``torch.cuda`` on a machine without: what is called is written down."""
    calls: list[str] = []

    class Stream:
        def __init__(self, device: Any = None) -> None: ...

        def wait_stream(self, other: Any) -> None:
            calls.append("wait")

    @contextmanager
    def graph(made: Any, **options: Any) -> Iterator[None]:
        calls.append("begin")
        yield
        calls.append("end")

    cuda: dict[str, Any] = {
        "Stream": Stream,
        "CUDAGraph": _Graph,
        "graph": graph,
        "stream": lambda stream: nullcontext(),
        "device": lambda device: nullcontext(),
        "current_stream": Stream,
        "get_rng_state": lambda device: torch.zeros(1),
        "set_rng_state": lambda state, device: None,
    }
    for name, value in cuda.items():
        monkeypatch.setattr(torch.cuda, name, value)
    return calls


def test_capture(no_cuda: list[str]) -> None:
    """Inputs are copied into memory that stays; trying the program out leaves no trace."""
    count, weight = torch.zeros(()), torch.tensor(2.0)

    def program(w: Tensor, x: Tensor) -> list[Tensor]:
        no_cuda.append("program")
        count.add_(1)
        return [w * x + torch.rand(())]

    torch.manual_seed(0)
    expected = torch.rand(2)
    torch.manual_seed(0)
    device = torch.device("cuda", 0)
    replay: Any = replay_of(program, [weight], [torch.ones(())], device, [count])
    assert no_cuda == ["wait", "program", "program", "wait", "begin", "program", "end"]
    assert count == 0 and replay._inputs[0] == 1.0
    replay._graph.outputs = replay._outputs
    replay._graph.program = lambda: program(weight, *replay._inputs)
    for x, noise in zip((3.0, 4.0), expected, strict=True):
        assert replay([torch.tensor(x)])[0] == 2.0 * x + noise
