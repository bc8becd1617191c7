"""An optimiser on vectors: all parameters, and each kind of state, in one array."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, final

import torch
from torch import Tensor
from torch.optim import Optimizer

from pyro.errors import PyroError
from pyro.optim.clipping import clipped
from pyro.optim.optim import PyroOptim
from pyro.optim.unmarked import is_hooked
from pyro.optim.updates import UPDATES, Update


class NotFlat(PyroError, RuntimeError):  # noqa: N818
    """An optimiser cannot be had on vectors; the message says why."""


class _Group(NamedTuple):
    """Parameters with one update, next to one another: from ``start`` to ``stop``."""

    update: Update
    optimizer: Optimizer
    group: dict[str, Any]
    params: list[Tensor]
    start: int
    stop: int


class Frozen(NamedTuple):
    """Arrays, and the number of steps and the learning rate of each group."""

    arrays: list[Tensor]
    groups: list[tuple[int, float | None]]


@final
class FlatOptimizer:
    """The parameters and the state of an optimiser in vectors, and its update of these.

    :param optim: The optimiser. If it has not updated the parameters yet, it gets the state with
        which it would begin.
    :param leaves: Unconstrained leaf tensors by name.
    :param dtype: The type of the vectors. Scalars are float64.
    :ivar params: All parameters, one behind the other.
    :ivar arrays: ``params``, the state by name, and the scalars of all groups.
    :raises NotFlat: if there is no such update for an optimiser, its options or its state.
    """

    def __init__(
        self,
        optim: PyroOptim,
        leaves: Mapping[str, Tensor],
        dtype: torch.dtype = torch.float64,
    ) -> None:
        named = {id(leaf): name for name, leaf in leaves.items()}
        self._cohorts = optim.cohorts
        self._groups = list(_groups(optim, leaves))
        self.leaves = [p for group in self._groups for p in group.params]
        self.names = [named[id(leaf)] for leaf in self.leaves]
        for name, leaf in zip(self.names, self.leaves, strict=True):
            _check(name, leaf)
        self._clip = [optim.clip_options(name) for name in self.names]
        self._names = sorted({name for group in self._groups for name in group.update.names})
        size = sum(leaf.numel() for leaf in self.leaves)
        self.params = torch.zeros(size, dtype=dtype)
        self._state = {name: torch.zeros_like(self.params) for name in self._names}
        self._scalars = torch.zeros(len(self.scalars()), dtype=torch.float64)
        self.arrays = [self.params, *self._state.values(), self._scalars]
        self._targets = self.leaves + [
            group.optimizer.state[p][name]
            for name in self._names
            for group in self._groups
            for p in group.params
            if name in group.update.names
        ]
        self._sources = self._parts(self.params, self._groups) + [
            part
            for name, array in self._state.items()
            for part in self._parts(array, [g for g in self._groups if name in g.update.names])
        ]
        self._counting = [
            group.optimizer.state[p]
            for group in self._groups
            for p in group.params
            if group.update.counts and not isinstance(group.optimizer.state[p]["step"], Tensor)
        ]
        self._made_for = [(g, g.optimizer.state, g.update.fixed) for g in self._groups]
        self.read()

    def is_current(self, optim: PyroOptim) -> bool:
        """Whether the optimiser still keeps its state where it did."""
        return optim.cohorts is self._cohorts and all(
            group.optimizer.state is kept and group.update.fixed == fixed
            for group, kept, fixed in self._made_for
        )

    @property
    def shared(self) -> list[tuple[Tensor, Tensor]]:
        """Parts of the vectors, each with the leaf or the state of torch that it stands for."""
        return list(zip(self._sources, self._targets, strict=True))

    @property
    def counters(self) -> list[Any]:
        """The numbers of steps as torch keeps them, one for each parameter."""
        return [
            group.optimizer.state[p]["step"]
            for group in self._groups
            for p in group.params
            if group.update.counts
        ]

    def count_up(self) -> None:
        """One step more, where torch keeps their number as plain numbers."""
        for state in self._counting:
            state["step"] += 1

    @property
    def moves_rates(self) -> bool:
        """Whether a step changes learning rates."""
        return any(group.update.moves_rate for group in self._groups)

    @property
    def offsets(self) -> list[int]:
        """Where each of :attr:`leaves` begins in :attr:`params`."""
        found, total = [], 0
        for leaf in self.leaves:
            found.append(total)
            total += leaf.numel()
        return found

    def _parts(self, array: Tensor, groups: Sequence[_Group]) -> list[Tensor]:
        return [
            part.reshape(p.shape)
            for group in groups
            for part, p in zip(
                array[group.start : group.stop].split([p.numel() for p in group.params]),
                group.params,
                strict=True,
            )
        ]

    def later(self, ahead: int = 0) -> Callable[[int], list[float]]:
        """What a step so many steps from now needs, such as rates, if the groups are then as now.

        :param ahead: How many steps torch's tensors are behind.
        """
        counted = [(group.update.scalars, _steps(group) + ahead) for group in self._groups]
        if len(counted) == 1:
            ((only, count),) = counted
            return lambda k: only(count + k)
        return lambda k: [x for scalars, count in counted for x in scalars(count + k)]

    def scalars(self, ahead: int = 0) -> list[float]:
        """What a step needs now; torch's tensors are so many steps behind."""
        return [float(x) for x in self.later(ahead)(0)]

    @torch.no_grad()
    def read(self) -> None:
        """Take over what torch's tensors and the parameter groups hold."""
        torch._foreach_copy_(self._sources, self._targets)
        self.read_rates()

    def read_rates(self, ahead: int = 0) -> None:
        """Take over what the parameter groups hold; the vectors are so many steps ahead."""
        self._scalars.numpy()[:] = self.scalars(ahead)

    def write_rates(self) -> None:
        """Put learning rates where torch keeps them."""
        for group, rate in zip(self._groups, self._rates(), strict=True):
            if rate is not None:
                group.group["lr"] = rate

    @torch.no_grad()
    def write(self, steps: int) -> None:
        """Put the vectors, after so many more steps, where torch keeps them."""
        torch._foreach_copy_(self._targets, self._sources)
        self.write_rates()
        for group in self._groups:
            if group.update.counts:
                for p in group.params:
                    group.optimizer.state[p]["step"] += steps

    def freeze(self, steps: int) -> Frozen:
        """A copy of the vectors, which are so many steps ahead of torch's tensors."""
        rates = self._rates()
        groups = [(_steps(g) + steps, rate) for g, rate in zip(self._groups, rates, strict=True)]
        return Frozen([array.clone() for array in self.arrays], groups)

    def _rates(self) -> list[float | None]:
        """The learning rate of each group, if torch keeps it under that name."""
        found: list[float | None] = []
        waiting = iter(self._scalars.tolist())
        for group in self._groups:
            scalars = list(itertools.islice(waiting, len(group.update.scalars(0))))
            found.append(group.update.rate(scalars) if "lr" in group.group else None)
        return found

    @torch.no_grad()
    def thaw(self, frozen: Frozen, state: dict[str, Any]) -> None:
        """Put a copy into the leaves, and into a state as ``PyroOptim.get_state`` returns it."""
        names = dict(zip(map(id, self.leaves), self.names, strict=True))
        for group, (steps, rate) in zip(self._groups, frozen.groups, strict=True):
            for p, value in zip(group.params, self._parts(frozen.arrays[0], [group]), strict=True):
                p.copy_(value)
                saved = state[names[id(p)]]
                if rate is not None:
                    saved["param_groups"][0]["lr"] = rate
                if group.update.counts:
                    count = saved["state"][0]["step"]
                    whole = isinstance(count, Tensor)
                    saved["state"][0]["step"] = count.fill_(steps) if whole else steps
            for name, array in zip(self._names, frozen.arrays[1:], strict=False):
                for p, value in zip(group.params, self._parts(array, [group]), strict=True):
                    if name in group.update.names:
                        state[names[id(p)]]["state"][0][name].copy_(value)

    def step(self, gradients: Sequence[Tensor], scalars: Tensor | None = None) -> list[Tensor]:
        """The arrays after an update: a tensor program of :attr:`arrays` and the gradients.

        It is computed in float64, and rounded once to the type of the arrays.

        :param scalars: Instead of those in the last of the arrays.
        """
        given = self._scalars if scalars is None else scalars
        clip = clipped(gradients, self._clip)
        dtype, wide = self.params.dtype, torch.float64
        whole = torch.cat([g.reshape(-1) for g in clip]).to(wide)
        moved, changed, position = [], [], 0
        for group in self._groups:
            part = slice(group.start, group.stop)
            count = len(group.update.scalars(0))
            carried = list(given[position : position + count])
            state = {name: self._state[name][part].to(wide) for name in group.update.names}
            moved.append(group.update(self.params[part].to(wide), whole[part], state, carried))
            changed.extend(moved[-1].scalars)
            position += count
        new = [torch.cat([m.params.to(dtype) for m in moved])]
        for name, array in self._state.items():
            parts = [
                m.state.get(name, array[g.start : g.stop]).to(dtype)
                for m, g in zip(moved, self._groups, strict=True)
            ]
            new.append(torch.cat(parts))
        return [*new, torch.stack(changed)]


