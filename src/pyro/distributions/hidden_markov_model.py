"""What hidden Markov models share: the time axis."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from pyro.distributions.torch_distribution import TorchDistribution
from pyro.errors import ShapeError
from pyro.ops.shapes import Numeric, broadcast_shape


class HiddenMarkovModel(TorchDistribution):
    """Base of distributions of sequences, whose event shape has time at the left.

    A model none of whose parameters depends on time is homogeneous: it can score sequences of any
    length, and draw sequences if it is told how long.

    :param duration: The number of steps, for homogeneous models; else None or what the parameters
        say.
    :param batch_shape: The batch shape.
    :param event_shape: The number of steps according to the parameters (1 if homogeneous), then the
        shape of one observation.
    :raises ShapeError: (a ``ValueError``) if ``duration`` contradicts the parameters.
    """

    def __init__(
        self,
        duration: int | None,
        batch_shape: torch.Size,
        event_shape: Sequence[int],
        validate_args: bool | None = None,
    ) -> None:
        steps = event_shape[0]
        if duration is not None and steps not in (1, duration):
            raise ShapeError(
                f"{type(self).__name__}: duration={duration} but parameters have {steps} steps; "
                "leave duration out or give it the same value"
            )
        self._duration = steps if duration is None and steps != 1 else duration
        shape = torch.Size((self._duration or 1, *event_shape[1:]))
        super().__init__(batch_shape, shape, validate_args)

    @property
    def duration(self) -> int | None:
        """The number of steps; None where it is left open."""
        return self._duration

    def _steps_to_draw(self) -> int:
        if self._duration is None:
            raise ValueError(
                f"{type(self).__name__} is homogeneous: to draw, say for how many steps, "
                "as in duration=100"
            )
        return self._duration

    def _sequence(self, value: Numeric) -> Tensor:
        """A sequence to be scored: made a tensor and, under validation, checked for its shape."""
        sequence: Tensor = value if isinstance(value, Tensor) else self._as_value(value)
        if self._validate_args:
            self._check_sequence_shape(sequence.shape)
        return sequence

    def _check_sequence_shape(self, shape: torch.Size) -> None:
        rank = self.event_dim
        event = shape[len(shape) - rank :]
        free = self._duration is None
        if len(shape) < rank or event[free:] != self._event_shape[free:] or 0 in event:
            wanted = ("any", *self._event_shape[1:]) if free else tuple(self._event_shape)
            raise ShapeError(
                f"{type(self).__name__}: a sequence must end in the shape {wanted} "
                f"(time first), got a value of shape {tuple(shape)}"
            )
        broadcast_shape(shape[: len(shape) - rank], self._batch_shape)
