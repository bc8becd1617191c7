"""Transforms with learnable parameters."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import transforms as tt

from pyro.distributions.transforms.caching import FusedTransform, RoundTripTransform
from pyro.distributions.transforms.conditional import ConditionalTransform


class TransformModule(RoundTripTransform, nn.Module):
    """A transform that is a ``torch.nn.Module``, so that its parameters can be learned.

    Register it with :func:`pyro.module`, or give its ``parameters()`` to an optimiser. A subclass
    provides ``domain``, ``codomain``, ``bijective``, ``_call``, ``_inverse`` and
    ``log_abs_det_jacobian`` as for torch's ``Transform``.

    Example::

        >>> class Shift(dist.TransformModule):
        ...     "Adds a learned number."
        ...     domain = codomain = constraints.real
        ...     bijective = True
        ...     def __init__(self):
        ...         super().__init__(cache_size=1)
        ...         self.by = torch.nn.Parameter(torch.tensor(2.0))
        ...     def _call(self, x):
        ...         return x + self.by
        ...     def _inverse(self, y):
        ...         return y - self.by
        ...     def log_abs_det_jacobian(self, x, y):
        ...         return torch.zeros_like(x)
        >>> flow = dist.TransformedDistribution(dist.Normal(0.0, 1.0), Shift())
        >>> flow.log_prob(torch.tensor(2.0)).detach()
        tensor(-0.9189)
    """

    def __init__(self, cache_size: int = 0) -> None:
        nn.Module.__init__(self)
        tt.Transform.__init__(self, cache_size=cache_size)

    def __hash__(self) -> int:
        return nn.Module.__hash__(self)

    def __eq__(self, other: object) -> bool:
        return self is other

    def _stamp(self) -> Hashable:
        versions: list[int] = []
        _append_versions(self, versions)
        return torch.is_grad_enabled(), self.training, tuple(versions)


def _append_versions(module: nn.Module, versions: list[int]) -> None:
    """Which parameters there are and how often each has changed, faster than ``parameters()``."""
    for parameter in module._parameters.values():
        if parameter is not None:
            versions += (id(parameter), parameter._version)
    for child in module._modules.values():
        if child is not None:
            _append_versions(child, versions)


class FusedTransformModule(FusedTransform, TransformModule):
    """A :class:`TransformModule` that provides ``_forward`` and ``_backward``."""

    def __init__(self, cache_size: int = 1) -> None:
        TransformModule.__init__(self, cache_size)

    def __hash__(self) -> int:
        return nn.Module.__hash__(self)

    def _stamp(self) -> Hashable:
        return TransformModule._stamp(self)


class ComposeTransformModule(tt.ComposeTransform, nn.ModuleList):
    r"""Transforms in turn, with the parameters of those that have some.

    :math:`y = T_n(\cdots T_1(x))`; the inverses are applied from last to first, and the
    log-determinants add up (Rezende and Mohamed 2015, *Variational inference with normalizing
    flows*, section 3).

    :param parts: The transforms :math:`T_1, \dots, T_n`.

    Example::

        >>> flow = dist.transforms.ComposeTransformModule(
        ...     [dist.transforms.planar(2), dist.transforms.elu(), dist.transforms.planar(2)]
        ... )
        >>> len(list(flow.parameters())), flow(torch.zeros(5, 2)).shape
        (6, torch.Size([5, 2]))
    """

    def __init__(self, parts: list[tt.Transform], cache_size: int = 0) -> None:
        nn.ModuleList.__init__(self)
        tt.ComposeTransform.__init__(self, parts, cache_size)
        for index, part in enumerate(self.parts):
            if isinstance(part, nn.Module):
                self.add_module(str(index), part)

    def __call__(self, x: Tensor) -> Tensor:
        """The transforms in turn."""
        y: Tensor = tt.ComposeTransform.__call__(self, x)
        return y

    def __len__(self) -> int:
        return len(self.parts)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.parts)

    def __hash__(self) -> int:
        return nn.Module.__hash__(self)

    def __eq__(self, other: object) -> bool:
        return bool(tt.ComposeTransform.__eq__(self, other))

    def with_cache(self, cache_size: int = 1) -> ComposeTransformModule:
        """The same transforms with another cache size."""
        if self._cache_size == cache_size:
            return self
        return ComposeTransformModule(self.parts, cache_size)


class ConditionalTransformModule(ConditionalTransform, nn.Module):
    """A conditional transform that is a ``torch.nn.Module``.

    A subclass provides ``condition(context)``, which returns a transform.

    Example::

        >>> flow = dist.transforms.conditional_planar(input_dim=2, context_dim=3)
        >>> isinstance(flow, dist.ConditionalTransformModule)
        True
        >>> flow.condition(torch.zeros(5, 3))(torch.zeros(5, 2)).shape
        torch.Size([5, 2])
    """

    def __init__(self) -> None:
        nn.Module.__init__(self)

    def __hash__(self) -> int:
        return nn.Module.__hash__(self)


class ConditionalComposeTransformModule(ConditionalTransformModule):
    """Transforms in turn, some of them conditional: a :class:`ComposeTransformModule` at a context.

    :param parts: Transforms and conditional transforms, from first to last.

    Example::

        >>> flow = dist.transforms.iterated(2, dist.transforms.conditional_planar, 2, context_dim=3)
        >>> flow.condition(torch.zeros(5, 3))(torch.zeros(5, 2)).shape
        torch.Size([5, 2])
    """

    def __init__(self, parts: list[Any]) -> None:
        super().__init__()
        self.parts = list(parts)
        for index, part in enumerate(parts):
            if isinstance(part, nn.Module):
                self.add_module(str(index), part)

    def condition(self, context: Tensor) -> tt.ComposeTransform:
        """The transforms in turn, given the context."""
        return ComposeTransformModule([given(part, context) for part in self.parts])


class ConditionedTransform(FusedTransform):
    """A transform given by its parameters: the value of a conditional one at a context.

    :param forward: ``forward(x, *params)`` returns :math:`y` and the log-determinant.
    :param backward: ``backward(y, *params)`` returns :math:`x` and the forward map's, or None.
    """

    def __init__(
        self,
        forward: Callable[..., tuple[Tensor, Tensor]],
        backward: Callable[..., tuple[Tensor, Tensor | None]],
        params: tuple[Any, ...],
        domain: Any,
    ) -> None:
        super().__init__(cache_size=1)
        self._functions = forward, backward
        self.params = params
        self.domain = self.codomain = domain

    def _forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self._functions[0](x, *self.params)

    def _backward(self, y: Tensor) -> tuple[Tensor, Tensor | None]:
        return self._functions[1](y, *self.params)


def given(transform: Any, context: Tensor) -> tt.Transform:
    """The transform itself, or what it is at the context if it is conditional."""
    if isinstance(transform, ConditionalTransform):
        return transform.condition(context)
    return transform  # type: ignore[no-any-return]


def iterated(repeats: int, base_fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """``repeats`` transforms made by ``base_fn(*args, **kwargs)``, one after the other.

    :return: a :class:`ComposeTransformModule`; if they are conditional, a
        :class:`ConditionalComposeTransformModule`.

    Example::

        >>> flow = dist.transforms.iterated(3, dist.transforms.radial, 2)
        >>> len(list(flow.parameters()))
        9
    """
    parts = [base_fn(*args, **kwargs) for _ in range(repeats)]
    if any(isinstance(part, ConditionalTransform) for part in parts):
        return ConditionalComposeTransformModule(parts)
    return ComposeTransformModule(parts)
