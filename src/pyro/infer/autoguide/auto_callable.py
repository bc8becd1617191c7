"""A guide of one's own, as a part of an AutoGuideList."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from pyro.infer.autoguide.auto_guide import AutoGuide
from pyro.infer.autoguide.held_model import Model
from pyro.poutine.trace_struct import Trace


def _no_medians(*args: Any, **kwargs: Any) -> dict[str, Tensor]:
    return {}


class AutoCallable(AutoGuide):
    """Wraps a guide that is a plain function, to be a part of :class:`AutoGuideList`.

    :param model: The part of the model that the guide is for.
    :param guide: A function of the model's arguments. It may return a dict of its values by name
        of site, or nothing.
    :param median: A function that returns medians by name of site; by default there are none.

    Example::

        >>> from pyro.infer.autoguide import AutoCallable
        >>> def model():
        ...     pyro.sample("x", dist.Normal(0.0, 1.0))
        >>> def guide():
        ...     loc = pyro.param("loc", torch.tensor(0.5))
        ...     return {"x": pyro.sample("x", dist.Normal(loc, 1.0))}
        >>> part = AutoCallable(model, guide, lambda: {"x": pyro.param("loc").detach()})
        >>> sorted(part()), part.median()
        (['x'], {'x': tensor(0.5000)})
    """

    def __init__(
        self,
        model: Model,
        guide: Callable[..., Any],
        median: Callable[..., dict[str, Tensor]] = _no_medians,
    ) -> None:
        super().__init__(model)
        self._guide = guide
        self.median = median  # type: ignore[method-assign]

    def _setup_prototype(self, *args: Any, **kwargs: Any) -> None:
        self.prototype_trace = Trace()  # the parameters are the guide's own

    def forward(self, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        """Call the guide."""
        result = self._guide(*args, **kwargs)
        return dict(result) if isinstance(result, Mapping) else {}
