"""Declare a random attribute of a module."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from torch import Tensor

from pyro.errors import SiteError
from pyro.nn.attribute import PyroAttribute

if TYPE_CHECKING:
    from pyro.nn.pyro_module import PyroModule


class PyroSample(PyroAttribute):
    """Declare a random attribute of a :class:`PyroModule`.

    Within a call of the module (or of a :func:`pyro_method`) the attribute is a sample site with
    the attribute's full name, drawn once per outermost call. Elsewhere each read draws afresh,
    without a site.

    :param prior: A distribution; or a function of the module that returns one (or a tensor: the
        site is then deterministic), as the decorator of a method too.
    :raises SiteError: if ``prior`` is neither.

    Example::

        >>> from pyro.nn import PyroModule, PyroSample
        >>> class Line(PyroModule):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.scale = PyroSample(dist.LogNormal(0.0, 1.0))
        ...         self.slope = PyroSample(lambda self: dist.Normal(0.0, self.scale))
        ...     @PyroSample
        ...     def double(self):
        ...         return 2 * self.slope
        ...     def forward(self, x):
        ...         return self.double * x
        >>> trace = poutine.trace(Line()).get_trace(torch.tensor(1.0))
        >>> [name for name, site in trace.nodes.items() if site["type"] == "sample"]
        ['scale', 'slope', 'double']
    """

    def __init__(self, prior: Any) -> None:
        self.prior = prior
        self.depends = not is_distribution(prior)
        if self.depends and not _takes_one(prior):
            raise SiteError(
                "PyroSample: expected a distribution, or a function of one argument (the module) "
                f"that returns one, but got {type(prior).__name__}: {prior!r}"
            )

    def of(self, module: PyroModule) -> Any:
        """The prior of one module's attribute: a distribution or a tensor."""
        return self.prior(module) if self.depends else self.prior

    def declare_in(self, module: PyroModule, name: str) -> None:
        """Make the attribute ``name`` of a module random."""
        module._pyro_set_sample(name, self)

    def declare_from_class(self, module: PyroModule, name: str) -> None:
        """The same for a decorated method."""
        module._pyro_set_sample(name, self)

    def __repr__(self) -> str:
        return f"PyroSample({self.prior!r})"


def is_distribution(prior: Any) -> bool:
    """Whether something can be sampled and scored (a class that could is not meant)."""
    return hasattr(prior, "log_prob") and not isinstance(prior, type)


def _takes_one(fn: Callable[..., Any]) -> bool:
    """Whether a callable has exactly one required argument."""
    if not callable(fn) or isinstance(fn, Tensor):
        return False
    try:
        parameters = inspect.signature(fn).parameters.values()
    except (TypeError, ValueError):
        return True
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    required = [p for p in parameters if p.default is p.empty and p.kind not in kinds]
    return len(required) == 1
