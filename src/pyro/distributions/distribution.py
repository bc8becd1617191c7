"""The interface of everything that can stand in a ``sample`` statement."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from pyro.distributions.score_parts import ScoreParts


class Distribution:
    """A law that can be drawn from and scored.

    Distributions over tensors derive from
    :class:`~pyro.distributions.torch_distribution.TorchDistribution`, which adds shapes.  This bare
    interface is for laws over other Python objects.

    Example::

        >>> class Greeting(Distribution):
        ...     "A law over strings."
        ...     def sample(self):
        ...         return "hello"
        ...     def log_prob(self, x):
        ...         return torch.tensor(0.0 if x == "hello" else float("-inf"))
        >>> pyro.sample("greeting", Greeting())
        'hello'
    """

    has_rsample: bool = False
    has_enumerate_support: bool = False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Draw a value: the same as :meth:`sample`."""
        return self.sample(*args, **kwargs)

    def sample(self, *args: Any, **kwargs: Any) -> Any:
        """Draw a value, without gradients."""
        raise NotImplementedError

    def log_prob(self, x: Any, *args: Any, **kwargs: Any) -> Tensor:
        """The log density (or mass) at ``x``, one number per batch entry."""
        raise NotImplementedError

    def score_parts(self, x: Any, *args: Any, **kwargs: Any) -> ScoreParts:
        """The terms of a gradient estimator at ``x``.

        ``(log_prob, 0, log_prob)`` when reparameterised, ``(log_prob, log_prob, 0)`` otherwise;
        partially reparameterised laws override this.
        """
        log_prob = self.log_prob(x, *args, **kwargs)
        if self.has_rsample:
            return ScoreParts(log_prob, 0, log_prob)
        return ScoreParts(log_prob, log_prob, 0)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All values of a discrete law along a new leftmost dimension.

        :raises NotImplementedError: if the support cannot be listed.
        """
        raise NotImplementedError(f"the support of {type(self).__name__} cannot be enumerated")

    def conjugate_update(self, other: Distribution) -> tuple[Distribution, Tensor]:
        r"""Fuse with another factor of the same family.

        :return: ``(updated, log_normalizer)`` such that
            :math:`p(x)\,o(x) = u(x)\,e^{\text{log\_normalizer}}` for all :math:`x`.
        :raises NotImplementedError: if the pair is not conjugate.
        """
        raise NotImplementedError(
            f"{type(self).__name__} has no conjugate_update with {type(other).__name__}"
        )

    def has_rsample_(self, value: bool) -> Distribution:
        """Force reparameterised (True) or detached (False) sampling of this instance, in place.

        :return: the instance itself.
        :raises ValueError: if ``value`` is not a bool.
        """
        if value is not True and value is not False:
            raise ValueError(f"has_rsample_ expects True or False, got {value!r}")
        self.has_rsample = value
        return self
