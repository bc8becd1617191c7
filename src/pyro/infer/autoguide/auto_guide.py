"""The base of guides that are made from a model."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from contextlib import ExitStack, nullcontext
from typing import Any, Self

import torch
from torch import Tensor

from pyro.infer.autoguide import lazy_state, plates
from pyro.infer.autoguide.constrained import values_in_model
from pyro.infer.autoguide.held_model import HeldModel, Model
from pyro.infer.autoguide.prototype import Prototype, check_latents
from pyro.infer.errors import InferenceError
from pyro.infer.model.initialization import Strategy, init_to_feasible
from pyro.infer.prototype import kept_rng
from pyro.nn.pyro_module import PyroModule
from pyro.poutine.plate_messenger import PlateMessenger
from pyro.poutine.trace_struct import Trace
from pyro.runtime import Frame, Message

CreatePlates = Callable[..., Any]


class AutoGuide(PyroModule):
    """A guide whose sites and parameters follow from a model.

    A guide is called with the model's arguments and returns the values that it draws, by name of
    site. What it needs to know of the model it sees in a run of the model, made by the first call
    or by :meth:`setup`; then it makes its parameters. Parameters that a state dict brings earlier
    are kept. The structure of the latent sites is that of this run.

    Latent sites in subsampled plates have parameters for all data. If the model gives its plate a
    ``subsample``, the guide uses the same indices.

    :param model: A function that calls ``pyro.sample``.
    :param create_plates: A function of the model's arguments that returns a ``pyro.plate``, or
        several. The guide uses them, and the model, replayed against it, their indices.

    A subclass defines ``forward``, and makes its parameters in ``_setup_prototype``, after calling
    that of this class.

    :ivar model_has_params: Whether the model has parameters of its own, as far as is known.
    """

    init_loc_fn: Strategy = staticmethod(init_to_feasible)

    def __init__(self, model: Model, *, create_plates: CreatePlates | None = None) -> None:
        super().__init__(name=type(self).__name__)
        self.master: weakref.ref[AutoGuide] | None = None
        self._model = HeldModel(model)
        self.create_plates = create_plates
        self.prototype_trace: Trace | None = None
        self._prototype_frames: dict[str, Frame] = {}
        self._given_plates: frozenset[str] = frozenset()
        self._moving: frozenset[str] = frozenset()
        self.model_has_params = True  # as long as it has not been seen
        # moved by .to() and .double(), so that they count before there are parameters
        self.register_buffer("_place", torch.empty(0), persistent=False)
        self._made_at = _placement(self)

    @property
    def model(self) -> Model:
        """The model.

        :raises InferenceError: if it was lost when the guide was pickled.
        """
        return self._model.get()

    @property
    def plates(self) -> dict[str, PlateMessenger]:
        """The plates of this thread's latest call, by name; those of the outermost guide."""
        root = self.master() if self.master is not None else None
        return plates.CALL_PLATES.by_guide.get(self if root is None else root, {})

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        state["master"] = None if self.master is None else self.master()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        master = state["master"]
        self.__dict__["master"] = None if master is None else weakref.ref(master)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.prototype_trace is None:
            self.setup(*args, **kwargs)
        return super().__call__(*args, **kwargs)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Draw the latent values of the model for these arguments, by name of site."""
        raise NotImplementedError(f"{type(self).__name__} defines no forward()")

    def call(self, *args: Any, **kwargs: Any) -> tuple[Tensor, ...]:
        """The values of :meth:`forward` in the order of the names of the sites."""
        return tuple(value for _, value in sorted(self(*args, **kwargs).items()))

    def median(self, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        """The posterior medians of the latent sites, by name."""
        raise NotImplementedError(f"{type(self).__name__} knows no medians")

    def setup(self, *args: Any, **kwargs: Any) -> Self:
        """Run the model once with these arguments and make the parameters, unless it is done.

        Afterwards :meth:`parameters` are complete: for torch's optimisers and for compilers.

        :return: The guide.
        """
        if self.prototype_trace is not None:
            return self
        loaded = lazy_state.take_state(self, AutoGuide)
        with kept_rng() if loaded else nullcontext():  # then no draw is used
            self._setup_prototype(*args, **kwargs)
        device, dtype = _placement(self)
        if (device, dtype) != self._made_at:
            self.to(
                device=None if device == self._made_at[0] else device,
                dtype=None if dtype == self._made_at[1] else dtype,
            )
        lazy_state.put_state(self, loaded)
        return self

    def _setup_prototype(self, *args: Any, **kwargs: Any) -> None:
        prototype = Prototype(self.model, self.init_loc_fn, args, kwargs)
        check_latents(prototype.trace)
        self.prototype_trace = prototype.trace
        self._prototype_frames = prototype.frames
        self._given_plates = frozenset(prototype.given)
        self._moving = prototype.moving
        self.model_has_params = prototype.has_params

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *args: Any, **kw: Any) -> None:
        if self.prototype_trace is None:
            parts = {name for name, m in self._modules.items() if isinstance(m, AutoGuide)}
            own = {key[len(prefix) :]: t for key, t in state_dict.items() if key.startswith(prefix)}
            mine = {path: t for path, t in own.items() if path.split(".")[0] not in parts}
            lazy_state.materialise(self, mine)
        super()._load_from_state_dict(state_dict, prefix, *args, **kw)

    def _create_plates(self, *args: Any, **kwargs: Any) -> dict[str, PlateMessenger]:
        """The plates of this call: those of the outermost guide, if this one is a part."""
        if self.master is not None:
            return self.plates
        made = plates.made_by_user(self.create_plates, args, kwargs)
        given: Mapping[str, Tensor] = {}
        if self._given_plates - made.keys():
            given = self._given_indices(args, kwargs)
        made = plates.complete(made, self._prototype_frames, given)
        plates.CALL_PLATES.by_guide[self] = made
        return made

    def _given_indices(self, args: Any, kwargs: Any) -> dict[str, Tensor]:
        outside = {
            name: site["value"]
            for name, site in self._sites().items()
            if not any(frame.name in self._given_plates for frame in site["cond_indep_stack"])
        }
        return plates.given_indices(self.model, self._given_plates, outside, args, kwargs)

    def _sites(self) -> dict[str, Message]:
        """The latent sites as they were in the prototype run.

        :raises InferenceError: if the guide has not seen its model run.
        """
        if self.prototype_trace is None:
            raise InferenceError(
                f"this {type(self).__name__} has not seen its model yet: call it, or its setup(), "
                "with the model's arguments first"
            )
        return self.prototype_trace.nodes

    def _in_model(self, levels: Mapping[str, Tensor], args: Any, kwargs: Any) -> dict[str, Tensor]:
        """Values by runs of the model, one for each entry of the leftmost dim."""
        count = len(next(iter(levels.values())))
        runs = [
            values_in_model(self.model, {k: u[i] for k, u in levels.items()}, {}, args, kwargs)
            for i in range(count)
        ]
        return {name: torch.stack([run[name][0] for run in runs]) for name in levels}

    def _enter_plates(self, stack: ExitStack, site: Message, made: Mapping[str, Any]) -> None:
        """Open the plates that are around a site in the model."""
        for frame in site["cond_indep_stack"]:
            stack.enter_context(made[frame.name])

    def _update_master(self, master: weakref.ref[AutoGuide]) -> None:
        self.master = master
        for child in self.modules():
            if child is not self and isinstance(child, AutoGuide):
                child._update_master(master)


def _placement(guide: AutoGuide) -> tuple[torch.device, torch.dtype]:
    place: Any = guide._buffers["_place"]
    return place.device, place.dtype
