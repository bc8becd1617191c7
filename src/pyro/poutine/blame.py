"""Which statement of the user's program an exception came from."""

from __future__ import annotations

import ast
import contextlib
import linecache
from itertools import islice
from pathlib import Path
from traceback import walk_tb
from types import CodeType, FrameType, TracebackType

import torch

_LIBRARIES = (
    str(Path(__file__).resolve().parents[1]),
    str(Path(torch.__file__).resolve().parent),
    contextlib.__file__,
)
_STATEMENTS = frozenset(
    ("deterministic", "factor", "iarange", "irange", "module", "param", "plate", "random_module")
    + ("sample", "subsample")
)

Span = tuple[tuple[int, int], tuple[int, int]]


def statement_of(error: BaseException) -> str | None:
    """Text like ``in pyro.sample("x", ...) at model.py:12``, or None if there is no such statement.

    The statement is the one that encloses the failing expression in the innermost frame outside
    Pyro and torch, so it is found even when its distribution could not be made. Where the source
    is not available the result is None.
    """
    found = _user_frame(error.__traceback__)
    if found is None:
        return None
    frame, tb = found
    file = frame.f_code.co_filename
    source = "".join(linecache.getlines(file, frame.f_globals))
    span = _span(frame.f_code, tb.tb_lasti)
    call = None if span is None else _enclosing_statement(source, span)
    if call is None:
        return None
    return f"in {_abbreviated(source, call)} at {Path(file).name}:{call.lineno}"


def _user_frame(traceback: TracebackType | None) -> tuple[FrameType, TracebackType] | None:
    found = None
    for frame, _ in walk_tb(traceback):
        assert traceback is not None
        if not frame.f_code.co_filename.startswith(_LIBRARIES):
            found = frame, traceback
        traceback = traceback.tb_next
    return found


def _span(code: CodeType, instruction: int) -> Span | None:
    """Where the source of a bytecode instruction begins and ends: pairs of line and column."""
    position = next(islice(code.co_positions(), instruction // 2, None), None)
    if position is None:
        return None
    line, end_line, column, end_column = position
    if line is None or end_line is None or column is None or end_column is None:
        return None
    return (line, column), (end_line, end_column)


def _enclosing_statement(source: str, span: Span) -> ast.Call | None:
    """The innermost call of a primitive around a span of the source."""
    try:
        tree = ast.parse(source)
    except SyntaxError:  # a notebook cell with magics, a template
        return None
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    around = [call for call in calls if _name(call) in _STATEMENTS and _covers(call, span)]
    return max(around, key=lambda call: (call.lineno, call.col_offset), default=None)


def _name(call: ast.Call) -> str | None:
    return getattr(call.func, "attr", getattr(call.func, "id", None))


def _covers(call: ast.Call, span: Span) -> bool:
    first, last = span
    end = call.end_lineno or 0, call.end_col_offset or 0
    return (call.lineno, call.col_offset) <= first and last <= end


def _abbreviated(source: str, call: ast.Call) -> str:
    """The call with its first argument (a site's name) and dots for the others."""
    named = [keyword.value for keyword in call.keywords if keyword.arg == "name"]
    first = (call.args or named or [None])[0]  # type: ignore[list-item]
    shown = "" if first is None else ast.get_source_segment(source, first)
    more = ", ..." if len(call.args) + len(call.keywords) > 1 else ""
    return f"{ast.unparse(call.func)}({shown}{more})"
