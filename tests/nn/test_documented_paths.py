"""Names of modules are where programs look for them, with their arguments in order."""

from __future__ import annotations

import importlib
import inspect

import pytest

import pyro

PATHS = {
    "pyro.nn.auto_reg_nn": "AutoRegressiveNN ConditionalAutoRegressiveNN MaskedLinear",
    "pyro.nn.dense_nn": "ConditionalDenseNN DenseNN",
    "pyro.nn.module": """PyroModule PyroModuleList PyroParam PyroSample clear pyro_method
        to_pyro_module_""",
}
ARGUMENTS = {
    "PyroModule": "name",
    "PyroParam": "init_value constraint event_dim",
    "PyroSample": "prior",
    "clear": "mod",
    "pyro_method": "fn",
    "to_pyro_module_": "m recurse",
}


@pytest.mark.parametrize("path", PATHS)
def test_paths(path: str) -> None:
    module = importlib.import_module(path)
    assert module.__all__ == sorted(PATHS[path].split())
    assert all(getattr(module, name) is getattr(pyro.nn, name) for name in module.__all__)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_arguments(name: str) -> None:
    found = getattr(pyro.nn, name)
    signature = inspect.signature(found.__init__ if isinstance(found, type) else found)
    assert [p for p in signature.parameters if p != "self"] == ARGUMENTS[name].split()
