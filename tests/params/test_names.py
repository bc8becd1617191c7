"""Names of parameters in modules."""

from __future__ import annotations

from pyro.params import (
    module_from_param_with_module_name,
    normalize_param_name,
    param_with_module_name,
    user_param_name,
)


def test_names():
    name = param_with_module_name("m", "a.b")
    assert name == "m$$$a.b"
    assert (module_from_param_with_module_name(name), user_param_name(name)) == ("m", "a.b")
    assert module_from_param_with_module_name("p") == user_param_name("p") == "p"
    assert normalize_param_name("a$$$b$$$c") == "a.b.c"