def _groups(optim: PyroOptim, leaves: Mapping[str, Tensor]) -> Iterator[_Group]:
    start = 0
    for optimizer, group, params in optim.groups_of(leaves.values()):
        make = UPDATES.get(type(optimizer))
        if make is None:
            raise NotFlat(f"{type(optimizer).__name__} is an optimiser without machine code")
        if is_hooked(optimizer):
            raise NotFlat(f"{type(optimizer).__name__} has hooks")
        update = make(group)
        reason = update.why_not()
        if reason is not None:
            raise NotFlat(f"{type(optimizer).__name__} with {reason} has no machine code")
        stop = start + sum(p.numel() for p in params)
        found = _Group(update, optimizer, group, params, start, stop)
        _begin(found)
        if len({_count(found, p) for p in params}) != 1:
            raise NotFlat("parameters have been updated different numbers of times")
        for p in params:
            missing = [k for k in update.names if optimizer.state[p].get(k) is None]
            if missing:
                raise NotFlat(f"the optimiser has no {missing[0]} yet")
        yield found
        start = stop


def _begin(group: _Group) -> None:
    """Give parameters that have never been updated the state that torch would give them."""
    for p in group.params:
        if not group.optimizer.state[p]:
            group.optimizer.state[p].update(group.update.initial(p) or {})


def _count(group: _Group, p: Tensor) -> int:
    return int(group.optimizer.state[p].get("step", 0)) if group.update.counts else 0


def _steps(group: _Group) -> int:
    return _count(group, group.params[0])


def _check(name: str, leaf: Tensor) -> None:
    if (
        leaf.device.type != "cpu"
        or not leaf.is_floating_point()
        or leaf.layout is not torch.strided
    ):
        raise NotFlat(f"parameter {name!r} is {leaf.dtype} on {leaf.device}")
