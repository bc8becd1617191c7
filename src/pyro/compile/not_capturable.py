"""The error of a function that has no fixed tape."""

from __future__ import annotations

import sys
from pathlib import Path
from types import FrameType

import torch

from pyro.errors import PyroError

_COMPILER = str(Path(__file__).parent)
_PYRO = str(Path(__file__).parents[1])
_TORCH = str(Path(torch.__file__).parent)
_INSIDE = (_TORCH, _PYRO)
_BETWEEN = (_COMPILER, str(Path(_TORCH) / "utils" / "_device.py"))  # torch.set_default_device
_LIBRARY = (str(Path(_TORCH) / "distributions"), _PYRO)


class NotCapturable(PyroError, RuntimeError):  # noqa: N818
    """A function cannot be recorded once for all inputs.

    :param reason: what stands in the way.
    :param where: ``file:line`` of the statement in the user's program.
    """

    def __init__(self, reason: str, where: str) -> None:
        super().__init__(f"{reason} (at {where})")
        self.reason = reason
        self.where = where


class RandomDraw(NotCapturable):
    """A function draws random numbers, and nobody has said where they come from."""


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


def in_library() -> bool:
    """Whether the statement that runs now is one of our library or of torch's distributions."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_BETWEEN):
        frame = frame.f_back
    return frame is not None and frame.f_code.co_filename.startswith(_LIBRARY)


def reason_of(error: BaseException) -> str:
    """An error in one line; what the compiler says, if it is the cause."""
    cause = capture_failure(error)
    if cause is not None:
        return str(cause).splitlines()[0]
    text = str(error).splitlines()
    return f"{type(error).__name__}: {text[0] if text else ''}"


def capture_failure(error: BaseException) -> NotCapturable | None:
    """What the compiler has raised, if it is the error or what led to it."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, NotCapturable):
        cause = cause.__cause__ or cause.__context__
    return cause
