"""Make a module a PyroModule where it stands, and empty one."""

from __future__ import annotations

from torch import nn

from pyro.errors import SiteError
from pyro.nn.placement import join, place
from pyro.nn.pyro_module import PyroModule, start


def to_pyro_module_(m: nn.Module, recurse: bool = True) -> None:
    """Convert a ``torch.nn.Module`` to a :class:`PyroModule` in place.

    :param recurse: Whether the modules below are converted too.
    :raises SiteError: if ``m`` is not a module.

    Example::

        >>> from torch import nn
        >>> from pyro.nn import PyroSample
        >>> net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
        >>> to_pyro_module_(net)
        >>> net[0].weight = PyroSample(dist.Normal(0.0, 1.0).expand([3, 2]).to_event(2))
        >>> poutine.trace(net).get_trace(torch.ones(2)).stochastic_nodes
        ['0.weight']
    """
    if not isinstance(m, nn.Module):
        raise SiteError(f"to_pyro_module_: expected an instance of torch.nn.Module, but got {m!r}")
    if not isinstance(m, PyroModule):
        m.__class__ = PyroModule[type(m)]
        start(m)
    if recurse:
        for child in m.children():
            to_pyro_module_(child)
    state = m.__dict__
    for name, child in m.named_children():
        place(child, join(state["_pyro_name"], name), state["_pyro_context"])


def clear(mod: PyroModule) -> None:
    """Remove parameters and modules from a :class:`PyroModule`, and from the parameter store.

    Attributes that are declared in the body of its class are made anew when they are next read.

    Example::

        >>> from pyro.nn import PyroModule, PyroParam
        >>> module = PyroModule()
        >>> module.x = PyroParam(torch.zeros(3))
        >>> clear(module)
        >>> list(module.named_parameters())
        []
    """
    for kind in (mod._pyro_params, mod._parameters, mod._modules):
        for name in list(kind):
            if mod._pyro_has(name):
                delattr(mod, name)
