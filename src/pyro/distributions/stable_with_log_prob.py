"""Stable distributions that are to be scored, not reparameterised."""

from __future__ import annotations

from pyro.distributions.stable import Stable


class StableWithLogProb(Stable):
    r"""The same law as :class:`Stable`, with density :math:`f(x)` as given there.

    A marker: strategies that rewrite sites into auxiliary variables leave this family alone and
    score it by numerical integration.

    See Nolan (1997), *Numerical Calculation of Stable Densities and Distribution Functions*.

    :param stability: In (0, 2]; parameters are those of :class:`Stable`.

    Example::

        >>> dist.StableWithLogProb(2.0, 0.0).log_prob(0.0)
        tensor(-1.2655)
    """
