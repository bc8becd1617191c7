"""Where the parameters of a site are: dotted names as nested modules."""

from __future__ import annotations

from collections.abc import Iterable

from pyro.nn.pyro_module import PyroModule


def attribute_paths(names: Iterable[str]) -> dict[str, str]:
    """A path of attributes for each site: its name, where that can be one.

    A part that a module has already (a site called ``type`` or ``half``) and a name that is also
    the beginning of another (``b`` beside ``b.c``) get an underscore.

    >>> attribute_paths(["a.b", "a", "half", "in 1"])
    {'a.b': 'a.b', 'a': 'a_', 'half': 'half_', 'in 1': 'in 1'}
    """
    known = list(names)
    parents = {name[:cut] for name in known for cut, char in enumerate(name) if char == "."}
    return {
        name: ".".join(map(_free, name.split("."))) + ("_" if name in parents else "")
        for name in known
    }


def _free(part: str) -> str:
    return part + "_" if not part or hasattr(_PLAIN, part) else part


_PLAIN = PyroModule()
