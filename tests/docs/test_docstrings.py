"""Every example in a docstring runs and prints what it says."""

import doctest
import importlib
import pkgutil
import warnings

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
