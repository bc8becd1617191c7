"""Random two-to-one matchings."""

from __future__ import annotations

from pyro.distributions.matching import Matching


class OneTwoMatching(Matching):
    r""":math:`P(m) = \frac{1}{Z} \exp \sum_i \ell_{i, m_i}` over :math:`m` that take each value
    twice

    Each of :math:`2N` sources goes to one of :math:`N` destinations, and each destination takes
    two.  :math:`Z` is summed exactly in :math:`O(N 3^N)`, or approximated by belief propagation:
    Huang and Jebara (2009), *Approximating the Permanent with Belief Propagation*; see
    :class:`OneOneMatching`.

    :param logits: :math:`\ell`, real, of shape ``batch_shape + (2 N, N)``: source by destination.
    :param bp_iters: Number of iterations of belief propagation; None for the exact sum.  The
        support are integer vectors, ``m[i]`` the destination of source ``i``.

    Example::

        >>> d = dist.OneTwoMatching(torch.zeros(4, 2))
        >>> d.log_prob(torch.tensor([0, 1, 1, 0])).exp(), d.enumerate_support().shape
        (tensor(0.1667), torch.Size([6, 4]))
    """

    _capacity = 2
