"""Run a program with latent values given in unconstrained coordinates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torch.distributions import biject_to
from torch.distributions.transforms import identity_transform

from pyro.ops.shapes import sum_rightmost
from pyro.poutine.messenger import Messenger
from pyro.poutine.sites import is_latent
from pyro.runtime import Message


class UnconstrainMessenger(Messenger):
    r"""Give latent sites the values :math:`x = T(u)`, and note :math:`\log|\det T'(u)|`.

    :math:`T` is the bijection to the support that the site has *in this run*, so supports may
    depend on other latents. :math:`\log p(x) + \log|\det T'(u)|` is the density of :math:`u`.

    :param values: :math:`u`, by name of site; leading batch dims are allowed.
    :param transforms: Bijections *from* the support, by name, in place of the automatic ones.

    Example::

        >>> from pyro.infer.model.unconstrain import UnconstrainMessenger
        >>> with UnconstrainMessenger({"x": torch.tensor(0.0)}) as given:
        ...     x = pyro.sample("x", dist.Uniform(0.0, 4.0))
        >>> x, given.log_dets["x"]  # 4 * sigmoid(0), log(4 * sigmoid'(0))
        (tensor(2.), tensor(0.))
    """

    def __init__(
        self, values: Mapping[str, Tensor], transforms: Mapping[str, Any] | None = None
    ) -> None:
        self.values = values
        self.transforms = transforms
        self.constrained: dict[str, Tensor] = {}
        self.log_dets: dict[str, Tensor] = {}

    def _pyro_sample(self, msg: Message) -> None:
        u = self.values.get(msg["name"])
        if u is None or msg["done"] or not is_latent(msg):
            return
        transform = bijection(msg["name"], msg["fn"].support, self.transforms)
        value = transform(u)
        self.log_dets[msg["name"]] = log_det(transform, u, value, msg["fn"].event_dim)
        self.constrained[msg["name"]] = value
        msg["value"] = value
        msg["done"] = True


def log_det(transform: Any, u: Tensor, value: Tensor, event_dim: int) -> Tensor:
    r""":math:`\log|\det T'(u)|` for each element of the batch of a site.

    :param event_dim: That of the site's distribution; the transform's own may be smaller.
    """
    result: Tensor = transform.log_abs_det_jacobian(u, value)
    surplus = event_dim - transform.codomain.event_dim
    return sum_rightmost(result, surplus) if result.dim() >= surplus else result


def bijection(name: str, support: Any, transforms: Mapping[str, Any] | None) -> Any:
    """The map from unconstrained values to the support of a site.

    :param transforms: Bijections from supports, by name; None for automatic ones.
    """
    if transforms is None:
        return biject_to(support)
    given = transforms.get(name)
    return identity_transform if given is None else given.inv
