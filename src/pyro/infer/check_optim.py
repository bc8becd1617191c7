"""The optimiser that an algorithm is given."""

from __future__ import annotations

from typing import Any

from pyro.infer.errors import InferenceError
from pyro.optim.forms import as_pyro_optim, needs_closure
from pyro.optim.optim import PyroOptim


def check_optim(optim: Any, closures: bool = False) -> PyroOptim:
    """The optimiser that is meant; what is none is refused, with advice.

    :param closures: Whether it may evaluate the loss by itself.
    :raises InferenceError: if it is something else.
    """
    found = as_pyro_optim(optim)
    if found is not None:
        if needs_closure(found) and (not closures or found.pt_clip_args):
            raise InferenceError(
                "optimisers such as LBFGS evaluate the loss by themselves, which SVI supports, "
                "without clip_args. Use another optimiser, such as pyro.optim.Adam({'lr': 0.01})."
            )
        return found
    given = optim if isinstance(optim, type) else type(optim)
    raise InferenceError(
        "Optimizer should be an instance of pyro.optim.PyroOptim class, but got "
        f"{given.__name__}. Parameters come into being as the model runs, so the optimizer is "
        "given its arguments only: pyro.optim.Adam({'lr': 0.01}). One of torch is as good: "
        "torch.optim.Adam(module.parameters(), lr=0.01), or partial(torch.optim.Adam, lr=0.01)."
    )
