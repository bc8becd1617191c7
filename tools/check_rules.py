"""Fails when the source breaks a house rule that the other tools do not know.

The rules, one function each, judge the syntax tree of one file below ``src``:

* an ``__init__.py`` re-exports with a sorted ``__all__`` and holds no logic;
* no name in torch is replaced;
* nothing inside imports the facade ``pyro``, not even one of its modules by way of it;
* no unfinished work is noted in the source.

Run as ``python tools/check_rules.py [root]``.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple


class SourceFile(NamedTuple):
    """A file with its syntax tree; ``name`` is its path below the root of the repository."""

    name: str
    text: str
    tree: ast.Module

    @classmethod
    def parse(cls, text: str, name: str) -> SourceFile:
        return cls(name, text, ast.parse(text, name))


class Finding(NamedTuple):
    """One broken rule, at a line of a file."""

    line: int
    message: str


Rule = Callable[[SourceFile], Iterator[Finding]]
UNFINISHED = re.compile(r"\b(?:TO" r"DO|FIX" r"ME)\b")


def init_has_no_logic(file: SourceFile) -> Iterator[Finding]:
    """Only imports, a docstring, ``__all__`` and ``__version__`` stand in an ``__init__.py``."""
    if not file.name.endswith("__init__.py"):
        return
    for node in file.tree.body:
        if not (_is_import(node) or _is_docstring(node) or _is_export(node)):
            yield Finding(node.lineno, "logic in an __init__.py, which only re-exports")


def init_exports_sorted_names(file: SourceFile) -> Iterator[Finding]:
    """An ``__init__.py`` that imports anything has an ``__all__``, a sorted list of strings."""
    if not file.name.endswith("__init__.py") or not any(map(_is_import, file.tree.body)):
        return
    for node in file.tree.body:
        if isinstance(node, ast.Assign) and "__all__" in _target_names(node):
            yield from _judge_all(node)
            return
    yield Finding(1, "an __init__.py that imports but has no __all__")


def torch_is_not_patched(file: SourceFile) -> Iterator[Finding]:
    """No attribute of torch, or of anything imported from it, is assigned or deleted."""
    known = set(_torch_names(file.tree))
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
            owner: ast.expr = node.value
        elif isinstance(node, ast.Call) and node.args and _is_setattr(node.func):
            owner = node.args[0]
        else:
            continue
        if _root_name(owner) in known:
            yield Finding(node.lineno, f"a name of torch is replaced: {ast.unparse(node)}")


def facade_is_not_imported(file: SourceFile) -> Iterator[Finding]:
    """``import pyro`` and ``from pyro import x`` are for users; inside, name the module."""
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Import) and any(_binds_facade(alias) for alias in node.names):
            yield Finding(node.lineno, "the facade is imported: name the module that is meant")
        elif isinstance(node, ast.ImportFrom) and node.module == "pyro" and not node.level:
            yield Finding(node.lineno, "import from the module that defines it, not from `pyro`")
        elif isinstance(node, ast.ImportFrom) and node.level:
            yield Finding(node.lineno, "a relative import: write the whole path of the module")


def nothing_is_left_unfinished(file: SourceFile) -> Iterator[Finding]:
    """No note of unfinished work stands in the source."""
    for number, line in enumerate(file.text.splitlines(), 1):
        if UNFINISHED.search(line):
            yield Finding(number, "unfinished work is noted in the source")


RULES: tuple[Rule, ...] = (
    init_has_no_logic,
    init_exports_sorted_names,
    torch_is_not_patched,
    facade_is_not_imported,
    nothing_is_left_unfinished,
)


def findings(text: str, name: str) -> list[str]:
    """One line for each rule that ``text``, the text of the file ``name``, breaks."""
    file = SourceFile.parse(text, name)
    return [f"{name}:{found.line}: {found.message}" for rule in RULES for found in rule(file)]


def _is_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_export(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and _target_names(node) <= {"__all__", "__version__"}


def _target_names(node: ast.Assign) -> set[str]:
    return {ast.unparse(target) for target in node.targets}


def _judge_all(node: ast.Assign) -> Iterator[Finding]:
    try:
        names = ast.literal_eval(node.value)
    except ValueError:
        yield Finding(node.lineno, "__all__ is not a plain list of strings")
        return
    if names != sorted(names):
        first = next(name for name, due in zip(names, sorted(names), strict=True) if name != due)
        yield Finding(node.lineno, f"__all__ is not sorted, from {first!r} on")
    if len(set(names)) < len(names):
        yield Finding(node.lineno, "__all__ names something twice")


def _torch_names(tree: ast.Module) -> Iterator[str]:
    """The names of a file that are bound to torch or to something imported from it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "torch":
                    yield alias.asname or "torch"
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "torch":
            yield from (alias.asname or alias.name for alias in node.names)


def _is_setattr(function: ast.expr) -> bool:
    return isinstance(function, ast.Name) and function.id in {"setattr", "delattr"}


def _root_name(node: ast.expr) -> str | None:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def _binds_facade(alias: ast.alias) -> bool:
    return alias.name == "pyro" or (alias.name.startswith("pyro.") and alias.asname is None)


def main(root: Path) -> int:
    """Print every finding below ``root/src``; 1 if there is one."""
    found = [
        line
        for path in sorted((root / "src").rglob("*.py"))
        for line in findings(path.read_text(encoding="utf-8"), path.relative_to(root).as_posix())
    ]
    print("\n".join(found) or "rules: ok")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[1]).resolve()))
