"""What :class:`~pyro.infer.mcmc.MCMC` needs of a transition kernel."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from torch import Tensor

Params = dict[str, Tensor]


class MCMCKernel(ABC):
    """A Markov chain's transition; subclasses define :meth:`sample`.

    :class:`~pyro.infer.mcmc.MCMC` calls :meth:`setup`, then :meth:`sample` again and again with
    the result of the last call, :meth:`end_warmup` once in between, and :meth:`cleanup`. Values are
    unconstrained tensors by name of site; :attr:`transforms`, if a kernel has them, lead from
    supports to unconstrained values.

    Example::

        >>> from pyro.infer.mcmc import MCMC, MCMCKernel
        >>> class Walk(MCMCKernel):
        ...     "Metropolis steps for a standard normal density."
        ...     initial_params = {"x": torch.zeros(())}
        ...     def sample(self, params):
        ...         x = params["x"]
        ...         y = x + torch.randn(())
        ...         accept = torch.rand(()) < ((x**2 - y**2) / 2).exp()
        ...         return {"x": torch.where(accept, y, x)}
        >>> mcmc = MCMC(Walk(), num_samples=500, warmup_steps=10, disable_progbar=True)
        >>> mcmc.run()
        >>> mcmc.get_samples()["x"].shape
        torch.Size([500])
    """

    transforms: dict[str, Any] | None = None
    _given: Params | None = None

    def setup(self, warmup_steps: int, *args: Any, **kwargs: Any) -> None:  # noqa: B027
        """Before the first transition of a chain.

        :param warmup_steps: How many transitions may adapt the kernel.
        :param args: The arguments of the model.
        """

    def cleanup(self) -> None:  # noqa: B027 (nothing to do by default)
        """After the last transition of a chain: forget what belongs to it."""

    def end_warmup(self) -> None:  # noqa: B027
        """Between warm-up and sampling: from here on the kernel stays as it is."""

    def logging(self) -> dict[str, str]:
        """What a progress bar shows, by label."""
        return {}

    def diagnostics(self) -> dict[str, Any]:
        """What the kernel knows of its chain, by name."""
        return {}

    @property
    def initial_params(self) -> Params:
        """Where a chain starts; set by :class:`~pyro.infer.mcmc.MCMC` if the user says where."""
        if self._given is None:
            raise NotImplementedError(
                f"{type(self).__name__} has no initial_params: define it, or give "
                "MCMC(initial_params=...)"
            )
        return self._given

    @initial_params.setter
    def initial_params(self, params: Params) -> None:
        self._given = params

    @abstractmethod
    def sample(self, params: Params) -> Params:
        """One transition from ``params``."""

    def __call__(self, params: Params) -> Params:
        return self.sample(params)
