"""A posterior and the way its chains run, kept for the next run of the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from pyro.compile import switch
from pyro.compile.program import CompiledCodeError
from pyro.infer.mcmc.engines.choice import Engine, choose
from pyro.infer.mcmc.hamiltonian import HamiltonianKernel, Question
from pyro.infer.mcmc.mcmc_kernel import Params
from pyro.infer.mcmc.runs.options import RunOptions
from pyro.infer.mcmc.trajectories import Kind
from pyro.infer.model.density import ModelDensity
from pyro.infer.model.potential import PotentialDensity
from pyro.infer.prototype import looking
from pyro.poutine.sites import is_sample, is_subsample
from pyro.poutine.trace_scoring import site_log_prob

Witness = dict[str, tuple[Any, ...]]
Arguments = tuple[tuple[Any, ...], dict[str, Any]]

_PLAIN = (bool, int, float, complex, str, bytes)


@dataclass(frozen=True)
class Asked:
    """What a posterior and its engine are made of, as far as it can be seen from outside."""

    question: Question
    arguments: Arguments
    example: Params | None
    transforms: Mapping[str, Any] | None
    chain_method: str
    kind: Kind
    chains: int
    compiles: bool

    def same(self, other: Asked) -> bool:
        """Whether all is the same object, the same memory, or a plain value that is equal."""
        mine, others = self._settings(), other._settings()
        args, kwargs = self.arguments
        other_args, other_kwargs = other.arguments
        return (
            self.question is other.question
            and mine == others
            and _same_items(dict(enumerate(args)), dict(enumerate(other_args)))
            and _same_items(kwargs, other_kwargs)
            and _same_items(self.transforms, other.transforms)
        )

    def _settings(self) -> tuple[Any, ...]:
        shapes = {name: (x.shape, x.dtype) for name, x in (self.example or {}).items()}
        return shapes, self.chain_method, self.kind, self.chains, self.compiles


@dataclass(frozen=True)
class Prepared:
    """A posterior, and the engine for its chains.

    :param asked: What they were made of.
    :param witness: What the model said at a point when it was compiled; None if the engine is not
        for another run.
    """

    posterior: ModelDensity | PotentialDensity
    engine: Engine
    asked: Asked
    witness: Witness | None

    def serves(self, asked: Asked) -> bool:
        """Whether making all anew would give the same.

        The model runs once at the point of the witness, and each of its sites must have the
        log-probability that it had, to the last bit: a closure, an attribute or a parameter that
        has changed shows there.
        """
        return (
            self.witness is not None
            and self.asked.same(asked)
            and _untouched(self.engine)
            and witness_of(self.posterior) == self.witness
        )


def prepared_for(kernel: HamiltonianKernel, asked: Asked, before: Prepared | None) -> Prepared:
    """The posterior and the engine, those of the run before if they would be the same.

    :raises InferenceError: as :func:`~pyro.infer.mcmc.engines.choice.choose`.
    """
    if before is not None and before.serves(asked):
        return replace(before, engine=replace(before.engine, reused=True))
    args, kwargs = asked.arguments
    posterior = kernel.posterior(args, kwargs, asked.example, asked.transforms)
    engine = choose(posterior, asked.chain_method, asked.chains, asked.kind)
    witness = witness_of(posterior) if engine.density == "compiled" else None
    return Prepared(posterior, engine, asked, witness)


def ask(
    kernel: HamiltonianKernel, options: RunOptions, arguments: Arguments, example: Params | None
) -> Asked:
    """What a run asks for; dicts are copied, for they may be changed later."""
    transforms = options.transforms
    args, kwargs = arguments
    return Asked(
        question=kernel.question,
        arguments=(args, dict(kwargs)),
        example=example,
        transforms=None if transforms is None else dict(transforms),
        chain_method=options.chain_method,
        kind=kernel.trajectories.kind,
        chains=options.num_chains,
        compiles=switch.ENABLED,
    )


def witness_of(posterior: ModelDensity | PotentialDensity) -> Witness | None:
    """What a model says at one point, site by site; None where it fails."""
    generator = torch.Generator().manual_seed(1)
    point = 0.1 * torch.randn(posterior.dim, generator=generator, dtype=torch.float64)
    like = posterior.reference
    try:
        with looking():
            return _said(posterior, point.to(like))
    except Exception:  # it is heard where the model runs in earnest
        return None


def _said(posterior: ModelDensity | PotentialDensity, point: Tensor) -> Witness:
    if isinstance(posterior, PotentialDensity):
        value, gradient = posterior.value_and_grad(point)
        return {"energy": (value.dtype, float(value), tuple(gradient.tolist()))}
    trace, given = posterior.run(posterior.layout.unflatten(point))
    sites = {
        name: (site["value"].shape, *_sum(site_log_prob(trace.nodes, site)))
        for name, site in trace.nodes.items()
        if is_sample(site) and not is_subsample(site)
    }
    log_dets = {f"transform of {name}": _sum(found) for name, found in given.log_dets.items()}
    return {**sites, **log_dets}


def _sum(x: Tensor) -> tuple[Any, ...]:
    """In double precision, where the change of one term is not rounded away."""
    return x.dtype, x.shape, float(x.double().sum())


def _untouched(engine: Engine) -> bool:
    """Whether the data that machine code has as constants were not written into."""
    try:
        if engine.native is not None:
            engine.native.check_data()
    except CompiledCodeError:
        return False
    return engine.native is not None


def _same_items(a: Mapping[Any, Any] | None, b: Mapping[Any, Any] | None) -> bool:
    if a is None or b is None:
        return a is b
    return list(a) == list(b) and all(_same(a[name], b[name]) for name in a)


def _same(a: Any, b: Any) -> bool:
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, Tensor):
        dense = a.layout == b.layout == torch.strided
        return dense and a.dtype == b.dtype and a.device == b.device and a.is_set_to(b)
    return isinstance(a, _PLAIN) and bool(a == b)
