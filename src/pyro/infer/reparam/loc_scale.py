"""Between the centred and the non-centred form of a location-scale family."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints

from pyro.infer.reparam.loc_scale_families import loc_scale_params
from pyro.infer.reparam.rewriting import function_of, peel, refusal, require_latent, unchanged
from pyro.poutine.reparam_messenger import Reparam, ReparamMessage, ReparamResult
from pyro.primitives.param import param


class LocScaleReparam(Reparam):
    r"""Write :math:`x` as :math:`\mu + \sigma^{1-c} (y - c\mu)`, where :math:`y` has location
    :math:`c\mu` and scale :math:`\sigma^c`.

    The auxiliary site, ``<name>_decentered``, has less of its prior in its parameters the smaller
    the centering :math:`c` is: at 1 nothing changes, at 0 the site is independent of them, which
    removes the funnel of a hierarchical model with few data. A learned :math:`c` adapts to the data
    (Gorinova, Moore and Hoffman 2020, *Automatic Reparameterisation of Probabilistic Programs*).

    For latent sites of a location-scale family: Normal, StudentT, Stable, Laplace, Cauchy, Gumbel,
    Logistic and their skew and soft relatives, and what ``register_loc_scale`` adds.

    :param centered: :math:`c` in [0, 1], a number or tensor. None makes it a parameter of the event
        shape of the site, ``<name>_centered``, which starts at 0.5.
    :param shape_params: Names of the parameters besides ``loc`` and ``scale``, for a family that is
        not registered; known families need none.
    :raises ReparamError: at a site that is observed or not of such a family.
    :raises ValueError: if ``centered`` is not in [0, 1].

    Example::

        >>> from pyro.infer.reparam import LocScaleReparam
        >>> def model():
        ...     scale = pyro.sample("scale", dist.LogNormal(0.0, 3.0))
        ...     return pyro.sample("x", dist.Normal(2.0, scale))
        >>> decentered = poutine.reparam(model, config={"x": LocScaleReparam(0.0)})
        >>> poutine.trace(decentered).get_trace().nodes["x_decentered"]["fn"]
        Normal(loc: 0.0, scale: 1.0)
    """

    def __init__(
        self,
        centered: float | Tensor | None = None,
        shape_params: Sequence[str] | None = None,
    ) -> None:
        if centered is not None:
            value = torch.as_tensor(centered)
            if not bool(((value >= 0) & (value <= 1)).all()):
                raise ValueError(f"LocScaleReparam: centered must be in [0, 1], got {centered}")
        self.centered = centered
        self.shape_params = None if shape_params is None else tuple(shape_params)

    def apply(self, msg: ReparamMessage) -> ReparamResult:
        """Add the site ``<name>_decentered``, and ``<name>_centered`` where that is learned."""
        name, centered = msg["name"], self.centered
        require_latent(msg, self)
        if isinstance(centered, int | float) and centered == 1:
            return unchanged(msg)
        fn, wrap = peel(msg["fn"])
        shape_params = self._shape_params(msg, fn)
        loc, scale = fn.loc, fn.scale
        if centered is None:
            start = loc.new_full(msg["fn"].event_shape, 0.5)
            centered = param(f"{name}_centered", start, constraint=constraints.unit_interval)
        left = centered * loc
        others = {key: getattr(fn, key) for key in shape_params}
        decentered = wrap(type(fn)(loc=left, scale=scale**centered, **others))
        stretch = scale ** (1 - centered)
        return function_of(
            msg,
            f"{name}_decentered",
            decentered,
            lambda y: loc + stretch * (y - left),
            lambda x: left + (x - loc) / stretch,
        )

    def _shape_params(self, msg: ReparamMessage, fn: Any) -> tuple[str, ...]:
        known = loc_scale_params(fn)
        if known is not None:
            return known
        if self.shape_params is not None and {"loc", "scale"} <= fn.arg_constraints.keys():
            return self.shape_params
        raise refusal(
            msg,
            self,
            f"does not know {type(fn).__name__} as a location-scale family. For a transformed "
            "distribution apply TransformReparam first, and this to <name>_base; if this family is "
            "one, give the names of its other parameters as shape_params",
        )
