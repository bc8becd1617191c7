"""The objectives under the names of their compiled variants.

Programs that ask for compilation get the same results. At present the work is done as by the
objectives without ``Jit``, which is said once, through the logger ``pyro``.
"""

from __future__ import annotations

from typing import Any

from pyro.infer.elbo.elbo import ELBO
from pyro.infer.elbo.trace_elbo import Trace_ELBO
from pyro.infer.elbo.trace_enum_elbo import TraceEnum_ELBO
from pyro.infer.elbo.trace_graph_elbo import TraceGraph_ELBO
from pyro.infer.elbo.trace_mean_field_elbo import TraceMeanField_ELBO
from pyro.logger import log

_said: set[str] = set()


class JitELBO(ELBO):
    """What the compiled variants share: they say that they run eagerly."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        name = type(self).__name__
        if name not in _said:
            _said.add(name)
            log.info("%s is not compiled yet: it runs eagerly, with the same results", name)


class JitTrace_ELBO(JitELBO, Trace_ELBO):
    """:class:`~pyro.infer.elbo.trace_elbo.Trace_ELBO` under its compiled name.

    Example::

        >>> from pyro.infer import JitTrace_ELBO
        >>> def model():
        ...     pyro.sample("x", dist.Normal(0.0, 1.0), obs=torch.tensor(0.0))
        >>> print(f"{JitTrace_ELBO().loss(model, lambda: None):.4f}")
        0.9189
    """


class JitTraceMeanField_ELBO(JitELBO, TraceMeanField_ELBO):
    """:class:`~pyro.infer.elbo.trace_mean_field_elbo.TraceMeanField_ELBO`, compiled name."""


class JitTraceEnum_ELBO(JitELBO, TraceEnum_ELBO):
    """:class:`~pyro.infer.elbo.trace_enum_elbo.TraceEnum_ELBO` under its compiled name."""


class JitTraceGraph_ELBO(JitELBO, TraceGraph_ELBO):
    """:class:`~pyro.infer.elbo.trace_graph_elbo.TraceGraph_ELBO` under its compiled name."""
