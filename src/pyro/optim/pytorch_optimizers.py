"""Every torch optimiser (LBFGS excepted), ready for parameters that appear as programs run."""

from __future__ import annotations

from typing import Protocol

import torch

from pyro.optim import adagrad_rmsprop, clipped_adam, dct_adam
from pyro.optim.arguments import Args
from pyro.optim.optim import PyroOptim


class OptimFactory(Protocol):
    """Makes a :class:`~pyro.optim.optim.PyroOptim` of one kind."""

    def __call__(self, optim_args: Args, clip_args: Args | None = None) -> PyroOptim: ...


def wrap(constructor: type[torch.optim.Optimizer]) -> OptimFactory:
    """A function that makes a :class:`~pyro.optim.optim.PyroOptim` from an optimiser class.

    Example::

        >>> optimizer = wrap(torch.optim.SGD)({"lr": 0.5})
        >>> loc = pyro.param("loc", torch.tensor(0.0))
        >>> (3.0 * loc).backward()
        >>> optimizer([loc.unconstrained()])
        >>> pyro.param("loc").detach()
        tensor(-1.5000)
    """

    def factory(optim_args: Args, clip_args: Args | None = None) -> PyroOptim:
        return PyroOptim(constructor, optim_args, clip_args)

    factory.__name__ = factory.__qualname__ = constructor.__name__
    factory.__doc__ = (
        f":class:`{constructor.__module__}.{constructor.__name__}` as a "
        ":class:`~pyro.optim.optim.PyroOptim`.\n\n"
        ":param optim_args: Its arguments: a dict, or a callable of parameter names.\n"
        ":param clip_args: How to clip gradients: a dict, or a callable of parameter names."
    )
    return factory


def _all() -> dict[str, OptimFactory]:
    classes = {
        name: value
        for name, value in vars(torch.optim).items()
        if isinstance(value, type) and issubclass(value, torch.optim.Optimizer)
    }
    left_out = {"Optimizer", "LBFGS"}  # LBFGS needs a closure and all parameters at once
    return {name: wrap(value) for name, value in classes.items() if name not in left_out}


# Written out for type checkers and editors.
ALL: dict[str, OptimFactory] = _all()

ASGD: OptimFactory = ALL["ASGD"]
Adadelta: OptimFactory = ALL["Adadelta"]
Adafactor: OptimFactory = ALL["Adafactor"]
Adagrad: OptimFactory = ALL["Adagrad"]
Adam: OptimFactory = ALL["Adam"]
AdamW: OptimFactory = ALL["AdamW"]
Adamax: OptimFactory = ALL["Adamax"]
Muon: OptimFactory = ALL["Muon"]
NAdam: OptimFactory = ALL["NAdam"]
RAdam: OptimFactory = ALL["RAdam"]
RMSprop: OptimFactory = ALL["RMSprop"]
Rprop: OptimFactory = ALL["Rprop"]
SGD: OptimFactory = ALL["SGD"]
SparseAdam: OptimFactory = ALL["SparseAdam"]

AdagradRMSProp: OptimFactory = wrap(adagrad_rmsprop.AdagradRMSProp)
ClippedAdam: OptimFactory = wrap(clipped_adam.ClippedAdam)
DCTAdam: OptimFactory = wrap(dct_adam.DCTAdam)
