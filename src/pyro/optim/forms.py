"""What can be given where an optimiser is asked for."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

from torch.optim import Optimizer

from pyro.optim.held import Held
from pyro.optim.optim import PyroOptim

OptimForm = PyroOptim | Optimizer | Callable[..., Optimizer]


def as_pyro_optim(given: Any) -> PyroOptim | None:
    """The optimiser that is meant; None if it is none.

    :param given: A :class:`PyroOptim`; a torch optimiser, which is then used itself; a class of
        torch optimisers; or a :class:`functools.partial` of such a class, with its arguments.

    Example::

        >>> from functools import partial
        >>> from pyro.optim.forms import as_pyro_optim
        >>> optim = as_pyro_optim(partial(torch.optim.Adam, lr=0.02))
        >>> optim.pt_optim_constructor.__name__, optim.pt_optim_args
        ('Adam', {'lr': 0.02})
    """
    if isinstance(given, PyroOptim):
        return given
    if isinstance(given, Optimizer):
        return PyroOptim(Held(given), {})
    if _is_class(given):
        return PyroOptim(given, {})
    if isinstance(given, partial) and _is_class(given.func) and not given.args:
        return PyroOptim(given.func, given.keywords)
    return None


def needs_closure(optim: PyroOptim) -> bool:
    """Whether updates evaluate the loss by themselves, as those of ``LBFGS`` do."""
    constructor = optim.pt_optim_constructor
    kind: Any = type(constructor.optimizer) if isinstance(constructor, Held) else constructor
    if not _is_class(kind):
        return False
    closure = inspect.signature(kind.step).parameters.get("closure")
    return closure is not None and closure.default is closure.empty


def _is_class(given: Any) -> bool:
    return isinstance(given, type) and issubclass(given, Optimizer)
