"""The arguments of a step, and what is called with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from torch import Tensor
from torch.utils import _pytree as pytree

from pyro.infer.fit.steps.protocol import Loss
from pyro.infer.not_finite import raising

Objective = Callable[..., Any]
Look = Callable[[Mapping[str, Tensor]], None]


class Call(NamedTuple):
    """The arguments of a step."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    @property
    def tensors(self) -> list[Tensor]:
        """All tensors in the arguments."""
        return [x for x in pytree.tree_leaves((self.args, self.kwargs)) if isinstance(x, Tensor)]


class EagerStep(Protocol):
    """Makes a step in torch: the loss, and the leaves by name; ``look`` sees their gradients."""

    def __call__(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], look: Look | None = None
    ) -> tuple[Loss, dict[str, Tensor]]: ...


def strict(step: EagerStep) -> EagerStep:
    """The same step, in which something that is not finite is an error."""

    def made(
        args: tuple[Any, ...], kwargs: dict[str, Any], look: Look | None = None
    ) -> tuple[Loss, dict[str, Tensor]]:
        with raising():
            return step(args, kwargs, look)

    return made
