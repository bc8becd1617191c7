"""Adaptation for kernels of one's own: step size and mass matrix in Stan's windows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from torch import Tensor

from pyro.infer.errors import InferenceError
from pyro.infer.mcmc.adaptation.block_mass_matrix import BlockMassMatrix
from pyro.infer.mcmc.adaptation.dual_averaging import DualAveraging
from pyro.infer.mcmc.adaptation.mass_matrix import MassMatrix, Names, Shapes

_FIRST, _WINDOW, _LAST, _SHORTEST = 75, 25, 50, 20


class Window(NamedTuple):
    """Iterations of warm-up, both included."""

    start: int
    end: int


class WarmupAdapter:
    """Adapts a step size and a mass matrix while a chain warms up.

    The windows are those of the Stan reference manual, section 15.2: the step size alone, then
    windows of doubling length for the mass matrix, and the step size alone again. The kernels
    :class:`~pyro.infer.mcmc.HMC` and :class:`~pyro.infer.mcmc.NUTS` adapt natively and do not use
    it.

    :param step_size: The first step size.
    :param adapt_step_size: Whether it is adapted, by dual averaging.
    :param target_accept_prob: To which acceptance probability.
    :param adapt_mass_matrix: Whether the mass matrix is adapted.
    :param dense_mass: Kept for kernels to read.

    Example::

        >>> from pyro.infer.mcmc.adaptation import WarmupAdapter
        >>> adapter = WarmupAdapter(0.5, adapt_step_size=True, adapt_mass_matrix=True)
        >>> adapter.configure(warmup_steps=200, mass_matrix_shape={("x",): (2,)})
        >>> [tuple(window) for window in adapter.adaptation_schedule]
        [(0, 74), (75, 99), (100, 149), (150, 199)]
    """

    def __init__(
        self,
        step_size: float = 1,
        adapt_step_size: bool = False,
        target_accept_prob: float = 0.8,
        adapt_mass_matrix: bool = False,
        dense_mass: bool = False,
    ) -> None:
        self.step_size = step_size
        self.adapt_step_size = adapt_step_size
        self.target_accept_prob = target_accept_prob
        self.adapt_mass_matrix = adapt_mass_matrix
        self.dense_mass = dense_mass
        self._adapter: MassMatrix = BlockMassMatrix()
        self._schedule: list[Window] = []
        self._window = 0
        self._averaging = DualAveraging(step_size)
        self._find: Callable[[Mapping[str, Tensor]], float] | None = None

    def configure(
        self,
        warmup_steps: int,
        initial_step_size: float | None = None,
        mass_matrix_shape: Shapes | None = None,
        find_reasonable_step_size_fn: Callable[[Mapping[str, Tensor]], float] | None = None,
        options: Mapping[str, Any] = {},
    ) -> None:
        """Begin.

        :param warmup_steps: How many iterations.
        :param initial_step_size: The first step size, if not that of the constructor.
        :param mass_matrix_shape: As for :meth:`BlockMassMatrix.configure`.
        :param find_reasonable_step_size_fn: From a position to a step size, when the mass matrix
            has changed.
        :param options: For the mass matrix.
        """
        if initial_step_size is not None:
            self.step_size = initial_step_size
        self._find = find_reasonable_step_size_fn
        self._schedule = _schedule(warmup_steps)
        self._window = 0
        self._averaging = DualAveraging(self.step_size)
        if mass_matrix_shape is not None:
            self._adapter.configure(mass_matrix_shape, self.adapt_mass_matrix, options)

    def reset_step_size_adaptation(self, z: Mapping[str, Tensor]) -> None:
        """Find a step size at a position, and average anew."""
        if self._find is not None:
            self.step_size = self._find(z)
        self._averaging = DualAveraging(self.step_size)

    def step(
        self,
        t: int,
        z: Mapping[str, Tensor],
        accept_prob: float | Tensor,
        z_grad: Mapping[str, Tensor] | None = None,
    ) -> None:
        """Take iteration number ``t`` into account.

        :param z: The position.
        :param accept_prob: The acceptance probability.
        :param z_grad: The gradient of the potential energy there.
        """
        if self._window >= len(self._schedule):
            return
        window = self._schedule[self._window]
        inner = 0 < self._window < len(self._schedule) - 1
        if self.adapt_step_size:
            self.step_size = self._averaging.update(float(accept_prob), self.target_accept_prob)
        if self.adapt_mass_matrix and inner:
            self._adapter.update(z, z if z_grad is None else z_grad)
        if t < window.end:
            return
        self._window += 1
        if self._window == len(self._schedule):
            self.step_size = self._averaging.average if self.adapt_step_size else self.step_size
        elif inner and self.adapt_mass_matrix:
            self._adapter.end_adaptation()
            if self.adapt_step_size:
                self.reset_step_size_adaptation(z)

    @property
    def adaptation_schedule(self) -> list[Window]:
        """The windows."""
        return self._schedule

    @property
    def mass_matrix_adapter(self) -> MassMatrix:
        """What estimates the mass matrix."""
        return self._adapter

    @mass_matrix_adapter.setter
    def mass_matrix_adapter(self, adapter: MassMatrix) -> None:
        self._adapter = adapter

    @property
    def inverse_mass_matrix(self) -> dict[Names, Any]:
        """The inverse mass matrix, by tuples of sites."""
        return self._adapter.inverse_mass_matrix


def _schedule(steps: int) -> list[Window]:
    if steps < 0:
        raise InferenceError(f"warmup_steps must be at least 0, but got {steps}")
    if steps < _SHORTEST:
        return [Window(0, steps - 1)] if steps else []
    first, window, last = _FIRST, _WINDOW, _LAST
    if first + window + last > steps:
        first, last = int(0.15 * steps), int(0.1 * steps)
        window = steps - first - last
    windows = [Window(0, first - 1)]
    at, stop = first, steps - last
    while at < stop:
        end = stop if at + 3 * window > stop else at + window
        windows.append(Window(at, end - 1))
        at, window = end, 2 * window
    return [*windows, Window(stop, steps - 1)]
