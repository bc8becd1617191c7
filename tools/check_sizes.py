"""Fails when a file or a function has grown beyond the limits of the house rules.

A file may have 450 lines; a function 60, counted from ``def`` to its end without the docstring
and the decorators. Files named in ``OWN_LIMITS`` have a limit of their own.

Run as ``python tools/check_sizes.py [root]``.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

FILE_LIMIT = 450
FUNCTION_LIMIT = 60
OWN_LIMITS = {"src/pyro/contrib/minipyro.py": 400}
FOLDERS = ("src", "tools", "tests", "examples", "benchmarks")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def python_files(root: Path, folders: tuple[str, ...] = FOLDERS) -> Iterator[Path]:
    """All Python files below the given folders of ``root``, in a fixed order."""
    for folder in folders:
        yield from sorted((root / folder).rglob("*.py"))


def function_length(node: Function) -> int:
    """Lines from ``def`` to the end, less those of the docstring."""
    length = (node.end_lineno or node.lineno) - node.lineno + 1
    if ast.get_docstring(node, clean=False) is None:
        return length
    docstring = node.body[0]
    return length - ((docstring.end_lineno or docstring.lineno) - docstring.lineno + 1)


def offenders(source: str, name: str) -> list[str]:
    """One line of text for each limit that ``source``, the text of the file ``name``, breaks."""
    limit = OWN_LIMITS.get(name, FILE_LIMIT)
    length = len(source.splitlines())
    long_file = [f"{name}: {length} lines, limit {limit}"] if length > limit else []
    long_functions = [
        f"{name}:{node.lineno}: function {node.name} has {function_length(node)} lines, "
        f"limit {FUNCTION_LIMIT}"
        for node in ast.walk(ast.parse(source, name))
        if isinstance(node, Function) and function_length(node) > FUNCTION_LIMIT
    ]
    return long_file + long_functions


def main(root: Path) -> int:
    """Print every offender below ``root``; 1 if there is one."""
    found = [
        line
        for path in python_files(root)
        for line in offenders(path.read_text(encoding="utf-8"), path.relative_to(root).as_posix())
    ]
    print("\n".join(found) or "sizes: ok")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[1]).resolve()))
