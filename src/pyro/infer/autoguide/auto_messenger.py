"""The base of guides that run the model and have parameters for each site."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import torch
from torch import Tensor

from pyro.errors import SiteError
from pyro.infer.autoguide import lazy_state
from pyro.infer.autoguide.held_model import HeldModel, Model
from pyro.infer.autoguide.paths import attribute_paths
from pyro.infer.autoguide.plans import site_transform
from pyro.infer.autoguide.site_parameters import for_all_data
from pyro.infer.model.initialization import InitMessenger, Strategy, init_to_feasible, init_to_mean
from pyro.nn.nested import get_nested, set_nested
from pyro.nn.pyro_module import PyroModule
from pyro.nn.pyro_param import PyroParam
from pyro.poutine.guide import GuideMessenger, current_frames
from pyro.poutine.messenger import block_messengers
from pyro.primitives.sample import sample

MEAN_OR_FEASIBLE: Strategy = init_to_mean(fallback=init_to_feasible)


class AutoMessenger(GuideMessenger, PyroModule):
    """A :class:`~pyro.poutine.guide.GuideMessenger` that is a module with parameters.

    :param model: A function that calls ``pyro.sample``.
    :param amortized_plates: The names of plates over which parameters are shared: their number
        then does not grow with the data, and data of another size may follow.

    Parameters are made when a site is first met, in a call or by :meth:`setup`.
    """

    def __init__(self, model: Model, *, amortized_plates: tuple[str, ...] = ()) -> None:
        PyroModule.__init__(self, name=type(self).__name__)
        self._held = HeldModel(model)
        self.amortized_plates = tuple(amortized_plates)

    @property
    def model(self) -> Model:
        """The model."""
        return self._held.get()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return PyroModule.__call__(self, *args, **kwargs)

    def forward(self, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        """Draw from the guide: all values of the run of the model, by name of site."""
        return GuideMessenger.__call__(self, *args, **kwargs)

    def call(self, *args: Any, **kwargs: Any) -> tuple[Tensor, ...]:
        """The values of :meth:`forward` in the order of the names of the sites."""
        return tuple(value for _, value in sorted(self(*args, **kwargs).items()))

    def setup(self, *args: Any, **kwargs: Any) -> Self:
        """Run the model once with these arguments, so that the parameters are made."""
        with block_messengers(lambda handler: True), torch.no_grad():
            self(*args, **kwargs)
        return self

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *args: Any, **kw: Any) -> None:
        own = {key[len(prefix) :]: t for key, t in state_dict.items() if key.startswith(prefix)}
        lazy_state.materialise(self, own)
        super()._load_from_state_dict(state_dict, prefix, *args, **kw)

    def _param(
        self,
        kind: str,
        name: str,
        init: Callable[[], Tensor],
        constraint: Any,
        event_dim: int,
    ) -> Tensor:
        """The parameter of a site, made if need be from its value for the sites of this run."""
        path = f"{kind}.{attribute_paths([name])[name]}"
        *parents, leaf = path.split(".")
        owner: Any = self
        for part in parents:
            if part in getattr(owner, "_pyro_params", ()):
                raise SiteError(f"sites {part!r} and {name!r}: the name of one begins another's")
            owner = owner._modules.get(part, _MISSING)
        if leaf not in getattr(owner, "_pyro_params", ()):
            loaded = owner._parameters.pop(leaf + "_unconstrained", None)
            with torch.no_grad():
                value = self._of_plates(init(), event_dim)
            set_nested(self, path, PyroParam(value, constraint, event_dim))
            if loaded is not None:
                owner._parameters[leaf + "_unconstrained"] = loaded
        result: Tensor = get_nested(self, path)
        return result

    def _of_plates(self, value: Tensor, event_dim: int) -> Tensor:
        """One value for amortised plates, and values of all data for subsampled ones."""
        for frame in current_frames():
            if frame.name in self.amortized_plates and value.dim() >= event_dim - frame.dim:
                value = value.mean(frame.dim - event_dim, keepdim=True)
        site: Any = {
            "cond_indep_stack": [f for f in current_frames() if f.name not in self.amortized_plates]
        }
        return for_all_data(site, value, event_dim)


_MISSING = PyroModule()


def initial_value(name: str, prior: Any, init: Strategy) -> Tensor:
    """The unconstrained coordinates of the initial value of a site."""
    with block_messengers(lambda handler: True), torch.no_grad(), InitMessenger(init):
        value: Tensor = sample(name, prior)
        coordinates: Tensor = site_transform(name, prior).inv(value)
    return coordinates


def unconstrained_event_dim(prior: Any, transform: Any) -> int:
    """The number of event dims of the coordinates of a site."""
    dims: int = prior.event_dim - transform.codomain.event_dim + transform.domain.event_dim
    return dims
