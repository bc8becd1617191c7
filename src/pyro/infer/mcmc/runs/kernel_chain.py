"""One chain of a kernel that the user wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy.typing as npt
import torch
from torch import Tensor

from pyro.infer.mcmc.engines.workers import halted
from pyro.infer.mcmc.mcmc_kernel import MCMCKernel, Params
from pyro.infer.mcmc.results.mcmc_result import Samples
from pyro.infer.mcmc.runs.unknown_names import warn_unknown
from pyro.primitives.validation import validation_enabled
from pyro.rng import set_rng_seed

Tell = Callable[[int, int], None]


@dataclass(frozen=True)
class KernelTask:
    """A kernel with its arguments, and what its chains are to do."""

    kernel: MCMCKernel
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    initial_params: Params | None
    chains: int
    warmup: int
    draws: int
    thinning: int
    transforms: Any
    save_params: list[str] | None
    hook: Callable[[MCMCKernel, Params, str, int], Any] | None
    validate: bool = True
    seed: int = 0


@dataclass
class ChainDraws:
    """The draws of one chain, of shape ``(draws,) + shape of the site``."""

    samples: Samples
    diagnostics: dict[str, Any] = field(default_factory=dict)
    interrupted: bool = False

    @property
    def draws(self) -> int:
        """How many there are."""
        return next((len(values) for values in self.samples.values()), 0)


def stacked(draws: list[Params]) -> Samples:
    """Draws by name, one after the other."""
    first = draws[0] if draws else {}
    return {name: torch.stack([draw[name] for draw in draws]) for name in first}


class Sent(NamedTuple):
    """What another process sends; arrays, which are cheaper to send than tensors."""

    arrays: dict[str, npt.NDArray[Any]]
    diagnostics: dict[str, Any]
    interrupted: bool

    def received(self) -> ChainDraws:
        """The draws as tensors."""
        samples = {name: torch.from_numpy(values) for name, values in self.arrays.items()}
        return ChainDraws(samples, self.diagnostics, self.interrupted)


def in_worker(task: KernelTask, chain: int) -> Sent:
    """A whole chain in another process, with a seed of its own."""
    set_rng_seed((task.seed + chain) % (2**32 - 1))
    draws: list[Params] = []
    diagnostics: dict[str, Any] = {}
    interrupted = False
    try:
        with validation_enabled(task.validate):
            diagnostics = run_chain(task, chain, draws.append, _heed)
    except KeyboardInterrupt:
        interrupted = True
    arrays = {name: values.cpu().numpy() for name, values in stacked(draws).items()}
    return Sent(arrays, diagnostics, interrupted)


def _heed(chain: int, iterations: int) -> None:
    if halted():
        raise KeyboardInterrupt


def run_chain(
    task: KernelTask, chain: int, take: Callable[[Params], None], tell: Tell
) -> dict[str, Any]:
    """Warm up and draw.

    :param take: Is given each draw, constrained.
    :param tell: Is told the number of the chain and of iterations after each.
    :return: What the kernel says of the chain.
    """
    kernel, given = task.kernel, task.initial_params
    several = task.chains > 1
    if given is not None:
        kernel.initial_params = {k: v[chain] if several else v for k, v in given.items()}
    kernel.setup(task.warmup, *task.args, **task.kwargs)
    if chain == 0:
        warn_unknown("save_params", task.save_params, kernel.initial_params)
        warn_unknown("transforms", task.transforms, kernel.initial_params)
    try:
        for i, (params, kept) in enumerate(_iterations(task, f" [{chain}]" if several else "")):
            tell(chain, i + 1)
            if kept:
                take(_kept(task, params))
        return kernel.diagnostics()
    finally:
        kernel.cleanup()


def _iterations(task: KernelTask, label: str) -> Iterator[tuple[Params, bool]]:
    """The unconstrained values after each iteration, and whether they are a draw."""
    kernel = task.kernel
    params = kernel.initial_params
    for i in range(task.warmup):
        params = _step(task, params, "Warmup" + label, i)
        yield params, False
    kernel.end_warmup()
    for i in range(task.draws):
        for k in range(task.thinning):
            params = _step(task, params, "Sample" + label, i)
            yield params, k + 1 == task.thinning


def _step(task: KernelTask, params: Params, stage: str, i: int) -> Params:
    params = task.kernel.sample(params)
    if task.hook is not None:
        task.hook(task.kernel, params, stage, i)
    return params


def _kept(task: KernelTask, params: Params) -> Params:
    transforms = task.transforms or task.kernel.transforms or {}
    return {
        name: _constrained(value, transforms.get(name))
        for name, value in params.items()
        if task.save_params is None or name in task.save_params
    }


def _constrained(value: Tensor, transform: Any) -> Tensor:
    result: Tensor = value if transform is None else transform.inv(value)
    return result.detach().clone()
