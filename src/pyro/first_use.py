"""Names of a package that are imported when they are first used.

An ``import pyro`` need not wait for families and flows that a program never names.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable
from typing import Any

WORD = re.compile(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[A-Z])(?=[A-Z][a-z])")


def snake_case(name: str) -> str:
    """The file that a class is in, by its name.

    >>> [snake_case(name) for name in ("AffineBeta", "LKJ", "AVFMultivariateNormal", "VonMises3D")]
    ['affine_beta', 'lkj', 'avf_multivariate_normal', 'von_mises_3d']
    """
    return WORD.sub("_", name).lower()


def imports_on_first_use(
    package: str, module_of: Callable[[str], str] = snake_case
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of a package whose ``__all__`` names more than it imports.

    A name of ``__all__`` that the package lacks is taken from its submodule ``module_of(name)``,
    and is from then on an ordinary attribute (PEP 562). For type checkers the package imports the
    same names under ``TYPE_CHECKING``.
    """

    def import_attribute(name: str) -> Any:
        module = sys.modules[package]
        if name not in module.__all__:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{package}.{module_of(name)}"), name)
        vars(module)[name] = value
        return value

    def attribute_names() -> list[str]:
        module = sys.modules[package]
        return sorted({*vars(module), *module.__all__})

    return import_attribute, attribute_names
