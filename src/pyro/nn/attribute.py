"""What is assigned to a module's attribute in order to declare it, rather than to be its value."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from pyro.errors import SiteError

if TYPE_CHECKING:
    from pyro.nn.pyro_module import PyroModule


class PyroAttribute(ABC):
    """A declaration of a learnable or random attribute: of one module, or of a class of modules."""

    attribute: str | None = None
    owner: type | None = None

    @abstractmethod
    def declare_in(self, module: PyroModule, name: str) -> None:
        """Make the attribute ``name`` of one module what is declared."""

    @abstractmethod
    def declare_from_class(self, module: PyroModule, name: str) -> None:
        """The same for a declaration in the body of the module's class."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.owner, self.attribute = owner, name

    def __reduce__(self) -> Any:
        if self.owner is None:
            return super().__reduce__()
        return inspect.getattr_static, (self.owner, self.attribute)  # methods pickle by name only

    def __get__(self, module: Any, owner: type | None = None) -> Any:
        if module is None:
            return self
        name = self.attribute
        if name is None:
            raise SiteError(
                f"a {type(self).__name__} that was added to a class after its definition has no "
                "name; write it in the body of the class"
            )
        if not module._pyro_has(name):
            try:
                self.declare_from_class(module, name)
            except AttributeError as error:  # which Python would take for "no such attribute"
                raise SiteError(
                    f"attribute {name!r} of {type(module).__name__} cannot be made: {error}"
                ) from error
        return module.__getattr__(name)
