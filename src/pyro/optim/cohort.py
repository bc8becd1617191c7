"""Parameters that were first seen together: one torch optimiser, and its scheduler."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Self

from torch import Tensor
from torch.optim import Optimizer

from pyro.errors import CheckpointError
from pyro.optim import implementation, unmarked
from pyro.optim.arguments import Options
from pyro.optim.direct_adam import DirectAdam
from pyro.params.redeclaration import same_constraint as same_value

State = dict[str, Any]
# What a scheduler keeps per parameter group, in its own state and in the optimiser's groups.
_PER_GROUP = ("base_lrs", "_last_lr", "min_lrs", "max_lrs", "base_momentums", "max_momentums")
_FROM_SCHEDULER = {"initial_lr", "max_lr", "min_lr", "base_momentum", "max_momentum"}
_NOT_LOADED = {"params", "foreach", "fused"}


class Member(NamedTuple):
    """A parameter, its name, its arguments, and the saved state it starts from, if any."""

    name: str
    param: Tensor
    options: Options
    saved: State | None


class Cohort:
    """One torch optimiser over parameters that were first seen in one call.

    :param optimizer: The optimiser.
    :param members: Its parameters; one that it was given by the user may have others too.
    :param scheduler: Its scheduler, or None.
    """

    def __init__(
        self, optimizer: Optimizer, members: Sequence[Member], scheduler: Any = None
    ) -> None:
        self.members = list(members)
        self.names = {id(m.param): m.name for m in self.members}
        self.optimizer = optimizer
        self.scheduler = scheduler
        self._walks_memory = any(g.get("fused") for g in self.optimizer.param_groups)
        direct = DirectAdam.supports(self.optimizer)
        self._direct = DirectAdam(self.optimizer, self._torch_step) if direct else None

    @classmethod
    def make(
        cls,
        constructor: Callable[..., Optimizer],
        scheduler: Callable[[Optimizer], Any] | None,
        members: Sequence[Member],
    ) -> Self:
        """An optimiser of its own for these parameters, continued from their saved states.

        :param constructor: A torch optimiser class, or a callable like one.
        :param scheduler: Makes a scheduler for the optimiser, or None.
        :param members: The parameters; those with equal arguments share a parameter group.
        """
        groups = split_by_arguments(members)
        optimizer = _build(constructor, groups)
        load_states(optimizer, members)
        made = None if scheduler is None else scheduler(optimizer)
        if made is not None:
            _load_scheduler(made, optimizer, groups)
        return cls(optimizer, [member for group in groups for member in group], made)

    def step(self, *args: Any, **kwargs: Any) -> None:
        """Update all parameters that have a gradient."""
        if self._direct is not None and not args and not kwargs:
            self._direct()
            return
        self._torch_step(*args, **kwargs)

    def step_without(self, absent: Sequence[Tensor], *args: Any, **kwargs: Any) -> None:
        """Update all parameters but some, whatever gradients those carry."""
        gradients = [p.grad for p in absent]
        for p in absent:
            p.grad = None
        try:
            self._torch_step(*args, **kwargs)
        finally:
            for p, grad in zip(absent, gradients, strict=True):
                p.grad = grad

    def get_state(self) -> dict[str, State]:
        """By name: what a torch optimiser of that one parameter would save, copied."""
        state: dict[str, State] = {}
        for index, group in enumerate(self.optimizer.param_groups):
            for p in group["params"]:
                if id(p) not in self.names:
                    continue
                saved = self._param_state(p, group)
                if self.scheduler is not None:
                    saved = {"scheduler": self._scheduler_state(index), "optimizer": saved}
                state[self.names[id(p)]] = saved
        return state

    def _param_state(self, p: Tensor, group: dict[str, Any]) -> State:
        options = {k: copy.deepcopy(v) for k, v in group.items() if k != "params"}
        own = self.optimizer.state.get(p)
        state = {0: copy.deepcopy(dict(own))} if own else {}
        return {"state": state, "param_groups": [{**options, "params": [0]}]}

    def _scheduler_state(self, index: int) -> State:
        state: State = copy.deepcopy(self.scheduler.state_dict())
        for key in _PER_GROUP:
            if isinstance(state.get(key), (list, tuple)):
                state[key] = [state[key][index]]
        return state

    def _torch_step(self, *args: Any, **kwargs: Any) -> None:
        self._pack_gradients()
        if args or kwargs:
            self.optimizer.step(*args, **kwargs)
        else:
            unmarked.step(self.optimizer)

    def _pack_gradients(self) -> None:
        """Make strided gradients contiguous where a fused kernel walks memory.

        torch's fused CPU kernels do not look at strides and would silently mix elements up.
        """
        if self._walks_memory:
            for member in self.members:
                grad = member.param.grad
                if grad is not None and not grad.is_sparse and not grad.is_contiguous():
                    member.param.grad = grad.contiguous()


def split_by_schedule(members: Sequence[Member]) -> list[list[Member]]:
    """Members whose saved schedulers are at the same point; each part makes one cohort."""
    return _partition(members, _schedule)


def split_by_arguments(members: Sequence[Member]) -> list[list[Member]]:
    """Members of equal arguments; each part makes one parameter group."""
    return _partition(members, lambda member: (member.options, _saved_group(member)))


def _schedule(member: Member) -> Any:
    if member.saved is None or "scheduler" not in member.saved:
        return None
    return {k: v for k, v in member.saved["scheduler"].items() if k not in _PER_GROUP}


def _saved_optimizer(member: Member) -> State | None:
    return None if member.saved is None else member.saved.get("optimizer", member.saved)


def _saved_group(member: Member) -> dict[str, Any] | None:
    saved = _saved_optimizer(member)
    if saved is None:
        return None
    group = {k: v for k, v in saved["param_groups"][0].items() if k not in _NOT_LOADED}
    if "scheduler" in (member.saved or {}):
        per_group = {k: (member.saved or {})["scheduler"].get(k) for k in _PER_GROUP}
        group["_schedule"] = per_group
    return group


def _partition(members: Sequence[Member], key: Callable[[Member], Any]) -> list[list[Member]]:
    """Members in groups of equal keys (which need not be hashable), in order of appearance."""
    keys: list[Any] = []
    parts: list[list[Member]] = []
    for member in members:
        found = key(member)
        index = next((i for i, k in enumerate(keys) if same_value(k, found)), None)
        if index is None:
            keys.append(found)
            parts.append([member])
        else:
            parts[index].append(member)
    return parts


def _build(constructor: Callable[..., Optimizer], groups: list[list[Member]]) -> Optimizer:
    """One optimiser, each group of which the constructor has made and checked."""
    whole: Optimizer | None = None
    for group in groups:
        params = [member.param for member in group]
        options = group[0].options
        chosen = implementation.choose(constructor, params, options)
        part = unmarked.make(constructor, params, **options, **chosen)
        if whole is None:
            whole = part
        else:
            whole.param_groups.extend(part.param_groups)
            whole.state.update(part.state)
    assert whole is not None
    return whole


def load_states(optimizer: Optimizer, members: Sequence[Member]) -> None:
    """Continue from saved states, with torch's own conversion of devices and dtypes."""
    saved = {id(member.param): member for member in members if member.saved is not None}
    if not saved:
        return
    whole = optimizer.state_dict()
    for group, target in zip(optimizer.param_groups, whole["param_groups"], strict=True):
        options: dict[str, Any] = {}
        for p, index in zip(group["params"], target["params"], strict=True):
            if id(p) not in saved:
                continue
            member = saved[id(p)]
            state: State = _saved_optimizer(member) or {}
            _check_kind(member.name, state["param_groups"][0], target)
            if 0 in state["state"]:
                whole["state"][index] = copy.deepcopy(state["state"][0])
            options = options or _saved_group(member) or {}
        target.update(copy.deepcopy({k: v for k, v in options.items() if k != "_schedule"}))
    optimizer.load_state_dict(whole)


def _load_scheduler(scheduler: Any, optimizer: Optimizer, groups: list[list[Member]]) -> None:
    first = groups[0][0].saved
    if first is None or "scheduler" not in first:
        return
    state = copy.deepcopy(first["scheduler"])
    for key in _PER_GROUP:
        if isinstance(state.get(key), (list, tuple)):
            state[key] = [(g[0].saved or {})["scheduler"][key][0] for g in groups]
    scheduler.load_state_dict(state)
    for group, target in zip(groups, optimizer.param_groups, strict=True):
        saved_group = _saved_group(group[0]) or {}
        saved_group.pop("_schedule", None)
        target.update(copy.deepcopy(saved_group))  # a new scheduler starts by setting the rate


def _check_kind(name: str, saved: dict[str, Any], current: dict[str, Any]) -> None:
    foreign = saved.keys() - current.keys() - _FROM_SCHEDULER - _NOT_LOADED
    if foreign:
        raise CheckpointError(
            f"param {name!r}: the saved optimizer state has the arguments {sorted(foreign)}, which "
            "this optimizer does not know; it was saved by an optimizer of another kind"
        )
