"""Sums of terms that live in different plates, restricted to the plates of one site."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor

from pyro.runtime import Frame

Frames = tuple[Frame, ...]


class MultiFrameTensor:
    r"""Tensors :math:`t_i`, each in a set of vectorised plates :math:`F_i`, one sum per set.

    Within a plate the batch dim of a term is ``frame.dim``; all other dims are of no plate, and
    are summed out.

    :param items: Pairs of the plates around a term, and the term.

    Example::

        >>> def model():
        ...     pyro.sample("z", dist.Normal(0.0, 1.0))
        ...     with pyro.plate("data", 3):
        ...         pyro.sample("x", dist.Normal(0.0, 1.0))
        >>> nodes = poutine.trace(model).get_trace().nodes
        >>> outside, inside = (nodes[name]["cond_indep_stack"] for name in ("z", "x"))
        >>> costs = MultiFrameTensor((outside, torch.tensor(10.0)), (inside, torch.arange(3.0)))
        >>> costs.sum_to(inside)
        tensor([10., 11., 12.])
        >>> costs.sum_to(outside)
        tensor(13.)
    """

    def __init__(self, *items: tuple[Iterable[Frame], Tensor]) -> None:
        self._sums: dict[Frames, Tensor] = {}
        self.add(*items)

    def add(self, *items: tuple[Iterable[Frame], Tensor]) -> None:
        """Add further terms."""
        for stack, term in items:
            frames = tuple(sorted((f for f in stack if f.vectorized), key=_leftmost_first))
            term = _keep_dims(term, {f.dim for f in frames})
            held = self._sums.get(frames)
            self._sums[frames] = term if held is None else held + term

    def sum_to(self, target_frames: Iterable[Frame]) -> Tensor | None:
        r"""The part of the total that may depend on a site in the plates :math:`T`.

        Entry :math:`j` is :math:`\sum_i \sum_{k} t_i[j_{T \cap F_i}, k_{F_i \setminus T}]`: terms
        in a plate of the site are taken at the same index only, other plates are summed over.

        :return: A tensor that broadcasts to the batch shape of the site; None without terms.
        """
        targets = {(f.name, f.dim) for f in target_frames if f.vectorized}
        total: Tensor | None = None
        for frames, term in self._sums.items():
            shared = {f.dim for f in frames if (f.name, f.dim) in targets}
            part = _keep_dims(term, shared)
            total = part if total is None else total + part
        return total


def _leftmost_first(frame: Frame) -> tuple[int, str]:
    return frame.dim or 0, frame.name


def _keep_dims(term: Tensor, dims: set[int | None]) -> Tensor:
    """Sum out all dims except ``dims`` (negative), which stay where they are."""
    drop = [d for d in range(-term.dim(), 0) if d not in dims and term.shape[d] != 1]
    if drop:
        term = term.sum(drop, keepdim=True)
    while term.dim() and term.shape[0] == 1 and -term.dim() not in dims:
        term = term.squeeze(0)
    return term
