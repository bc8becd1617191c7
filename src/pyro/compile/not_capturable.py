"""The error of a function that has no fixed tape."""

from __future__ import annotations

import sys
from pathlib import Path
from types import FrameType

import torch

from pyro.errors import PyroError

_INSIDE = (str(Path(torch.__file__).parent), str(Path(__file__).parents[1]))


class NotCapturable(PyroError, RuntimeError):  # noqa: N818
    """A function cannot be recorded once for all inputs.

    :param reason: what stands in the way.
    :param where: ``file:line`` of the statement in the user's program.
    """

    def __init__(self, reason: str, where: str) -> None:
        super().__init__(f"{reason} (at {where})")
        self.reason = reason
        self.where = where


def not_capturable(reason: str) -> NotCapturable:
    """The error, with the line of the user's program that runs now."""
    return NotCapturable(reason, user_line(sys._getframe(1)))


def user_line(frame: FrameType | None) -> str:
    """``file:line`` of the innermost frame that is neither torch's nor ours."""
    while frame is not None:
        if not frame.f_code.co_filename.startswith(_INSIDE):
            return f"{frame.f_code.co_filename}:{frame.f_lineno}"
        frame = frame.f_back
    return "an unknown line"
