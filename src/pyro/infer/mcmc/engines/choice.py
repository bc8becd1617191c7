"""Which way to run chains is the fastest that is right, and why not a faster one."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Literal

from pyro import native
from pyro.compile import NativeDensity
from pyro.infer.errors import InferenceError
from pyro.infer.mcmc.engines.specification import native_density, python_density
from pyro.infer.mcmc.trajectories import VECTORIZED_ONLY, Kind
from pyro.infer.model.compiled import try_compile
from pyro.infer.model.density import ModelDensity
from pyro.infer.model.logdensity import LogDensity
from pyro.infer.model.posterior import Posterior
from pyro.infer.model.vectorized import BatchedDensity
from pyro.native import DensitySpec

Name = Literal["native", "vectorized", "sequential", "parallel"]
METHODS = ("auto", "native", "vectorized", "sequential", "parallel")
_MANY = 16  # chains from which a density that is not compiled is faster in batches


@dataclass(frozen=True)
class Engine:
    """How chains run.

    :param name: "native": C++ samplers on threads; "vectorized": all chains as one batch of
        tensors; "sequential": one after the other, in this process; "parallel": in processes.
    :param density: What the density is: "compiled", "eager", "broadcast", "vmap" or "kernel".
    :param reasons: Why not a faster way.
    :param reused: Whether the density is that of an earlier run, and nothing was compiled.
    """

    name: Name
    density: str
    reasons: tuple[str, ...] = ()
    reused: bool = False
    spec: DensitySpec | None = field(default=None, repr=False)
    batched: LogDensity | None = field(default=None, repr=False)

    @property
    def native(self) -> NativeDensity | None:
        """The density as machine code, if it is."""
        found = self.batched if self.spec is None else self.spec.owner
        return found if isinstance(found, NativeDensity) else None

    def __str__(self) -> str:
        text = f"{self.name}, {self.density} density" + " of an earlier run" * self.reused
        return text if not self.reasons else text + " (" + "; ".join(self.reasons) + ")"


def check_method(chain_method: str) -> None:
    """Refuse an unknown method.

    :raises InferenceError: naming the known ones.
    """
    if chain_method not in METHODS:
        raise InferenceError(f"chain_method must be one of {METHODS}, but got {chain_method!r}")


def choose(posterior: Posterior, chain_method: str, chains: int, kind: Kind = "nuts") -> Engine:
    """The engine for chains of a kernel.

    :raises InferenceError: if the method asked for cannot be had; it says why.
    """
    if kind in VECTORIZED_ONLY and chain_method not in ("auto", "vectorized"):
        raise InferenceError(
            f"chain_method={chain_method!r}: the chains of this kernel move as one batch; leave "
            "chain_method at 'auto'"
        )
    reasons: list[str] = []
    on_cpu = posterior.reference.device.type == "cpu"
    if not native.available():
        reasons.append(f"no native samplers: {native.why_not()}")
    if chain_method == "vectorized" or kind in VECTORIZED_ONLY:
        return _vectorized(posterior, reasons)
    if native.available() and on_cpu:
        compiled, reason = try_compile(posterior)
        if compiled is not None:
            return Engine("native", "compiled", spec=native_density(compiled))
        reasons.append(f"not compiled: {reason}")
    elif not on_cpu:
        reasons.append(f"the model lives on {posterior.reference.device}")
    if chain_method == "auto" and not native.available():
        _warn_of_no_library(reasons[0])
    if chain_method == "auto" and (chains >= _MANY or not on_cpu or not native.available()):
        return _vectorized(posterior, reasons, tried=native.available() and on_cpu)
    if not native.available():
        raise InferenceError(
            f"chain_method={chain_method!r}: {reasons[0]}. Without them, leave chain_method at "
            "'auto'"
        )
    return Engine("native", "eager", tuple(reasons), spec=python_density(posterior))


def _warn_of_no_library(reason: str) -> None:
    warnings.warn(
        f"MCMC: chains run as one batch of tensors, which is slower where they are few; {reason}",
        UserWarning,
        stacklevel=8,  # run of MCMC
    )


def _vectorized(posterior: Posterior, reasons: list[str], tried: bool = False) -> Engine:
    if posterior.reference.device.type == "cpu" and not tried:
        compiled, reason = try_compile(posterior)
        if compiled is not None:
            return Engine("vectorized", "compiled", tuple(reasons), batched=compiled)
        reasons = [*reasons, f"not compiled: {reason}"]
    if not isinstance(posterior, ModelDensity):
        return Engine("vectorized", "loop", tuple(reasons), batched=posterior)
    batched = BatchedDensity(posterior)
    return Engine("vectorized", batched.how, (*reasons, *batched.why), batched=batched)
