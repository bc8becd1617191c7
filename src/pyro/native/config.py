"""What a kernel is asked to do."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from pyro.errors import SamplerConfigError
from pyro.native.structures import ConfigStruct

Metric: TypeAlias = Literal["diagonal", "dense", "low_rank", "automatic"]
Rule: TypeAlias = Literal["fisher", "stan"]

_METRICS: tuple[Metric, ...] = ("diagonal", "dense", "low_rank", "automatic")
_RULES: tuple[Rule, ...] = ("stan", "fisher")


@dataclass(frozen=True, kw_only=True)
class KernelConfig(ABC):
    """What NUTS and HMC have in common. Use :class:`NutsConfig` or :class:`HmcConfig`.

    :param warmup: Iterations that adapt; they are the first of a chain.
    :param target_accept: Mean acceptance probability at which the step size is aimed.
    :param step_size: The first one; the only one without ``adapt_step_size``.
    :param min_step_size: Adaptation goes no lower.
    :param max_step_size: Adaptation goes no higher.
    :param step_size_jitter: Each trajectory has a step size scaled by U(1 - j, 1 + j).
    :param metric: Form of the inverse mass matrix. ``"automatic"`` is diagonal until warm-up sees
        long trajectories that the low-rank correction would shorten.
    :param blocks: For ``metric="dense"``: sets of coordinates that share a dense block, the others
        being diagonal. None: one block of all.
    :param rule: ``"fisher"`` estimates the metric from draws and gradients and follows them from
        the start (Seyboldt, Carlson and Carpenter 2026); ``"stan"`` from draws, in windows.
    :param max_energy_error: A trajectory with a larger error has diverged.
    :param max_rank: Of the correction that ``metric="low_rank"`` makes to the diagonal.
    :param eigenvalue_cutoff: That correction leaves out eigenvalues within [1/c, c].
    :param regularisation: Added to the diagonals of covariances of standardised draws and
        gradients.
    :raises SamplerConfigError: for a value outside its range.
    """

    warmup: int = 1000
    target_accept: float = 0.8
    step_size: float = 1.0
    min_step_size: float = 0.0
    max_step_size: float = math.inf
    step_size_jitter: float = 0.0
    adapt_step_size: bool = True
    adapt_metric: bool = True
    metric: Metric = "diagonal"
    blocks: Sequence[Sequence[int]] | None = None
    rule: Rule = "fisher"
    max_energy_error: float = 1000.0
    max_rank: int = 24
    eigenvalue_cutoff: float = 2.0
    regularisation: float = 1e-5

    def __post_init__(self) -> None:
        self._require("warmup", self.warmup >= 0, "at least 0")
        self._require("target_accept", 0 < self.target_accept < 1, "in (0, 1)")
        self._require(
            "step_size", self.step_size > 0 and math.isfinite(self.step_size), "positive and finite"
        )
        self._require("min_step_size", 0 <= self.min_step_size < math.inf, "at least 0 and finite")
        self._require(
            "max_step_size",
            self.max_step_size >= max(self.min_step_size, 1e-300),
            "positive and at least min_step_size",
        )
        self._require("step_size_jitter", 0 <= self.step_size_jitter < 1, "in [0, 1)")
        self._require("metric", self.metric in _METRICS, f"one of {_METRICS}")
        self._require("rule", self.rule in _RULES, f"one of {_RULES}")
        self._require("max_energy_error", self.max_energy_error > 0, "positive")
        self._require("max_rank", self.max_rank >= 0, "at least 0")
        self._require("eigenvalue_cutoff", self.eigenvalue_cutoff >= 1, "at least 1")
        self._require("regularisation", self.regularisation >= 0, "at least 0")
        self._require(
            "rule",
            self.rule == "fisher" or self.metric not in ("low_rank", "automatic"),
            f'"fisher" for metric={self.metric!r}',
        )
        self._require(
            "blocks", self.blocks is None or self.metric == "dense", 'used with metric="dense"'
        )
        self._check()

    def _require(self, name: str, holds: bool, what: str) -> None:
        if not holds:
            raise SamplerConfigError(f"{name} must be {what}, and is {getattr(self, name)!r}")

    def block_lists(self, dim: int) -> list[list[int]]:
        """The dense blocks for a density of ``dim`` coordinates.

        :raises SamplerConfigError: if a coordinate is in two of them or does not exist.
        """
        if self.metric != "dense":
            return []
        if self.blocks is None:
            return [list(range(dim))]
        blocks = [list(block) for block in self.blocks]
        members = [index for block in blocks for index in block]
        distinct = len(set(members)) == len(members)
        inside = all(0 <= index < dim for index in members)
        self._require("blocks", distinct and inside, f"disjoint sets of coordinates below {dim}")
        return blocks

    def _common(self) -> ConfigStruct:
        """The structure with the fields that kernels share."""
        return ConfigStruct(
            metric=_METRICS.index(self.metric),
            rule=_RULES.index(self.rule),
            warmup=self.warmup,
            adapt_step_size=self.adapt_step_size,
            adapt_metric=self.adapt_metric,
            multinomial=1,
            max_tree_depth=1,
            max_rank=self.max_rank,
            step_size=self.step_size,
            min_step_size=self.min_step_size,
            max_step_size=self.max_step_size,
            step_size_jitter=self.step_size_jitter,
            target_accept=self.target_accept,
            max_energy_error=self.max_energy_error,
            eigenvalue_cutoff=self.eigenvalue_cutoff,
            regularisation=self.regularisation,
        )

    @abstractmethod
    def _check(self) -> None:
        """Refuse values of the kernel's own parameters."""

    @abstractmethod
    def structure(self) -> ConfigStruct:
        """What the library is given."""


@dataclass(frozen=True, kw_only=True)
class NutsConfig(KernelConfig):
    """The no-U-turn sampler (Hoffman and Gelman 2014; Betancourt 2017).

    :param max_tree_depth: A trajectory has at most ``2 ** max_tree_depth - 1`` leapfrog steps.
    :param multinomial: Draw from a trajectory by its weights; False: from a slice of it.

    Other parameters are those of :class:`KernelConfig`.
    """

    max_tree_depth: int = 10
    multinomial: bool = True

    def _check(self) -> None:
        self._require("max_tree_depth", 1 <= self.max_tree_depth <= 24, "from 1 to 24")

    def structure(self) -> ConfigStruct:
        """What the library is given."""
        structure = self._common()
        structure.kernel = 0
        structure.max_tree_depth = self.max_tree_depth
        structure.multinomial = self.multinomial
        return structure


@dataclass(frozen=True, kw_only=True)
class HmcConfig(KernelConfig):
    """Hamiltonian Monte Carlo with trajectories of a fixed length (Neal 2011).

    :param trajectory_length: Step size times number of steps; at least one step is made.
    :param num_steps: The number of steps instead, whatever the step size.
    :param max_steps: A limit on the steps that ``trajectory_length`` asks for.

    Other parameters are those of :class:`KernelConfig`.
    """

    trajectory_length: float = 2 * math.pi
    num_steps: int | None = None
    max_steps: int = 1024

    def _check(self) -> None:
        self._require("trajectory_length", self.trajectory_length > 0, "positive")
        self._require("num_steps", self.num_steps is None or self.num_steps > 0, "positive")
        self._require("max_steps", self.max_steps > 0, "positive")

    def structure(self) -> ConfigStruct:
        """What the library is given."""
        structure = self._common()
        structure.kernel = 1
        structure.trajectory_length = self.trajectory_length
        structure.num_steps = self.num_steps or 0
        structure.max_steps = self.max_steps
        return structure
