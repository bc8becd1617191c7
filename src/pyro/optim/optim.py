"""``PyroOptim``: torch optimisers for parameters that appear as programs run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from torch import Tensor
from torch.optim import Optimizer

from pyro.errors import CheckpointError, SiteError
from pyro.optim import clipping, implementation
from pyro.optim.arguments import Args, Options, check_args, options_of
from pyro.optim.cohort import Cohort, Member, State, split_by_arguments, split_by_schedule
from pyro.optim.held import Held
from pyro.params import checkpoint
from pyro.params.param_store import PARAM_STORE
from pyro.params.plain_data import from_plain, to_plain

_KIND = "pyro.optim"
_MAX_PLANS = 64


class _Plan(NamedTuple):
    """What one update does for one set of parameters (which are kept, so that their ids last)."""

    params: tuple[Tensor, ...]
    clip: clipping.Clip | None
    steps: list[tuple[Cohort, list[Tensor]]]


class PyroOptim:
    """Updates parameters with a torch optimiser; parameters may be new in any call.

    Parameters that are first seen in one call share one torch optimiser (those with equal arguments
    share a parameter group), so an update takes as few tensor operations as torch offers. Where the
    arguments leave it open, ``fused``, ``foreach`` or the plain implementation is chosen, whichever
    is fastest; they agree up to rounding.

    An update changes the given parameters that have a gradient, and no others. Gradients are not
    zeroed.

    :param optim_constructor: A class in ``torch.optim``, or a callable with the same arguments.
    :param optim_args: Its keyword arguments: a dict; or a callable of the parameter's name (``$$$``
        is written ``.``) that returns one; or a callable of module name and parameter name.
    :param clip_args: None, or in the same three forms a dict with any of ``"clip_norm"`` and
        ``"clip_value"``, which act on each parameter's gradient, and ``"global_clip_norm"``, which
        bounds the norm of all gradients together. Gradients are clipped in place before the update.

    Example::

        >>> import torch
        >>> optimizer = PyroOptim(torch.optim.Adam, {"lr": 0.1})
        >>> x = torch.tensor(1.0, requires_grad=True)
        >>> (x**2).backward()
        >>> optimizer([x])
        >>> round(x.item(), 3)
        0.9
    """

    def __init__(
        self,
        optim_constructor: Callable[..., Optimizer],
        optim_args: Args,
        clip_args: Args | None = None,
    ) -> None:
        check_args("optim_args", optim_args)
        check_args("clip_args", {} if clip_args is None else clip_args)
        self.pt_optim_constructor = optim_constructor
        self.pt_optim_args = optim_args
        self.pt_clip_args: Args = {} if clip_args is None else clip_args
        self._waiting: dict[str, State] = {}
        self._unnamed: dict[int, tuple[Tensor, str]] = {}
        self._forget()

    def _forget(self) -> None:
        self._cohorts: list[Cohort] = []
        self._home: dict[int, Cohort] = {}
        self._plans: dict[tuple[int, ...], _Plan] = {}

    def __call__(
        self, params: Iterable[Tensor] | dict[str, Tensor], *args: Any, **kwargs: Any
    ) -> None:
        """Update each of ``params`` once.

        :param params: Unconstrained leaf tensors; or a dict of them, whose names then count instead
            of those in the parameter store.
        :param args: Passed on to the ``step`` of the torch optimiser.
        """
        names = params if isinstance(params, dict) else None
        leaves = tuple(params.values() if isinstance(params, dict) else params)
        plan = self._plans.get(tuple(map(id, leaves)))
        if plan is None:
            plan = self._make_plan(leaves, names)
        if plan.clip is not None:
            plan.clip()
        for cohort, absent in plan.steps:
            if absent:
                cohort.step_without(absent, *args, **kwargs)
            else:
                cohort.step(*args, **kwargs)

    def admit(self, params: dict[str, Tensor]) -> None:
        """Give parameters that are new their place, and the state that waits for them.

        :param params: Unconstrained leaf tensors by name, as they are updated together.
        """
        leaves = tuple(params.values())
        if tuple(map(id, leaves)) not in self._plans:
            self._make_plan(leaves, params)

    @property
    def optim_objs(self) -> dict[Tensor, Any]:
        """By leaf tensor: the torch optimiser that updates it (or the scheduler that holds one)."""
        return {
            member.param: cohort.scheduler or cohort.optimizer
            for cohort in self._cohorts
            for member in cohort.members
        }

    def groups_of(
        self, params: Iterable[Tensor]
    ) -> Iterator[tuple[Optimizer, dict[str, Any], list[Tensor]]]:
        """The torch optimiser, the parameter group, and which of ``params`` are in it."""
        wanted = {id(p) for p in params}
        for cohort in self._cohorts:
            for group in cohort.optimizer.param_groups:
                found = [p for p in group["params"] if id(p) in wanted]
                if found:
                    yield cohort.optimizer, group, found

    @property
    def cohorts(self) -> list[Cohort]:
        """The torch optimisers; another list after :meth:`set_state`."""
        return self._cohorts

    def clip_options(self, name: str) -> Options:
        """How the gradient of a parameter is clipped."""
        return options_of(self.pt_clip_args, name)

    def get_state(self) -> dict[str, State]:
        """By parameter name: what a torch optimiser for that parameter alone would save, copied."""
        state = dict(self._waiting)
        for cohort in self._cohorts:
            state.update(cohort.get_state())
        return state

    def set_state(self, state_dict: dict[str, State]) -> None:
        """Continue from a state; for parameters not seen yet, when they are first seen.

        :raises CheckpointError: if ``state_dict`` is not what :meth:`get_state` returns.
        """
        for name, saved in state_dict.items():
            inner = saved.get("optimizer", saved) if isinstance(saved, dict) else None
            if not (isinstance(inner, dict) and {"state", "param_groups"} <= inner.keys()):
                raise CheckpointError(
                    f"not the state of an optimizer: at {name!r} expected a dict with keys 'state' "
                    f"and 'param_groups', found {type(saved).__name__}"
                )
        self._waiting = {**self.get_state(), **state_dict}
        self._forget()

    def restart_from(self, state_dict: dict[str, State]) -> None:
        """Continue from a state and nothing else: parameters that are not in it begin anew.

        :raises CheckpointError: if ``state_dict`` is not what :meth:`get_state` returns.
        """
        self._waiting = {}
        self._forget()
        if isinstance(self.pt_optim_constructor, Held):
            self.pt_optim_constructor.optimizer.state.clear()
        self.set_state(state_dict)

    def save(self, filename: checkpoint.PathLike) -> None:
        """Write the state to a file of tensors and plain data, readable without running code."""
        checkpoint.write(filename, _KIND, {"state": to_plain(self.get_state())})

    def load(self, filename: checkpoint.PathLike, map_location: Any = None) -> None:
        """Continue from a file that :meth:`save` wrote.

        :param map_location: As in :func:`torch.load`.
        :raises CheckpointError: if the file is no optimizer's or is not safe to load.
        """
        self.set_state(from_plain(checkpoint.read(filename, _KIND, map_location)["state"]))

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        for key in ("_cohorts", "_home", "_plans", "_unnamed"):
            del state[key]
        return {**state, "_waiting": self.get_state()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _unnamed={})
        self._forget()

    def _make_scheduler(self) -> Callable[[Optimizer], Any] | None:
        """How a cohort's optimiser gets its scheduler; None: it has none."""
        return None

    def _make_plan(self, leaves: tuple[Tensor, ...], names: dict[str, Tensor] | None) -> _Plan:
        for p in leaves:
            if not isinstance(p, Tensor):
                raise SiteError(
                    f"an optimizer updates tensors, but was given {type(p).__name__}: {p!r}"
                )
        given = {} if names is None else {id(p): name for name, p in names.items()}
        unique = list({id(p): p for p in leaves}.values())
        named = [(given.get(id(p)) or self._name(p), p) for p in unique]
        self._admit([(name, p) for name, p in named if id(p) not in self._home])
        ids = {id(p) for p in unique}
        cohorts = list({id(self._home[i]): self._home[i] for i in ids}.values())
        steps = [
            (cohort, [m.param for m in cohort.members if id(m.param) not in ids])
            for cohort in sorted(cohorts, key=self._cohorts.index)
        ]
        clip = clipping.make_clip(unique, [options_of(self.pt_clip_args, n) for n, _ in named])
        plan = _Plan(leaves, clip, steps)
        if len(self._plans) >= _MAX_PLANS:
            self._plans.clear()
        self._plans[tuple(map(id, leaves))] = plan
        return plan

    def _admit(self, named: list[tuple[str, Tensor]]) -> None:
        """Give parameters that are new their place in a cohort."""
        if not named:
            return
        members = [
            Member(name, p, options_of(self.pt_optim_args, name), self._waiting.get(name))
            for name, p in named
        ]
        for cohort in self._find(members):
            for member in cohort.members:
                self._home[id(member.param)] = cohort
                self._waiting.pop(member.name, None)

    def _find(self, members: list[Member]) -> list[Cohort]:
        """The cohorts that take these parameters in."""
        if isinstance(self.pt_optim_constructor, Held):
            known = [member for cohort in self._cohorts for member in cohort.members]
            held = self.pt_optim_constructor.cohort(known, members)
            if any(member.saved is not None for member in members):
                self._cohorts = []  # the state has moved
            self._cohorts[:] = [held]
            self._plans.clear()
            return [held]
        parts = split_by_schedule(members)
        if not implementation.is_torch(self.pt_optim_constructor):
            # What a foreign optimiser keeps outside of its parameter groups is not known.
            parts = [part for whole in parts for part in split_by_arguments(whole)]
        scheduler = self._make_scheduler()
        made = [Cohort.make(self.pt_optim_constructor, scheduler, part) for part in parts]
        self._cohorts.extend(made)
        return made

    def _name(self, p: Tensor) -> str:
        """The name in the store; a parameter outside of it is numbered as it is first seen."""
        name = PARAM_STORE.param_name(p)
        if name is None:
            numbered = f"unnamed_{len(self._unnamed)}"
            name = self._unnamed.setdefault(id(p), (p, numbered))[1]
        return name
