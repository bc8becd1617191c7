"""Random one-to-one matchings."""

from __future__ import annotations

from pyro.distributions.matching import Matching


class OneOneMatching(Matching):
    r""":math:`P(m) = \frac{1}{Z} \exp \sum_i \ell_{i, m_i}` over permutations :math:`m`

    Each of :math:`N` sources goes to one of :math:`N` destinations, and each destination takes one.
    :math:`Z` is a permanent: summed exactly in :math:`O(N 2^N)`, or approximated by belief
    propagation.  Valiant (1979), *The Complexity of Computing the Permanent*; Huang and Jebara
    (2009), *Approximating the Permanent with Belief Propagation*.

    :param logits: :math:`\ell`, real, of shape ``batch_shape + (N, N)``: source by destination.
    :param bp_iters: Number of iterations of belief propagation; None for the exact sum.  The
        support are integer vectors, ``m[i]`` the destination of source ``i``.

    Example::

        >>> d = dist.OneOneMatching(torch.zeros(3, 3))
        >>> d.log_prob(torch.tensor([2, 0, 1])).exp(), d.enumerate_support().shape
        (tensor(0.1667), torch.Size([6, 3]))
    """

    _capacity = 1
