"""How a program of tensors is repeated: as it is, by ``torch.compile``, or as a CUDA graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, final

import torch
from torch import Tensor

from pyro import settings
from pyro.infer.fit.graph.generators import Generators

Program = Callable[..., Sequence[Tensor]]
Replay = Callable[[Sequence[Tensor]], Sequence[Tensor]]
_WARM_UPS = 2
_OPTIONS: dict[str, Any] = {"fallback_random": True}  # the numbers of torch's generators


def replay_of(
    program: Program,
    fixed: Sequence[Tensor],
    inputs: Sequence[Tensor],
    device: torch.device,
    kept: Sequence[Tensor] = (),
) -> Replay:
    """What makes a step, given inputs of the same shapes.

    :param program: A function of fixed tensors and inputs; on a GPU, without a look at a value.
    :param fixed: Tensors that stay where they are, such as parameters.
    :param inputs: Inputs of a step, on the device.
    :param device: A CUDA device, or another one, on which the program is just called.
    :param kept: Tensors that the program changes: trying it out leaves them as they are.
    """
    if device.type == "cuda":
        return _CudaGraph(program, fixed, inputs, device, kept)

    def call(given: Sequence[Tensor]) -> Sequence[Tensor]:
        with torch.no_grad():
            return program(*fixed, *given)

    return call


def compiled_by_torch(program: torch.nn.Module, backend: str = "inductor") -> Program:
    """The program in kernels by inductor, which draw the same random numbers."""
    options = _OPTIONS if backend == "inductor" else None
    with _validation_kept():
        made = torch.compile(
            program, fullgraph=True, dynamic=False, backend=backend, options=options
        )

    def call(*tensors: Tensor) -> Sequence[Tensor]:
        with _validation_kept():
            found: Sequence[Tensor] = made(*tensors)
            return found

    return call


@contextmanager
def _validation_kept() -> Iterator[None]:
    """Whatever torch does about validation when it compiles for the first time."""
    with settings.context(
        validate_distributions_torch=settings.get("validate_distributions_torch")
    ):
        yield


@contextmanager
def restored(tensors: Sequence[Tensor]) -> Iterator[None]:
    """What is written into tensors inside is undone."""
    before = [x.clone() for x in tensors]
    try:
        yield
    finally:
        with torch.no_grad():
            for x, value in zip(tensors, before, strict=True):
                x.copy_(value)


@final
class _CudaGraph:
    """A CUDA graph: one launch for all kernels of a step, on memory that is always the same.

    The generator of the device goes on from replay to replay as it would without a graph.
    """

    def __init__(
        self,
        program: Program,
        fixed: Sequence[Tensor],
        inputs: Sequence[Tensor],
        device: torch.device,
        kept: Sequence[Tensor],
    ) -> None:
        self._inputs = [x.detach().clone() for x in inputs]
        self._graph = torch.cuda.CUDAGraph()
        arguments = (*fixed, *self._inputs)
        with torch.cuda.device(device), Generators(device).kept(), restored(kept), torch.no_grad():
            aside = torch.cuda.Stream(device)
            aside.wait_stream(torch.cuda.current_stream(device))
            with torch.cuda.stream(aside):
                for _ in range(_WARM_UPS):
                    program(*arguments)
            torch.cuda.current_stream(device).wait_stream(aside)
            # other threads, such as one that pins memory, may go on meanwhile
            with torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
                self._outputs = program(*arguments)
        self._fixed = fixed  # keeps the memory of the graph's parameters

    def __call__(self, inputs: Sequence[Tensor]) -> Sequence[Tensor]:
        for mine, given in zip(self._inputs, inputs, strict=True):
            mine.copy_(given, non_blocking=True)
        self._graph.replay()
        return self._outputs
