"""Modules whose attributes are statements, and plain networks for flows and guides.

What stands under ``TYPE_CHECKING`` is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyro.first_use import imports_on_first_use
from pyro.nn import recurrent as recurrent
from pyro.nn.module import (
    PyroModule,
    PyroModuleList,
    PyroParam,
    PyroSample,
    clear,
    pyro_method,
    to_pyro_module_,
)

if TYPE_CHECKING:
    from pyro.nn.auto_reg_nn import (
        AutoRegressiveNN,
        ConditionalAutoRegressiveNN,
        MaskedLinear,
    )
    from pyro.nn.dense_nn import ConditionalDenseNN, DenseNN

__all__ = [
    "AutoRegressiveNN",
    "ConditionalAutoRegressiveNN",
    "ConditionalDenseNN",
    "DenseNN",
    "MaskedLinear",
    "PyroModule",
    "PyroModuleList",
    "PyroParam",
    "PyroSample",
    "clear",
    "pyro_method",
    "to_pyro_module_",
]

__getattr__, __dir__ = imports_on_first_use(
    __name__,
    {
        "AutoRegressiveNN": "auto_reg_nn",
        "ConditionalAutoRegressiveNN": "auto_reg_nn",
        "ConditionalDenseNN": "dense_nn",
        "DenseNN": "dense_nn",
        "MaskedLinear": "auto_reg_nn",
    }.__getitem__,
)
