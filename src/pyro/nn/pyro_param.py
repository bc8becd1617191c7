"""Declare a learnable attribute of a module."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from torch import Tensor
from torch.distributions import constraints

from pyro.errors import SiteError
from pyro.nn.attribute import PyroAttribute

if TYPE_CHECKING:
    from pyro.nn.pyro_module import PyroModule

Constraint = constraints.Constraint


class PyroParam(PyroAttribute):
    """Declare a learnable attribute of a :class:`PyroModule`, constrained if need be.

    Assigned to an attribute of a module, it makes a ``torch.nn.Parameter`` named ``attribute +
    "_unconstrained"``; reading the attribute gives the constrained value. In the body of a class it
    decorates a method that returns the initial value. The parameter is made when the module has
    been constructed, or at the first read if the method needs what is not there yet.

    :param init_value: The initial constrained value: a tensor, a number, or a function that returns
        one (without arguments; as a decorated method, of the module).
    :param constraint: The set of legal values, from :mod:`pyro.distributions.constraints`.
    :param event_dim: How many of the rightmost dims are not batch dims. Inside a subsampled plate
        an attribute with ``event_dim`` is indexed by the plate's subsample.
    :raises ParamConstraintError: when it is assigned, if the initial value violates the constraint.

    Example::

        >>> from pyro.nn import PyroModule, PyroParam
        >>> class Noise(PyroModule):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.scale = PyroParam(torch.ones(2), constraint=constraints.positive)
        ...     @PyroParam(constraint=constraints.unit_interval)
        ...     def rate(self):
        ...         return torch.full((3,), 0.5)
        >>> noise = Noise()
        >>> noise.scale.detach(), noise.rate.detach()
        (tensor([1., 1.]), tensor([0.5000, 0.5000, 0.5000]))
        >>> [name for name, _ in noise.named_parameters()]
        ['scale_unconstrained', 'rate_unconstrained']
    """

    def __init__(
        self,
        init_value: Tensor | float | Callable[..., Any] | None = None,
        constraint: Constraint = constraints.real,
        event_dim: int | None = None,
    ) -> None:
        self.init_value = init_value
        self.constraint = constraint
        self.event_dim = event_dim

    def __call__(self, method: Callable[[Any], Any]) -> PyroParam:
        """Decorate a method: ``@PyroParam(constraint=...)``."""
        if self.init_value is not None:
            raise SiteError(
                "a PyroParam that has an initial value cannot decorate a method; write "
                "@PyroParam(constraint=...) and return the initial value from the method"
            )
        return PyroParam(method, self.constraint, self.event_dim)

    def declare_in(self, module: PyroModule, name: str) -> None:
        """Make the attribute ``name`` of a module a parameter; a lazy initial value is made now."""
        initial = self.init_value
        if callable(initial) and not isinstance(initial, Tensor):
            initial = initial()
        self._declare(module, name, initial)

    def declare_from_class(self, module: PyroModule, name: str) -> None:
        """Make the attribute ``name`` a parameter; a decorated method is called on the module."""
        initial = self.init_value
        if callable(initial) and not isinstance(initial, Tensor):
            initial = initial(module)
        self._declare(module, name, initial)

    def _declare(self, module: PyroModule, name: str, initial: Any) -> None:
        if initial is None:
            raise SiteError(
                f"attribute {name!r} of {type(module).__name__}: a PyroParam needs an initial "
                "value, PyroParam(torch.zeros(3)), unless it decorates a method"
            )
        module._pyro_set_param(name, initial, self.constraint, self.event_dim)

    def __repr__(self) -> str:
        return f"PyroParam({self.init_value!r}, {self.constraint!r}, event_dim={self.event_dim!r})"
