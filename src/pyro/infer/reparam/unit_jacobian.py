"""Transforms that keep volumes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import Tensor

from pyro.distributions.torch_composite import TransformedDistribution
from pyro.infer.reparam.padded_batch import PaddedBatch
from pyro.infer.reparam.rewriting import auxiliary, deterministic, in_plates, refusal
from pyro.poutine.plate_messenger import block_plate
from pyro.poutine.reparam_messenger import Reparam, ReparamMessage, ReparamResult
from pyro.runtime import get_mask, get_plates


class UnitJacobianReparam(Reparam):
    """Write a variable as the inverse transform of ``<name>_<suffix>``.

    The transform keeps volumes, so observed sites may be rewritten too: their transformed value is
    observed.

    :param transform: A transform whose Jacobian has determinant one in absolute value.
    :param suffix: Of the auxiliary site.
    :param experimental_allow_batch: Whether the transform may act along batch dims. They, and the
        batch dims to their right, become event dims of the auxiliary site, outside of their plates.
    :raises ReparamError: if the transform needs more event dims than the site has, unless allowed;
        along a plate that is subsampled or masked.

    Example::

        >>> from pyro.infer.reparam import UnitJacobianReparam
        >>> turn = dist.transforms.Permute(torch.tensor([2, 0, 1]))
        >>> def model():
        ...     return pyro.sample("x", dist.Normal(torch.zeros(3), 1.0).to_event(1))
        >>> config = {"x": UnitJacobianReparam(turn, "turned")}
        >>> trace = poutine.trace(poutine.reparam(model, config)).get_trace()
        >>> x, turned = (trace.nodes[name]["value"] for name in ("x", "x_turned"))
        >>> bool((x[turn.permutation] == turned).all())
        True
    """

    def __init__(
        self,
        transform: Any,
        suffix: str = "transformed",
        *,
        experimental_allow_batch: bool = False,
    ) -> None:
        self.transform = transform.with_cache()
        self.suffix = suffix
        self.experimental_allow_batch = experimental_allow_batch

    def apply(self, msg: ReparamMessage) -> ReparamResult:
        """Add the site ``<name>_<suffix>``."""
        return rewrite_by_transform(
            self, msg, self.transform, self.suffix, self.experimental_allow_batch
        )


def rewrite_by_transform(
    owner: Reparam, msg: ReparamMessage, transform: Any, suffix: str, allow_batch: bool
) -> ReparamResult:
    """Rewrite a site by a transform that keeps volumes."""
    fn, old = msg["fn"], msg["value"]
    coupled = max(0, transform.domain.event_dim - fn.event_dim)
    if coupled and not allow_batch:
        raise refusal(
            msg,
            owner,
            f"acts on {transform.domain.event_dim} event dims, but the site has event shape "
            f"{tuple(fn.event_shape)}: declare the dims dependent by .to_event(), or give "
            "experimental_allow_batch=True",
        )
    name, observed = f"{msg['name']}_{suffix}", bool(msg["is_observed"])
    if coupled:
        fn = in_plates(fn).to_event(coupled)
    law: Any = PaddedBatch(
        TransformedDistribution(fn, [transform]), coupled if fn.batch_shape else 0
    )
    start = None if old is None else law.padded(transform(old))
    with _without_plates(owner, msg, coupled):
        drawn = auxiliary(name, law if law.pad else law.base_dist, start, observed)
    value: Tensor = (
        old if drawn is start and old is not None else transform.inv(law.unpadded(drawn))
    )
    return deterministic(msg, value)


@contextmanager
def _without_plates(owner: Reparam, msg: ReparamMessage, coupled: int) -> Iterator[None]:
    """Outside of the plates at the rightmost batch dims."""
    with ExitStack() as stack:
        if coupled:
            _check_coupled(owner, msg, coupled)
            for dim in range(-coupled, 0):
                stack.enter_context(block_plate(dim=dim, strict=False))
        yield


def _check_coupled(owner: Reparam, msg: ReparamMessage, coupled: int) -> None:
    mask = get_mask()
    if isinstance(mask, Tensor) and any(size != 1 for size in mask.shape[-coupled:]):
        raise refusal(msg, owner, "cannot act along a batch dim with a mask")
    for frame in get_plates():
        inside = frame.dim is not None and frame.dim >= -coupled
        if inside and frame.full_size not in (None, frame.size):
            raise refusal(msg, owner, f"cannot act along the subsampled plate {frame.name!r}")
