"""A model that a guide keeps, without making it a part of the guide."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

from pyro.infer.errors import InferenceError

Model = Callable[..., Any]


class HeldModel:
    """A reference to a model: no submodule of the guide, and pickled where it can be pickled.

    A function of a module and a :class:`PyroModule` of an importable class travel with the guide;
    a lambda or a local function does not: the loaded guide draws, but is not made anew.
    """

    __slots__ = ("_model",)

    def __init__(self, model: Model | None) -> None:
        self._model = model

    def get(self) -> Model:
        """The model.

        :raises InferenceError: if it was lost when the guide was pickled.
        """
        if self._model is None:
            raise InferenceError(
                "this guide was unpickled without its model, which could not be pickled (a lambda "
                "or a local function). Define the model at the top level of a module, or make a "
                "guide from the model and load_state_dict() into it."
            )
        return self._model

    def __bool__(self) -> bool:
        return self._model is not None

    def __deepcopy__(self, memo: dict[int, Any]) -> HeldModel:
        return HeldModel(copy.deepcopy(self._model, memo))

    def __reduce__(self) -> tuple[Any, ...]:
        return HeldModel, (self._model if _can_be_pickled(self._model) else None,)


def _can_be_pickled(model: Any) -> bool:
    try:
        pickle.dumps(model)
    except (pickle.PicklingError, AttributeError, TypeError, RuntimeError):
        return False
    return True
