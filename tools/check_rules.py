"""Fails when the source breaks a house rule that the other tools do not know.

The rules, one function each, judge the syntax tree of one file below ``src``:

* an ``__init__.py`` re-exports with an ``__all__`` and holds no logic;
* no name in torch is replaced;
* nothing inside imports the facade ``pyro``;
* no unfinished work is noted in the source.

A folder of modules without an ``__init__.py`` is reported too: the import contracts do not see it.

Run as ``python tools/check_rules.py [root]``.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

POSTPONED = re.compile(r"\(?__getattr__, __dir__\)? = imports_on_first_use\(.*\)")
UNFINISHED = re.compile(r"\b(?:TO" r"DO|FIX" r"ME)\b")


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


def init_has_no_logic(file: SourceFile) -> Iterator[Finding]:
    """Only imports, a docstring, ``__all__`` and ``__version__`` stand in an ``__init__.py``.

    Imports may be postponed: ``__getattr__, __dir__ = imports_on_first_use(...)``, with the same
    imports under ``TYPE_CHECKING``.
    """
    if not file.name.endswith("__init__.py"):
        return
    for node in file.tree.body:
        if not any(
            allowed(node) for allowed in (_is_import, _is_docstring, _is_export, _is_postponed)
        ):
            yield Finding(node.lineno, "logic in an __init__.py, which only re-exports")


def init_has_exports(file: SourceFile) -> Iterator[Finding]:
    """An ``__init__.py`` that imports lists in ``__all__`` names that it has; ruff sorts them."""
    imported = set(_bound_by_imports(file.tree))
    if not file.name.endswith("__init__.py") or not imported:
        return
    for node in file.tree.body:
        if isinstance(node, ast.Assign) and "__all__" in _target_names(node):
            yield from _judge_all(node, imported | {"__version__"})
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


def facade_is_not_bound(file: SourceFile) -> Iterator[Finding]:
    """No import binds the name ``pyro``, and none is relative: a module is named by its path.

    That ``from pyro import name`` imports a module and nothing else is an import contract.
    """
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Import) and any(map(_binds_facade, node.names)):
            yield Finding(node.lineno, "the facade is imported: name the module that is meant")
        elif isinstance(node, ast.ImportFrom) and node.level:
            yield Finding(node.lineno, "a relative import: write the whole path of the module")


def nothing_is_left_unfinished(file: SourceFile) -> Iterator[Finding]:
    """No note of unfinished work stands in the source."""
    for number, line in enumerate(file.text.splitlines(), 1):
        if UNFINISHED.search(line):
            yield Finding(number, "unfinished work is noted in the source")


RULES: tuple[Rule, ...] = (
    init_has_no_logic,
    init_has_exports,
    torch_is_not_patched,
    facade_is_not_bound,
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


def _is_postponed(node: ast.stmt) -> bool:
    if isinstance(node, ast.If):
        return ast.unparse(node.test) == "TYPE_CHECKING" and all(map(_is_import, node.body))
    return isinstance(node, ast.Assign) and POSTPONED.fullmatch(ast.unparse(node)) is not None


def _target_names(node: ast.Assign) -> set[str]:
    return {ast.unparse(target) for target in node.targets}


def _bound_by_imports(tree: ast.Module | ast.If) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.If):
            yield from _bound_by_imports(node)
        elif isinstance(node, ast.ImportFrom) and node.module != "__future__":
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.asname or alias.name.split(".")[0] for alias in node.names)


def _judge_all(node: ast.Assign, known: set[str]) -> Iterator[Finding]:
    try:
        names = ast.literal_eval(node.value)
    except ValueError:
        yield Finding(node.lineno, "__all__ is not a plain list of strings")
        return
    if len(set(names)) < len(names):
        yield Finding(node.lineno, "__all__ names something twice")
    if not set(names) <= known:
        yield Finding(node.lineno, f"__all__ names what is not there: {set(names) - known}")


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


def folders_without_init(root: Path) -> list[str]:
    """The folders below ``root/src`` that hold modules and are no package."""
    folders = {path.parent for path in (root / "src").rglob("*.py")}
    return [
        f"{folder.relative_to(root).as_posix()}: no __init__.py"
        for folder in sorted(folders)
        if not (folder / "__init__.py").is_file()
    ]


def main(root: Path) -> int:
    """Print every finding below ``root/src``; 1 if there is one."""
    found = folders_without_init(root) + [
        line
        for path in sorted((root / "src").rglob("*.py"))
        for line in findings(path.read_text(encoding="utf-8"), path.relative_to(root).as_posix())
    ]
    print("\n".join(found) or "rules: ok")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[1]).resolve()))
