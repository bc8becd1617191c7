"""Linear state space models as conditionally Gaussian ones."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from pyro.distributions.gaussian_hmm import GaussianHMM
from pyro.distributions.independent_hmm import IndependentHMM
from pyro.distributions.linear_hmm import LinearHMM
from pyro.distributions.torch_composite import TransformedDistribution
from pyro.infer.reparam.rewriting import Peeled, peel, peel_to, refusal
from pyro.ops.shapes import broadcast_shape
from pyro.poutine.reparam_messenger import Reparam, ReparamMessage, ReparamResult


class LinearHMMReparam(Reparam):
    """Write the noises of a LinearHMM by auxiliary sites given which they are normal.

    The model is then a GaussianHMM, whose states are integrated out exactly; transforms of the
    observations stay around it. Component sites are named after ``<name>_init``, ``<name>_trans``
    and ``<name>_obs``: ``<name>_trans_gamma``, for instance. For latent and observed sites. Durbin
    and Koopman (2012), *Time Series Analysis by State Space Methods*, section 9.4.

    :param init: For the initial distribution: SymmetricStableReparam, StableReparam or
        StudentTReparam; None leaves it as it is, which must be normal then.
    :param trans: For the noise of transitions.
    :param obs: For the noise of observations.
    :raises ReparamError: at a site of another family; if a noise is not normal in the end.

    Example::

        >>> from pyro.infer.reparam import LinearHMMReparam, StudentTReparam
        >>> def model(data):
        ...     step = dist.StudentT(torch.tensor([2.0]), 0.0, 1.0).to_event(1)
        ...     noise = dist.Normal(torch.zeros(1), 0.1).to_event(1)
        ...     hmm = dist.LinearHMM(noise, torch.eye(1), step, torch.eye(1), noise, duration=9)
        ...     pyro.sample("x", hmm, obs=data)
        >>> config = {"x": LinearHMMReparam(trans=StudentTReparam())}
        >>> trace = poutine.trace(poutine.reparam(model, config)).get_trace(torch.randn(9, 1))
        >>> trace.stochastic_nodes, type(trace.nodes["x"]["fn"]).__name__
        (['x_trans_gamma'], 'GaussianHMM')
    """

    def __init__(
        self,
        init: Reparam | None = None,
        trans: Reparam | None = None,
        obs: Reparam | None = None,
    ) -> None:
        self.init, self.trans, self.obs = init, trans, obs

    def apply(self, msg: ReparamMessage) -> ReparamResult:
        """Add the sites of the noises."""
        outer, wrap = peel_to(msg, self, LinearHMM, IndependentHMM)
        components = isinstance(outer, IndependentHMM)
        fn = outer.base_dist if components else outer
        if not isinstance(fn, LinearHMM):
            raise refusal(msg, self, f"needs a LinearHMM, but got {type(fn).__name__}")
        steps = _steps(fn, msg["value"])

        def rewrite(part: str, reparam: Reparam | None, noise: Any, *times: int) -> Any:
            shape = (*fn.batch_shape, *times)
            outside = Peeled(noise, lambda d: wrap(d.to_event(len(times) + components)))
            return self._rewrite(msg, part, reparam, outside, shape)

        noises = (
            rewrite("init", self.init, fn.initial_dist),
            rewrite("trans", self.trans, fn.transition_dist, steps),
            rewrite("obs", self.obs, fn.observation_dist, steps),
        )
        new: Any = GaussianHMM(
            noises[0],
            fn.transition_matrix,
            noises[1],
            fn.observation_matrix,
            noises[2],
            duration=fn.duration,
        )
        new = new.expand(broadcast_shape(new.batch_shape, fn.batch_shape))
        if components:
            new = IndependentHMM(new)
        if fn.transforms:
            if components and any(transform.domain.event_dim for transform in fn.transforms):
                raise refusal(msg, self, "takes elementwise transforms only in an IndependentHMM")
            new = TransformedDistribution(new, list(fn.transforms))
        return {"fn": wrap(new), "value": msg["value"], "is_observed": bool(msg["is_observed"])}

    def _rewrite(
        self,
        msg: ReparamMessage,
        part: str,
        reparam: Reparam | None,
        outside: Peeled,
        shape: tuple[int, ...],
    ) -> Any:
        """One of the noises, whose sites are wrapped as the site of the model is."""
        noise, wrap = outside
        if reparam is not None:
            core, own = peel(noise.expand(shape))
            result = reparam.apply(
                {
                    "name": f"{msg['name']}_{part}",
                    "fn": wrap(own(core)),
                    "value": None,
                    "is_observed": False,
                }
            )
            noise = own(peel(result["fn"]).core)
        family = type(peel(noise).core).__name__
        if "Normal" not in family or family == "LogNormal":
            raise refusal(
                msg,
                self,
                f"needs normal noise, but that of {part!r} is {family}: give {part}=StudentTReparam"
                "(), SymmetricStableReparam() or StableReparam()",
            )
        return noise


def _steps(fn: Any, value: Tensor | None) -> int:
    if fn.duration is not None:
        return int(fn.duration)
    return int(fn.event_shape[0] if value is None else value.shape[-2])
