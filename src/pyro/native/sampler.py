"""Chains that can be advanced, watched, saved and continued."""

from __future__ import annotations

import ctypes
import os
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pyro.errors import CheckpointError, DensityError, NativeLibraryError, ShapeError
from pyro.interrupts import held_back, let_through
from pyro.native.config import KernelConfig
from pyro.native.density import Array, DensitySpec
from pyro.native.library import MESSAGE_SIZE, library
from pyro.native.output import Output
from pyro.native.structures import TICK, OutputStruct, ProgressStruct

POLL_SECONDS = 0.1
FATAL = 2


@dataclass(frozen=True)
class ChainProgress:
    """What is seen of a chain while it runs; the fields are those of ``ProgressStruct``."""

    iteration: int  # of all, warm-up included
    divergences: int  # after warm-up
    gradients: int  # evaluations of the density, of all
    tree_depth: int  # of the last transition
    leapfrogs: int
    status: int  # of the last advance: 0 done or running, 1 interrupted, 2 the density failed
    code: int  # what the density answered, if it failed
    rows: int  # made by the last advance, those before row 0 included
    divergence_rows: int  # divergences that the last advance recorded
    step_size: float
    log_density: float


ProgressCallback = Callable[[list[ChainProgress]], None]


class Sampler:
    """Chains of one density. What chain ``i`` does depends on the seed and ``first_chain + i``.

    The state of a chain is saved at any time between two advances. Loaded into a sampler with the
    same density and configuration, in another process too, it goes on bit for bit as it would have
    (with processors that have the same vector instructions).

    :param density: What is sampled from.
    :param config: The kernel and its warm-up.
    :param positions: Where chains start, [chains, dim]; the density must be finite there.
    :param seed: A number from 0 to 2**64 - 1.
    :param first_chain: The number of the first chain: other numbers give independent chains.
    :param inverse_metric: A first diagonal of the inverse mass matrix, [dim].
    :raises ShapeError: if the positions or the inverse metric do not fit the density.
    :raises SamplerConfigError: if a block of the metric does not fit the density.
    :raises NativeLibraryError: if the compiled library is absent.

    Example::

        >>> import numpy as np
        >>> from pyro.native import NutsConfig, Output
        >>> density = DensitySpec.from_callable(lambda x: (-0.5 * x @ x, -x), dim=2)
        >>> sampler = Sampler(density, NutsConfig(warmup=20), np.zeros((1, 2)), seed=1)
        >>> output = Output.allocate(1, 30, 2)
        >>> sampler.advance(50, output, first=-20)  # warm-up is not written
        >>> output.draws.shape, sampler.progress()[0].iteration
        ((1, 30, 2), 50)
    """

    def __init__(
        self,
        density: DensitySpec,
        config: KernelConfig,
        positions: Array,
        seed: int,
        *,
        first_chain: int = 0,
        inverse_metric: Array | None = None,
    ) -> None:
        self.density = density
        self.config = config
        start = np.ascontiguousarray(positions, dtype=np.float64)
        if start.ndim != 2 or start.shape[1] != density.dim:
            raise ShapeError(
                f"positions must have the shape [chains, {density.dim}], and have {start.shape}"
            )
        self.chains = start.shape[0]
        self._library = library()
        self._handle = self._make(start, seed, first_chain, self._metric(inverse_metric))
        self._finalizer = weakref.finalize(self, self._library.pyro_run_delete, self._handle)

    def _metric(self, inverse_metric: Array | None) -> Array | None:
        if inverse_metric is None:
            return None
        metric = np.ascontiguousarray(inverse_metric, dtype=np.float64)
        if metric.shape != (self.density.dim,) or not np.all((metric > 0) & np.isfinite(metric)):
            raise ShapeError(
                f"inverse_metric must be {self.density.dim} positive numbers, and is {metric}"
            )
        return metric

    def _make(self, start: Array, seed: int, first: int, metric: Array | None) -> ctypes.c_void_p:
        blocks = self.config.block_lists(self.density.dim)
        sizes = np.array([len(block) for block in blocks], dtype=np.int64)
        members = np.array([index for block in blocks for index in block], dtype=np.int64)
        handle = ctypes.c_void_p()
        message = ctypes.create_string_buffer(MESSAGE_SIZE)
        failed = self._library.pyro_run_new(
            self.config.structure(), self.density.structure(),
            len(blocks), sizes.ctypes.data, members.ctypes.data,
            self.chains, seed, first, start.ctypes.data,
            None if metric is None else metric.ctypes.data,
            ctypes.byref(handle), message, MESSAGE_SIZE,
        )  # fmt: skip
        self._check(failed, message)
        return handle

    @staticmethod
    def _check(failed: int, message: ctypes.Array[ctypes.c_char]) -> None:
        if failed:
            text = message.value.decode(errors="replace")
            raise NativeLibraryError(f"the native sampler could not go on: {text}")

    def advance(
        self,
        rows: int,
        output: Output,
        *,
        first: int = 0,
        thinning: int = 1,
        threads: int | None = None,
        on_progress: ProgressCallback | None = None,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        """Make ``rows`` rows of each chain, into the rows of ``output`` from ``first`` on.

        Rows before row 0 are single iterations that are not written; each of the others is the
        last of ``thinning`` iterations. When it ends, by an exception too, ``progress()`` tells
        how many rows each chain has, and another advance goes on from there. An iteration that was
        interrupted is made anew then: the draws are those of an uninterrupted run.

        :param threads: At most; by default one per processor. A density in Python runs in the
            calling thread, where all chains take turns.
        :param on_progress: Called in this thread every ``poll_seconds``, and at the end.
        :raises KeyboardInterrupt: after Ctrl-C.
        :raises DensityError: if the density failed, with its answer and the position. An exception
            of a density in Python is raised as it is.
        """
        self._require_room(rows, first, output)
        structures = output.structures()
        request = (rows, thinning, first, (OutputStruct * max(1, self.chains))(*structures))
        watch = _Watch(self, on_progress, poll_seconds)
        if self.density.in_python:
            self._advance_here(request, watch)
        else:
            self._advance_on_threads(request, threads or available_processors(), watch)
        watch.report()
        self._raise_failure()

    def _require_room(self, rows: int, first: int, output: Output) -> None:
        shape = (self.chains, max(0, first + rows), self.density.dim)
        found = output.draws.shape
        if found[0] != shape[0] or found[1] < shape[1] or found[2] != shape[2]:
            raise ShapeError(f"the output must have room for {shape}, and has the shape {found}")

    def _advance_here(self, request: Sequence[object], watch: _Watch) -> None:
        message = ctypes.create_string_buffer(MESSAGE_SIZE)
        tick = TICK(watch.tick)
        with held_back():
            failed = self._library.pyro_run_advance_here(
                self._handle, *request, tick, message, MESSAGE_SIZE
            )
        self._check(failed, message)
        if watch.failure is not None:
            raise watch.failure

    def _advance_on_threads(self, request: Sequence[object], threads: int, watch: _Watch) -> None:
        message = ctypes.create_string_buffer(MESSAGE_SIZE)
        try:  # Ctrl-C may come as soon as the threads run, and they write to the output
            failed = self._library.pyro_run_start(
                self._handle, *request, threads, message, MESSAGE_SIZE
            )
            self._check(failed, message)
            while not self._library.pyro_run_wait(self._handle, watch.seconds):
                watch.report()
        except BaseException:  # Ctrl-C, or what a progress callback raises
            self.interrupt()
            while not self._library.pyro_run_wait(self._handle, watch.seconds):
                pass
            raise

    def _raise_failure(self) -> None:
        for chain, seen in enumerate(self.progress()):
            if seen.status != FATAL:
                continue
            failure = self.density.failure()
            if failure is not None:
                raise failure
            position = np.empty(self.density.dim)
            self._library.pyro_chain_failed_position(self._handle, chain, position.ctypes.data)
            raise DensityError(
                f"{self.density.message(seen.code)}, in iteration {seen.iteration} of chain "
                f"{chain}, at {np.array2string(position, threshold=10)}"
            )

    def interrupt(self) -> None:
        """Stop an advance that runs in another thread; it returns with the draws so far."""
        self._library.pyro_run_interrupt(self._handle)

    def progress(self) -> list[ChainProgress]:
        """What is seen of each chain; at any time, from any thread."""
        seen = (ProgressStruct * max(1, self.chains))()
        self._library.pyro_run_progress(self._handle, seen)
        rows = np.frombuffer(seen, dtype=np.dtype(ProgressStruct), count=self.chains)
        return [ChainProgress(*row) for row in rows.tolist()]

    def inverse_metric(self) -> Array:
        """The diagonals of the present inverse mass matrices, [chains, dim]."""
        result = np.empty((self.chains, self.density.dim))
        for chain in range(self.chains):
            self._library.pyro_chain_inverse_metric(
                self._handle, chain, result[chain : chain + 1].ctypes.data
            )
        return result

    def move(self, positions: Array) -> None:
        """Let the next iterations begin elsewhere; what warm-up has learned is kept.

        :param positions: [chains, dim]; the density must be finite there.
        :raises ShapeError: if they do not fit the density.
        """
        places = np.ascontiguousarray(positions, dtype=np.float64)
        if places.shape != (self.chains, self.density.dim):
            raise ShapeError(
                f"positions must have the shape {(self.chains, self.density.dim)}, and have "
                f"{places.shape}"
            )
        for chain in range(self.chains):
            self._library.pyro_chain_move(self._handle, chain, places[chain:].ctypes.data)

    def save(self) -> list[bytes]:
        """The state of each chain."""
        return [self._save(chain) for chain in range(self.chains)]

    def _save(self, chain: int) -> bytes:
        size = self._library.pyro_chain_save(self._handle, chain, None, 0)
        state = ctypes.create_string_buffer(max(1, size))
        if size < 0 or self._library.pyro_chain_save(self._handle, chain, state, size) != size:
            raise MemoryError("the state of a chain could not be saved")
        return state.raw[:size]

    def load(self, states: Sequence[bytes]) -> None:
        """Put each chain into a state that was saved.

        :raises CheckpointError: if there is not one state per chain, or if one is damaged or was
            saved with another density's dimension or another configuration.
        """
        if len(states) != self.chains:
            raise CheckpointError(f"there are {len(states)} states for {self.chains} chains")
        for chain, state in enumerate(states):
            if self._library.pyro_chain_load(self._handle, chain, state, len(state)):
                raise CheckpointError(
                    f"the state of chain {chain} ({len(state)} bytes) is damaged, or was saved "
                    "with another dimension or configuration"
                )


class _Watch:
    """Calls a progress callback now and then."""

    def __init__(self, sampler: Sampler, callback: ProgressCallback | None, seconds: float) -> None:
        self._sampler = sampler
        self._callback = callback
        self._next = time.monotonic() + seconds
        self.seconds = seconds
        self.failure: BaseException | None = None

    def report(self) -> None:
        """Tell the callback now."""
        if self._callback is not None:
            self._callback(self._sampler.progress())

    def tick(self) -> int:
        """Tell the callback if it is time; 1, with the ``failure``, if it raises."""
        try:
            with let_through():
                if self._callback is not None and time.monotonic() >= self._next:
                    self._next = time.monotonic() + self.seconds
                    self.report()
        except BaseException as error:  # must not pass through foreign code
            self.failure = error
            return 1
        return 0


def available_processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
