"""A normal law at the mode, by the curvature there."""

from __future__ import annotations

import warnings
from typing import Any, Self

import torch
from torch import Tensor, nn

from pyro.distributions.delta import Delta
from pyro.infer.autoguide.auto_continuous import AutoContinuous
from pyro.infer.autoguide.auto_multivariate_normal import AutoMultivariateNormal
from pyro.infer.autoguide.location_density import LocationDensity
from pyro.infer.errors import InferenceError
from pyro.infer.pathfinding.lbfgs import ascend
from pyro.ops.hessian import hessian
from pyro.poutine.messenger import block_messengers
from pyro.poutine.replay_messenger import ReplayMessenger
from pyro.poutine.trace_messenger import TraceMessenger

_ITERATIONS = 1000


class AutoLaplaceApproximation(AutoContinuous):
    r"""The mode :math:`\hat u` of the density of the unconstrained coordinates, then its curvature.

    Fitted by SVI like any guide, or at once by :meth:`find_mode`, it finds the mode. Then
    :meth:`laplace_approximation` makes a normal guide with mean :math:`\hat u` and covariance
    :math:`(-\nabla^2 \log p(\hat u, y))^{-1}`.
    See Kass and Raftery (1995), *Bayes Factors*, section 4.1.

    :param model: A function that calls ``pyro.sample``.
    :param init_loc_fn: The strategy that chooses the initial location.

    Example::

        >>> from pyro.infer.autoguide import AutoLaplaceApproximation
        >>> def model(x):
        ...     rate = pyro.sample("rate", dist.Gamma(2.0, 1.0))
        ...     with pyro.plate("data", len(x)):
        ...         pyro.sample("x", dist.Poisson(rate), obs=x)
        >>> x = torch.tensor([3.0, 5.0, 4.0, 4.0])
        >>> guide = AutoLaplaceApproximation(model).find_mode(x)
        >>> normal = guide.laplace_approximation(x)
        >>> normal.get_posterior().stddev.detach()  # of log(rate): the mode is 18/5, -H = 18
        tensor([0.2357])
    """

    loc: Tensor

    def _setup_prototype(self, *args: Any, **kwargs: Any) -> None:
        super()._setup_prototype(*args, **kwargs)
        self.loc = nn.Parameter(self._init_loc())

    def get_posterior(self, *args: Any, **kwargs: Any) -> Any:
        """The point mass at the mode."""
        return Delta(self.loc, event_dim=1)

    def _loc_scale(self, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        return self.loc, torch.full_like(self.loc, torch.finfo(self.loc.dtype).tiny)

    def find_mode(self, *args: Any, **kwargs: Any) -> Self:
        """Move the location uphill to a mode by L-BFGS, from where it is.

        For a density that is the same in each run: no subsampled plates, no latent sites that the
        guide lacks. Parameters of the model stay as they are.

        :param args: The arguments of the model, with ``kwargs``: all data.
        :return: The guide.
        :raises InferenceError: if the density is not finite at the location.
        """
        with block_messengers(lambda handler: True):
            self(*args, **kwargs)  # now the parameter is that of the store, if it was there
            loc: Any = self._parameters["loc"]
            start = loc.detach().clone()
            density = LocationDensity(loc, lambda: self._loss(args, kwargs))
            value, gradient = density.value_and_grad(start)
            if not bool(value.isfinite() & gradient.isfinite().all()):
                raise InferenceError(
                    f"find_mode: at the location {start.tolist()} the log density is "
                    f"{float(value)}, its gradient {gradient.tolist()}; choose another init_loc_fn"
                )
            way = ascend(density, start.double(), max_iterations=_ITERATIONS)
        with torch.no_grad():
            loc.copy_(way.points[-1])
        if len(way.points) > _ITERATIONS:
            warnings.warn(
                f"find_mode: the density still grew after {_ITERATIONS} iterations, so there may "
                "be no mode. Give all sites proper priors; or call find_mode again.",
                UserWarning,
                stacklevel=2,
            )
        return self

    def laplace_approximation(self, *args: Any, **kwargs: Any) -> AutoMultivariateNormal:
        """The normal approximation at the current location, for these arguments of the model.

        :raises InferenceError: if the density is not curved downwards there in all directions: the
            location is no mode yet, or the mode is flat.
        """
        self.setup(*args, **kwargs)
        precision = self._curvature(args, kwargs)
        factor, failed = torch.linalg.cholesky_ex(precision)
        if bool(failed):
            least = float(torch.linalg.eigvalsh(precision).min())
            raise InferenceError(
                "laplace_approximation: minus the Hessian of the log density is not positive "
                f"definite (its least eigenvalue is {least:.3g}), so the location is no isolated "
                "mode. Take more steps, or call find_mode(); or give all sites proper priors."
            )
        scale_tril = torch.linalg.cholesky(torch.cholesky_inverse(factor))
        return self._normal(scale_tril, args, kwargs)

    def _curvature(self, args: Any, kwargs: Any) -> Tensor:
        """Minus the Hessian of the log density of the coordinates."""
        with block_messengers(lambda handler: True), torch.enable_grad():
            loss = self._loss(args, kwargs)
            loc: Any = self._parameters["loc"]
            return hessian(loss, loc).detach()

    def _loss(self, args: Any, kwargs: Any) -> Tensor:
        """Minus the log density of the coordinates at the location."""
        with TraceMessenger() as guided:
            self(*args, **kwargs)
        with TraceMessenger() as modelled, ReplayMessenger(guided.trace):
            self.model(*args, **kwargs)
        loss: Tensor = guided.trace.log_prob_sum() - modelled.trace.log_prob_sum()
        return loss

    def _normal(self, scale_tril: Tensor, args: Any, kwargs: Any) -> AutoMultivariateNormal:
        guide = AutoMultivariateNormal(self.model, self.init_loc_fn)
        guide.setup(*args, **kwargs)
        scale = scale_tril.diagonal()
        guide.loc = nn.Parameter(self.loc.detach().clone())
        guide.scale = scale
        guide.scale_tril = scale_tril / scale.unsqueeze(-1)
        return guide
