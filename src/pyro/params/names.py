"""Names of parameters that live in modules: ``module$$$path.of.parameter``."""

from __future__ import annotations

_SEPARATOR = "$$$"


def param_with_module_name(pyro_name: str, param_name: str) -> str:
    """The store's name of parameter ``param_name`` of the module registered as ``pyro_name``.

    Example::

        >>> param_with_module_name("decoder", "fc.weight")
        'decoder$$$fc.weight'
    """
    return f"{pyro_name}{_SEPARATOR}{param_name}"


def module_from_param_with_module_name(param_name: str) -> str:
    """The module part of a store name; the name itself when it has no module part.

    Example::

        >>> module_from_param_with_module_name("decoder$$$fc.weight")
        'decoder'
    """
    return param_name.split(_SEPARATOR)[0]


def user_param_name(param_name: str) -> str:
    """The parameter part of a store name; the name itself when it has no module part.

    Example::

        >>> user_param_name("decoder$$$fc.weight"), user_param_name("scale")
        ('fc.weight', 'scale')
    """
    _, separator, user_name = param_name.partition(_SEPARATOR)
    return user_name if separator else param_name


def normalize_param_name(name: str) -> str:
    """A store name as a dotted path: every ``$$$`` becomes ``.``.

    Example::

        >>> normalize_param_name("decoder$$$fc.weight")
        'decoder.fc.weight'
    """
    return name.replace(_SEPARATOR, ".")
