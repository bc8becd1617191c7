"""Stable distributions that are to be scored, not reparameterised."""

from __future__ import annotations

from pyro.distributions.stable import Stable


class StableWithLogProb(Stable):
    r""":math:`\log\varphi(u) = iu\mu - |\sigma u|^\alpha \left(1 + i\beta
    \tan\tfrac{\pi\alpha}{2}\, \mathrm{sign}(u) \left(|\sigma u|^{1-\alpha} - 1\right)\right)`

    The law of :class:`Stable`, given here by its characteristic function, with the density given
    there. A marker: strategies that rewrite sites into auxiliary variables leave this family alone
    and score it by numerical integration.  See Nolan (1997), *Numerical Calculation of Stable
    Densities and Distribution Functions*.

    :param stability: :math:`\alpha`, in (0, 2].
    :param skew: :math:`\beta`, in [-1, 1].
    :param scale: :math:`\sigma`, positive.
    :param loc: :math:`\mu`, real.  All broadcast to the batch shape.
    :param coords: ``"S0"`` or ``"S"``, as in :class:`Stable`.

    Example::

        >>> dist.StableWithLogProb(2.0, 0.0).log_prob(0.0)
        tensor(-1.2655)
    """
