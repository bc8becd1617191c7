"""Learnable parameters: the store, and the names of parameters that live in modules."""

from __future__ import annotations

from pyro.params.constraint_codec import register_constraint
from pyro.params.names import (
    module_from_param_with_module_name,
    normalize_param_name,
    param_with_module_name,
    user_param_name,
)
from pyro.params.param_store import PARAM_STORE, ParamStoreDict

__all__ = [
    "PARAM_STORE",
    "ParamStoreDict",
    "module_from_param_with_module_name",
    "normalize_param_name",
    "param_with_module_name",
    "register_constraint",
    "user_param_name",
]
