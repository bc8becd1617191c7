"""Look at what a program does, without changing anything."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_pre_hook

from pyro.params.param_store import PARAM_STORE
from pyro.poutine.messenger import block_messengers
from pyro.poutine.replay_messenger import ReplayMessenger
from pyro.poutine.trace_messenger import TraceMessenger
from pyro.poutine.trace_struct import Trace
from pyro.rng import get_rng_state, set_rng_state

Program = Callable[..., Any]


@contextmanager
def looking(keep_rng: bool = True, keep_params: bool = True) -> Iterator[None]:
    """Run programs inside without lasting effects.

    The random generators, the parameter store (its set of names) and the buffers of the modules
    that are called (running statistics) are afterwards as they were. No gradients are recorded,
    and handlers outside see nothing.

    :param keep_rng: Whether the random generators are kept; not so where draws are to be used.
    :param keep_params: Whether parameters that are declared are forgotten.
    """
    with (
        block_messengers(lambda handler: True),
        torch.no_grad(),
        kept_rng() if keep_rng else nullcontext(),
        _kept_params() if keep_params else nullcontext(),
        _kept_buffers(),
    ):
        yield


def max_plate_depth(*traces: Trace) -> int:
    """The number of batch dims that vectorised plates occupy in the traces."""
    dims = [
        frame.dim
        for trace in traces
        for site in trace.nodes.values()
        if site["type"] == "sample"
        for frame in site["cond_indep_stack"]
        if frame.dim is not None
    ]
    return -min(dims, default=0)


def look(
    model: Program, guide: Program, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Trace, Trace]:
    """The traces of one run of model and guide, that is made to see and changes nothing else."""
    with looking():
        with TraceMessenger() as guided:
            guide(*args, **kwargs)
        with TraceMessenger() as modelled, ReplayMessenger(guided.trace):
            model(*args, **kwargs)
    return modelled.trace, guided.trace


def guess_max_plate_nesting(
    model: Program, guide: Program, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> int:
    """How deeply the plates of a model and a guide are nested in one run, that is made to see.

    Random streams, the parameter store and the state of modules stay as they are.
    """
    return max_plate_depth(*look(model, guide, args, kwargs))


@contextmanager
def kept_rng() -> Iterator[None]:
    """Leave the random generators as they were."""
    state = get_rng_state()
    on_cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None
    try:
        yield
    finally:
        set_rng_state(state)
        if on_cuda is not None:
            torch.cuda.set_rng_state_all(on_cuda)


@contextmanager
def _kept_params() -> Iterator[None]:
    """A store with the same leaves, in which parameters may be declared and are then forgotten."""
    names = list(PARAM_STORE.keys())
    leaves = {name: PARAM_STORE.unconstrained(name) for name in names}
    constraints = {name: PARAM_STORE.constraint(name) for name in names}
    with PARAM_STORE.scope({"params": leaves, "constraints": constraints}):
        yield


@contextmanager
def _kept_buffers() -> Iterator[None]:
    """Write back the buffers of each module that this thread calls."""
    thread = threading.get_ident()
    saved: dict[int, tuple[nn.Module, dict[str, Tensor]]] = {}

    def remember(module: nn.Module, inputs: Any) -> None:
        if module._buffers and id(module) not in saved and threading.get_ident() == thread:
            buffers = {k: b.clone() for k, b in module.named_buffers(recurse=False)}
            saved[id(module)] = (module, buffers)

    hook = register_module_forward_pre_hook(remember)
    try:
        yield
    finally:
        hook.remove()
        for module, buffers in saved.values():
            for name, value in buffers.items():
                module._buffers[name].copy_(value)  # type: ignore[union-attr]
