"""How far a run in machine code is: what a checkpoint needs beside parameters and generators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Self


class Phase(NamedTuple):
    """What the next steps of a run depend on, if it is gone on with elsewhere.

    :param after: How many steps are made in torch before the first that is recorded.
    :param made: How many steps there were.
    :param compiled: How many of them were made in machine code.
    :param seed: What the random numbers of steps follow from, if there were some.
    :param reason: Why steps are made in torch, if they have to be.
    :param stages: How far the code is, by kind of arguments; ``tape`` says whether there is any.
    """

    after: int
    made: int
    compiled: int
    seed: int | None
    reason: str | None
    stages: dict[str, dict[str, Any]]

    def to_plain(self) -> dict[str, Any]:
        """As plain data.

        Example::

            >>> from pyro.infer.fit.steps.phase import Phase
            >>> phase = Phase(1, 5, 3, 7, None, {})
            >>> Phase.from_plain(phase.to_plain()) == phase
            True
        """
        return self._asdict()

    @classmethod
    def from_plain(cls, data: Mapping[str, Any]) -> Self:
        """From what :meth:`to_plain` returned; a copy, of which one may take away."""
        return cls(**{**data, "stages": dict(data["stages"])})
