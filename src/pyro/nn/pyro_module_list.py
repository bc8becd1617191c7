"""A list of modules that is a PyroModule."""

from __future__ import annotations

from typing import Any

from torch import nn

from pyro.nn.mixin import register_mixin
from pyro.nn.pyro_module import PyroModule


class PyroModuleList(nn.ModuleList, PyroModule):
    """A ``torch.nn.ModuleList`` that is a :class:`PyroModule`: elements are named by position.

    A slice is a PyroModuleList of the same elements, which keep their names.

    Example::

        >>> from pyro.nn import PyroModule, PyroModuleList
        >>> layers = PyroModuleList([PyroModule[torch.nn.Linear](2, 2) for _ in range(3)])
        >>> type(layers[1:]).__name__, [layer._pyro_name for layer in layers[1:]]
        ('PyroModuleList', ['1', '2'])
    """

    def __getitem__(self, idx: Any) -> Any:
        if not isinstance(idx, slice):
            return super().__getitem__(idx)
        part = type(self)()
        part.__dict__.update(_pyro_name=self._pyro_name, _pyro_context=self._pyro_context)
        part.__dict__["_pyro_is_root"] = False
        part._modules.update(
            {str(i): module for i, module in enumerate(list(self._modules.values())[idx])}
        )
        return part


register_mixin(nn.ModuleList, PyroModuleList)
