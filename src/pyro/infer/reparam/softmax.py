"""Relaxed one-hot vectors as a function of independent noise."""

from __future__ import annotations

import torch
from torch import Tensor

from pyro.distributions.torch_multivariate import RelaxedOneHotCategorical
from pyro.distributions.uniform import Uniform
from pyro.infer.reparam.rewriting import function_of, peel_to, require_latent
from pyro.poutine.reparam_messenger import Reparam, ReparamMessage, ReparamResult


class GumbelSoftmaxReparam(Reparam):
    r"""Write a RelaxedOneHotCategorical as :math:`\mathrm{softmax}((\ell - \log(-\log u)) / t)`.

    :math:`u`, the auxiliary site ``<name>_uniform``, is uniform: the corners of the simplex, each a
    mode at low temperature, are spread over a cube. There is one number more than the simplex has.
    Maddison, Mnih and Teh (2017), *The Concrete Distribution*, section 3.1.

    :raises ReparamError: at a site that is observed or of another family.

    Example::

        >>> from pyro.infer.reparam import GumbelSoftmaxReparam
        >>> def model():
        ...     return pyro.sample("x", dist.RelaxedOneHotCategorical(0.1, logits=torch.zeros(3)))
        >>> trace = poutine.trace(poutine.reparam(model, {"x": GumbelSoftmaxReparam()})).get_trace()
        >>> trace.nodes["x_uniform"]["value"].shape
        torch.Size([3])
    """

    def apply(self, msg: ReparamMessage) -> ReparamResult:
        """Add the site ``<name>_uniform``."""
        require_latent(msg, self)
        fn, wrap = peel_to(msg, self, RelaxedOneHotCategorical)
        logits, temperature = fn.logits, fn.temperature
        info = torch.finfo(logits.dtype)

        def forward(u: Tensor) -> Tensor:
            u = u.clamp(min=info.tiny, max=1 - info.eps / 2)
            gumbel = -(-u.log()).log()
            x: Tensor = ((logits + gumbel) / temperature).softmax(-1)
            return x

        def inverse(x: Tensor) -> Tensor:
            """The most likely of the noises that give this point."""
            gumbel = temperature * x.clamp(min=info.tiny).log() - logits
            gumbel = gumbel + (-gumbel).logsumexp(-1, keepdim=True) - _log_size(gumbel)
            u: Tensor = (-(-gumbel).exp()).exp()
            return u.clamp(min=info.tiny, max=1 - info.eps / 2)

        zeros = torch.zeros_like(logits)
        uniform = wrap(Uniform(zeros, zeros + 1).to_event(1))
        return function_of(msg, f"{msg['name']}_uniform", uniform, forward, inverse)


def _log_size(x: Tensor) -> float:
    return torch.tensor(float(x.shape[-1])).log().item()
