"""Guides for parts of a model, put together."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor, nn

from pyro.infer.autoguide.auto_callable import AutoCallable
from pyro.infer.autoguide.auto_guide import AutoGuide
from pyro.infer.autoguide.prototype import warn_of_kept_supports
from pyro.infer.autoguide.quantiles import Levels
from pyro.infer.errors import InferenceError


class AutoGuideList(AutoGuide, nn.ModuleList):
    """One guide made of several, each for some of the latent sites of a model.

    The parts are made of the model with the other sites hidden by ``poutine.block``, and have the
    numbers "0", "1", ... in the names of parameters. Plates are made once and shared: only the
    list may have ``create_plates``. A plain function may be a part.

    :param model: The whole model.
    :param create_plates: As in :class:`AutoGuide`.

    Example::

        >>> from pyro.infer.autoguide import AutoDelta, AutoGuideList, AutoNormal
        >>> def model():
        ...     scale = pyro.sample("scale", dist.LogNormal(0.0, 1.0))
        ...     pyro.sample("x", dist.Normal(0.0, scale))
        >>> guide = AutoGuideList(model)
        >>> guide.append(AutoDelta(poutine.block(model, expose=["scale"])))
        >>> guide.append(AutoNormal(poutine.block(model, hide=["scale"])))
        >>> sorted(guide()), [name for name, _ in guide.named_parameters()]
        (['scale', 'x'], ['0.scale_unconstrained', '1.locs.x_unconstrained',
         '1.scales.x_unconstrained'])
    """

    def append(self, part: AutoGuide | Callable[..., Any]) -> None:  # type: ignore[override]
        """Add a guide for some sites of the model.

        :raises InferenceError: if it is this list, or has plates of its own.
        """
        if not isinstance(part, AutoGuide):
            part = AutoCallable(self.model, part)
        if part is self:
            raise InferenceError("an AutoGuideList cannot be a part of itself")
        if part.create_plates is not None:
            raise InferenceError(
                f"the {type(part).__name__} has create_plates: plates are shared by all parts, so "
                "pass it to the AutoGuideList, AutoGuideList(model, create_plates=...)"
            )
        root: weakref.ref[AutoGuide] = weakref.ref(self)
        if self.master is not None:
            root = self.master
        part._update_master(root)
        setattr(self, str(len(self._parts())), part)

    def add(self, part: AutoGuide | Callable[..., Any]) -> None:
        """The deprecated name of :meth:`append`."""
        self.append(part)

    def _parts(self) -> list[AutoGuide]:
        return [module for module in self._modules.values() if isinstance(module, AutoGuide)]

    def __len__(self) -> int:
        return len(self._parts())

    def __iter__(self) -> Iterator[AutoGuide]:
        return iter(self._parts())

    def __getitem__(self, index: Any) -> Any:
        return self._parts()[index]

    def _setup_prototype(self, *args: Any, **kwargs: Any) -> None:
        super()._setup_prototype(*args, **kwargs)
        for part in self:
            part.setup(*args, **kwargs)
            kept = self._moving & part._sites().keys() - part._moving
            if kept:
                warn_of_kept_supports(part, kept, "Put these sites into one part")

    def forward(self, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        """Draw the latent values of all parts, by name of site."""
        self._create_plates(*args, **kwargs)
        result: dict[str, Tensor] = {}
        for part in self:
            result.update(part(*args, **kwargs))
        return result

    def median(self, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        """The medians of all parts that have them, by name of site."""
        result: dict[str, Tensor] = {}
        for part in self:
            result.update(part.median(*args, **kwargs))
        return result

    def quantiles(self, quantiles: Levels, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        """The quantiles of all parts that have them, by name of site.

        :param quantiles: Probabilities.
        """
        result: dict[str, Tensor] = {}
        for part in self:
            known = getattr(part, "quantiles", None)
            if known is not None:
                result.update(known(quantiles, *args, **kwargs))
        return result
