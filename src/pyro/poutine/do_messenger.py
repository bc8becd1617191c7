"""Interventions on sites."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from numbers import Number

import torch

from pyro.errors import HandlerError
from pyro.poutine.messenger import Messenger
from pyro.poutine.observation import as_observation
from pyro.runtime import Message, apply_stack, new_message


class DoMessenger(Messenger):
    """Set the named sites to fixed values for all that comes after them (Pearl's *do* operator).

    Each such site splits in two, as in a single-world intervention graph (Richardson and Robins
    2013): a fresh site of the same name is drawn (or stays observed) and its value is used
    nowhere; the program goes on with the intervened value. Handlers outside see the fresh site
    alone, handlers inside also the intervened one, as the observed site ``name + "__CF"``.

    :param data: Numbers or tensors by site name.
    :raises HandlerError: if a value is neither.

    Example::

        >>> def model():
        ...     smokes = pyro.sample("smokes", dist.Delta(torch.tensor(1.0)))
        ...     return pyro.sample("cancer", dist.Delta(0.2 + 0.5 * smokes))
        >>> trace = poutine.trace(poutine.do(model, data={"smokes": 0.0})).get_trace()
        >>> trace.nodes["smokes"]["value"], trace.nodes["cancer"]["value"]
        (tensor(1.), tensor(0.2000))
    """

    def __init__(self, data: Mapping[str, torch.Tensor | float]) -> None:
        for name, value in data.items():
            if not isinstance(value, torch.Tensor | Number):
                raise HandlerError(
                    f"do: the intervention on {name!r} must be a number or a tensor, but got "
                    f"{type(value).__name__}"
                )
        self.data = data

    def _pyro_sample(self, msg: Message) -> None:
        name = msg["name"]
        if name not in self.data:
            return
        previous = msg["infer"].get("_intervened_by")
        if previous is None:
            self._draw_fresh(msg)
            msg["name"] = f"{name}__CF"
            msg["value"] = as_observation(self.data[name], msg["fn"])
            msg["is_observed"] = msg["done"] = msg["stop"] = True
        elif previous is not self:
            warnings.warn(
                f"do: site {name!r} has been intervened on by an inner do; the outer has no effect",
                RuntimeWarning,
                stacklevel=2,
            )

    def _draw_fresh(self, msg: Message) -> None:
        """Send the statement once more from the start, with a mark that it is done for."""
        fresh = new_message("sample", msg["name"], msg["fn"], msg["args"], msg["kwargs"])
        fresh["infer"] = {**msg["infer"], "_intervened_by": self}
        fresh["value"], fresh["is_observed"] = msg["value"], msg["is_observed"]
        apply_stack(fresh)
