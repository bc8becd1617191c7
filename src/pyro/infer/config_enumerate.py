"""Mark the sites that an enumerating algorithm is to enumerate."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from pyro.infer.errors import InferenceError
from pyro.poutine.infer_config_messenger import InferConfigMessenger
from pyro.poutine.sites import is_latent
from pyro.runtime import Infer, Message


def config_enumerate(
    guide: Callable[..., Any] | None = None,
    default: str | None = "parallel",
    expand: bool = False,
    num_samples: int | None = None,
    tmc: str = "diagonal",
) -> Any:
    """Set ``infer["enumerate"]`` of each latent site that can be enumerated and has none yet.

    What a site says of itself in ``infer`` stays as it is.

    :param guide: A model or guide; without it a decorator is returned.
    :param default: "sequential", "parallel" or None (which leaves sites as they are).
    :param expand: Whether enumerated values are expanded to the full batch shape.
    :param num_samples: Draw so many values instead of listing the support; works for all sites,
        and for ``default="parallel"`` only.
    :param tmc: "diagonal" or "mixture": how values drawn for dependent sites are combined.
    :raises InferenceError: if an option has another value.

    Example::

        >>> @config_enumerate
        ... def model():
        ...     pyro.sample("z", dist.Categorical(torch.ones(3)))
        ...     pyro.sample("x", dist.Normal(0.0, 1.0))  # cannot be enumerated
        >>> trace = poutine.trace(poutine.enum(model, first_available_dim=-1)).get_trace()
        >>> trace.nodes["z"]["value"], trace.nodes["x"]["value"].shape
        (tensor([0, 1, 2]), torch.Size([]))
    """
    _check_options(default, expand, num_samples, tmc)
    if guide is None:
        return functools.partial(
            config_enumerate, default=default, expand=expand, num_samples=num_samples, tmc=tmc
        )
    options: Infer = {"enumerate": default, "expand": expand}
    if num_samples is not None:
        options.update(num_samples=num_samples, tmc=tmc)

    def configure(site: Message) -> Infer:
        if default is None or site["is_observed"] or not is_latent(site):
            return {}
        can = num_samples is not None or getattr(site["fn"], "has_enumerate_support", False)
        if not can:
            return {}
        return {k: v for k, v in options.items() if site["infer"].get(k) is None}

    return InferConfigMessenger(configure)(guide)


def _check_options(default: Any, expand: Any, num_samples: Any, tmc: Any) -> None:
    if default not in ("sequential", "parallel", None):
        raise InferenceError(
            f"config_enumerate: default must be 'sequential', 'parallel' or None, not {default!r}"
        )
    if not isinstance(expand, bool):
        raise InferenceError(f"config_enumerate: expand must be a bool, not {expand!r}")
    if num_samples is not None:
        if not (isinstance(num_samples, int) and num_samples > 0):
            raise InferenceError(
                f"config_enumerate: num_samples must be a positive int or None, not {num_samples!r}"
            )
        if default != "parallel":
            raise InferenceError(
                f"config_enumerate: num_samples needs default='parallel', not {default!r}"
            )
    if tmc not in ("diagonal", "mixture"):
        raise InferenceError(f"config_enumerate: tmc must be 'diagonal' or 'mixture', not {tmc!r}")
