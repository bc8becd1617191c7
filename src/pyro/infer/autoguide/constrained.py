"""Values of sites whose supports depend on other sites: by a run of the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from pyro.infer.autoguide.plans import Point, densities_wanted
from pyro.infer.model.unconstrain import UnconstrainMessenger
from pyro.poutine.messenger import Messenger, block_messengers
from pyro.poutine.plate_messenger import PlateMessenger
from pyro.poutine.sites import is_subsample
from pyro.runtime import Message


def values_in_model(
    model: Callable[..., Any],
    unconstrained: Mapping[str, Tensor],
    plates: Mapping[str, PlateMessenger],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> dict[str, Point]:
    """Values, and minus the log determinants of their transforms, by name of site.

    :param plates: The plates of the guide, whose indices the model is to use.
    """
    densities = densities_wanted()
    with block_messengers(lambda handler: True), _Indices(plates):
        with UnconstrainMessenger(unconstrained) as given:
            model(*args, **kwargs)
    dets = given.log_dets
    return {k: (v, -dets[k] if densities else 0.0) for k, v in given.constrained.items()}


class _Indices(Messenger):
    """Gives the plates of the model the indices that the guide has."""

    def __init__(self, plates: Mapping[str, PlateMessenger]) -> None:
        self._plates = plates

    def _pyro_sample(self, msg: Message) -> None:
        if is_subsample(msg) and msg["name"] in self._plates:
            msg["value"] = self._plates[msg["name"]].subsample
