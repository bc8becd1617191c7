"""The documented path of :class:`PyroModule` and what belongs to it."""

from __future__ import annotations

from pyro.nn.containers import PyroModuleList
from pyro.nn.conversion import clear, to_pyro_module_
from pyro.nn.pyro_module import PyroModule, pyro_method
from pyro.nn.pyro_param import PyroParam
from pyro.nn.pyro_sample import PyroSample

__all__ = [
    "PyroModule",
    "PyroModuleList",
    "PyroParam",
    "PyroSample",
    "clear",
    "pyro_method",
    "to_pyro_module_",
]
