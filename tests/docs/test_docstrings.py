"""Every example in a docstring runs and prints what it says."""

import ast
import doctest
import importlib
import pkgutil
import re
import warnings
from pathlib import Path

import pytest
import torch

import pyro
import pyro.distributions as dist
from pyro import poutine
from pyro.distributions import constraints

MODULES = sorted(info.name for info in pkgutil.walk_packages(pyro.__path__, "pyro."))
GLOBALS = {
    "constraints": constraints,
    "dist": dist,
    "poutine": poutine,
    "pyro": pyro,
    "torch": torch,
}


@pytest.mark.parametrize("name", ["pyro", *MODULES])
def test_examples(name: str) -> None:
    module = importlib.import_module(name)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    for test in doctest.DocTestFinder(exclude_empty=True).find(module, extraglobs=GLOBALS):
        pyro.clear_param_store()
        pyro.set_rng_seed(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # `obs` outside of inference
            runner.run(test)
    assert runner.summarize(verbose=False).failed == 0


def _not_run(source: str) -> list[str]:
    """The docstrings with an ``Example::`` block that does not begin with a doctest."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        doc = ast.get_docstring(node) or ""
        blocks = re.findall(r"^ *Examples?::? *$\s*(.*)", doc, re.MULTILINE)
        if any(not first.startswith(">>>") for first in blocks):
            found.append(getattr(node, "name", "the module"))
    return found


def test_every_example_is_a_doctest() -> None:
    root = Path(pyro.__file__).parent
    files = sorted(root.rglob("*.py"))
    found = {
        path.relative_to(root).as_posix(): names
        for path in files
        if (names := _not_run(path.read_text(encoding="utf-8")))
    }
    assert files
    assert not found, f"examples that are not run (write them with >>>): {found}"


def test_an_example_that_is_not_run_is_found() -> None:
    source = '''
def runs():
    """Text.

    Example::

        >>> 1
        1
    """

class Does:
    def not_run(self):
        """Text.

        Example::

            1 + 1
        """
'''
    assert _not_run(source) == ["not_run"]
