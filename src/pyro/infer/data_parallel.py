"""One optimisation on several processes, each with its part of the data."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol, final

import torch
import torch.distributed as processes
from torch import Tensor

from pyro.infer.errors import InferenceError, NonFiniteError
from pyro.infer.param_capture import ParamCapture
from pyro.infer.reevaluation import Reevaluation

Loss = float | tuple[float, ...]


class Objective(Protocol):
    """What is needed of an objective."""

    def loss(self, model: Any, guide: Any, *args: Any, **kwargs: Any) -> Any: ...

    def loss_and_grads(self, model: Any, guide: Any, *args: Any, **kwargs: Any) -> Any: ...


@final
class DataParallel:
    r"""An objective whose loss and gradients are averaged over the processes of a group.

    Each process runs the same program on its own part :math:`B_r` of a mini-batch, in a plate that
    knows the size :math:`N` of all data, so that its loss estimates that of all data. The average

    .. math:: \sum_r w_r \nabla L_r \Big/ \sum_r w_r

    with equal weights, or with :math:`w_r = |B_r|` where parts differ in size, is the gradient for
    the union of the parts if the processes have drawn equal values for the sites outside of the
    plate (equal seeds), and an average over particles as well if they have not. Parameters start
    with the values of the first process. All processes get the same loss, so that
    :meth:`SVI.run <pyro.infer.SVI.run>` stops in all at the same step; something that is not finite
    in one of them is so in all. They have to use the same parameters in each step.

    Where ``torch.distributed`` has not been initialised, the loss is left as it is.

    :param loss: The objective.
    :param weight: A function of the arguments of model and guide, such as ``lambda x, index:
        len(index)``; by default all processes count alike.
    :param process_group: As in ``torch.distributed``; by default all processes.
    :raises InferenceError: if ``loss`` is no objective; or in a step, if a parameter is sharded.

    Example::

        >>> from pyro.infer import SVI, DataParallel, Trace_ELBO
        >>> def model(x):
        ...     z = pyro.sample("z", dist.Normal(0.0, 1.0))
        ...     with pyro.plate("data", 1000, subsample_size=len(x)):
        ...         pyro.sample("x", dist.Normal(z, 1.0), obs=x)
        >>> def guide(x):
        ...     pyro.sample("z", dist.Normal(pyro.param("loc", torch.tensor(0.0)), 0.1))
        >>> svi = SVI(model, guide, pyro.optim.Adam({"lr": 0.1}), DataParallel(Trace_ELBO()))
        >>> losses = [svi.step(1.0 + torch.randn(50)) for _ in range(50)]
        >>> losses[-1] < losses[0]
        True
    """

    def __init__(
        self,
        loss: Objective,
        weight: Callable[..., float] | None = None,
        process_group: Any = None,
    ) -> None:
        is_objective = hasattr(loss, "loss") and hasattr(loss, "loss_and_grads")
        if isinstance(loss, type) or not is_objective:
            raise InferenceError(
                f"DataParallel takes an objective such as Trace_ELBO(), but got {loss!r}"
            )
        self.objective = loss
        self.weight = weight
        self.process_group = process_group
        self._known: dict[int, Tensor] = {}

    def loss(self, model: Any, guide: Any, *args: Any, **kwargs: Any) -> Loss:
        """An estimate of the loss for all data, the same in all processes."""
        value = self.objective.loss(model, guide, *args, **kwargs)
        return self._average(value, self._weight(args, kwargs), {}) if self._is_joint() else value

    def loss_and_grads(self, model: Any, guide: Any, *args: Any, **kwargs: Any) -> Loss:
        """The same; gradients are averaged, and are then the same in all processes."""
        if not self._is_joint():
            alone: Loss = self.objective.loss_and_grads(model, guide, *args, **kwargs)
            return alone
        failure: NonFiniteError | None = None
        value: Loss = math.nan
        again = Reevaluation()
        with ParamCapture() as seen:
            try:
                value = self.objective.loss_and_grads(model, guide, *args, **kwargs)
                if self._synchronise(seen.leaves):
                    again.rewind(seen.leaves)
                    value = self.objective.loss_and_grads(model, guide, *args, **kwargs)
            except NonFiniteError as error:  # the others wait for this process: join them first
                failure = error
        average = self._average(value, self._weight(args, kwargs), seen.leaves)
        if failure is not None:
            raise failure
        return average

    def _is_joint(self) -> bool:
        return processes.is_available() and processes.is_initialized()

    def _weight(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> float:
        return 1.0 if self.weight is None else float(self.weight(*args, **kwargs))

    def _synchronise(self, leaves: Mapping[str, Tensor]) -> bool:
        """Give parameters that are new the values of the first process; whether there are some."""
        names = [name for name in sorted(leaves) if id(leaves[name]) not in self._known]
        for name in names:
            if hasattr(leaves[name], "device_mesh"):
                raise InferenceError(
                    f"param {name!r} is sharded over processes, which average its gradients by "
                    "themselves. Give Trace_ELBO()(model, guide).parameters() to torch's optimizer."
                )
        new = [leaves[name] for name in names]
        first = processes.get_process_group_ranks(self.process_group)[0]
        with torch.no_grad():
            for leaf in new:
                processes.broadcast(leaf.detach(), first, group=self.process_group)
        self._known.update((id(leaf), leaf) for leaf in new)
        return bool(new)

    def _average(self, value: Loss, weight: float, leaves: Mapping[str, Tensor]) -> Loss:
        """Average the loss, and the gradients in place; all is sent before anything is awaited."""
        ordered = [leaves[name] for name in sorted(leaves)]
        losses = value if isinstance(value, tuple) else (value,)
        device = ordered[0].device if ordered else torch.device("cpu")
        present = [float(leaf.grad is not None) for leaf in ordered]
        weighted = [weight * float(loss) for loss in losses]
        head = torch.tensor([weight, *weighted, *present], dtype=torch.float64, device=device)
        parts = list(_by_kind(ordered))
        flats = [_flat(part, weight) for part in parts]
        for work in [self._send(x) for x in (head, *flats)]:
            work.wait()
        total, *numbers = head.tolist()
        anywhere = dict(zip(map(id, ordered), numbers[len(losses) :], strict=True))
        for part, flat in zip(parts, flats, strict=True):
            found = flat.div_(total).split([leaf.numel() for leaf in part])
            for leaf, gradient in zip(part, found, strict=True):
                leaf.grad = gradient.view(leaf.shape) if anywhere[id(leaf)] else None
        means = [number / total for number in numbers[: len(losses)]]
        return tuple(means) if isinstance(value, tuple) else means[0]

    def _send(self, x: Tensor) -> Any:
        return processes.all_reduce(x, group=self.process_group, async_op=True)


def _flat(leaves: Sequence[Tensor], weight: float) -> Tensor:
    """The gradients, one behind the other, times the weight."""
    flat = torch.cat([_gradient(leaf).reshape(-1) for leaf in leaves])
    return flat if weight == 1 else flat.mul_(weight)


def _gradient(leaf: Tensor) -> Tensor:
    if leaf.grad is None:  # in other processes there is one
        return torch.zeros_like(leaf)
    return leaf.grad.to_dense() if leaf.grad.is_sparse else leaf.grad


def _by_kind(leaves: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    found: dict[Any, list[Tensor]] = {}
    for leaf in leaves:
        found.setdefault((leaf.dtype, leaf.device), []).append(leaf)
    return iter(found.values())
