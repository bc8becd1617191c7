"""A step size that follows an acceptance probability."""

from __future__ import annotations

import math


class DualAveraging:
    """Hoffman and Gelman (2014), *The No-U-Turn Sampler*, section 3.2, with their constants.

    Example::

        >>> from pyro.infer.mcmc.adaptation.dual_averaging import DualAveraging
        >>> averaging = DualAveraging(0.1)
        >>> averaging.update(accepted=1.0, target=0.8) > 0.1
        True
    """

    _GAIN, _DELAY, _DECAY = 0.05, 10.0, 0.75

    def __init__(self, step_size: float) -> None:
        self._center = math.log(10 * step_size)
        self._log_average = 0.0
        self._error = 0.0
        self._count = 0
        self._step_size = step_size

    def update(self, accepted: float, target: float) -> float:
        """The next step size."""
        self._count += 1
        weight = 1 / (self._count + self._DELAY)
        self._error += weight * (target - accepted - self._error)
        log_step = self._center - math.sqrt(self._count) / self._GAIN * self._error
        decay = self._count**-self._DECAY
        self._log_average += decay * (log_step - self._log_average)
        self._step_size = math.exp(min(max(log_step, -230.0), 230.0))
        return self._step_size

    @property
    def average(self) -> float:
        """What to use when adaptation ends."""
        return math.exp(self._log_average) if self._count else self._step_size
