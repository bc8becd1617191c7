"""The objectives under the names of their compiled variants.

With them :meth:`~pyro.infer.SVI.run` makes machine code however short a run is, and
:meth:`~pyro.infer.SVI.step` from the second step on; what a program does besides, such as counting,
is then left out. ``ignore_jit_warnings`` and ``jit_options`` are accepted: there are no such
warnings, and nothing to choose.
"""

from __future__ import annotations

from pyro.infer.elbo.elbo import ELBO
from pyro.infer.elbo.trace_elbo import Trace_ELBO
from pyro.infer.elbo.trace_enum_elbo import TraceEnum_ELBO
from pyro.infer.elbo.trace_graph_elbo import TraceGraph_ELBO
from pyro.infer.elbo.trace_mean_field_elbo import TraceMeanField_ELBO


class JitELBO(ELBO):
    """What the compiled variants share."""

    wants_compilation = True


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
