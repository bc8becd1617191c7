"""The parameter store: named learnable tensors, kept unconstrained and read constrained."""

from __future__ import annotations

import difflib
import re
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, KeysView
from contextlib import contextmanager
from typing import Any, TypedDict

import torch
from torch import Tensor, nn
from torch.distributions import constraints

from pyro.errors import CheckpointError, ParamConstraintError, ParamNotFoundError
from pyro.params import checkpoint, constraint_codec, redeclaration
from pyro.params.entry import Constraint, Entry, as_tensor, make_leaf, unconstrain

# Re-exported: their documented home is this module.
from pyro.params.names import (
    module_from_param_with_module_name as module_from_param_with_module_name,
)
from pyro.params.names import normalize_param_name as normalize_param_name
from pyro.params.names import param_with_module_name as param_with_module_name
from pyro.params.names import user_param_name as user_param_name

_KIND = "pyro.params"
Init = Tensor | float | Callable[[], Tensor | float]
NewLeaf = Callable[[str, Tensor], Tensor]


class StoreState(TypedDict):
    """A store's content: unconstrained tensors and constraints, by name."""

    params: dict[str, Tensor]
    constraints: dict[str, Constraint]


class _Content:
    """What a store holds: entries by name, and names by leaf (entries keep the leaves alive)."""

    __slots__ = ("entries", "names", "new_leaf", "promised", "warned")

    def __init__(self, new_leaf: NewLeaf | None = None) -> None:
        self.new_leaf = new_leaf
        self.entries: dict[str, Entry] = {}
        self.names: dict[int, str] = {}
        self.warned: set[str] = set()
        self.promised: set[str] = set()

    def put(self, entry: Entry) -> Entry:
        old = self.entries.get(entry.name)
        if old is not None:
            self._forget(old)
        self.names[id(entry.leaf)] = entry.name
        self.entries[entry.name] = entry
        return entry

    def drop(self, name: str) -> None:
        self._forget(self.entries.pop(name))
        self.warned.discard(name)

    def _forget(self, entry: Entry) -> None:
        if self.names.get(id(entry.leaf)) == entry.name:  # tied leaves have the name given last
            del self.names[id(entry.leaf)]


class _Scoped(threading.local):
    content: _Content | None = None


class ParamStoreDict:
    r"""A dict of learnable tensors by name, shared by the whole process.

    For each name the store keeps an unconstrained leaf :math:`u` (``requires_grad``) and a
    constraint; reading gives the value :math:`T(u)` with :math:`T` = ``transform_to(constraint)``,
    computed afresh, so that gradients flow to :math:`u`. A value has one extra attribute,
    ``value.unconstrained()``: a weak reference to the leaf. Where the constraint is ``real``, the
    value *is* the leaf.

    Assignment ``store[name] = value`` sets the constrained value. If shape, dtype and device stay
    the same, the leaf is kept and written in place, so optimisers and modules that hold it stay
    attached; otherwise a new leaf takes its place.

    Threads may use disjoint names at once. A :meth:`scope` holds for the thread that opened it.

    Example::

        >>> import torch
        >>> store = ParamStoreDict()
        >>> store.setdefault("scale", torch.ones(2), constraints.positive).tolist()
        [1.0, 1.0]
        >>> store["scale"] = torch.tensor([2.0, 3.0])
        >>> sorted(store.match("sc")), len(store)
        (['scale'], 1)
    """

    def __init__(self) -> None:
        self._shared = _Content()
        self._scoped = _Scoped()
        self._lock = threading.RLock()

    @property
    def _content(self) -> _Content:
        return self._scoped.content or self._shared

    # Reading

    def __getitem__(self, name: str) -> Tensor:
        return self._entry(name).value()

    def __contains__(self, name: object) -> bool:
        return name in self._content.entries

    def __len__(self) -> int:
        return len(self._content.entries)

    def __bool__(self) -> bool:
        return bool(self._content.entries)

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def keys(self) -> KeysView[str]:
        """The names, in order of declaration."""
        return self._content.entries.keys()

    def values(self) -> Iterator[Tensor]:
        """The constrained values."""
        return (entry.value() for entry in list(self._content.entries.values()))

    def items(self) -> Iterator[tuple[str, Tensor]]:
        """Names and constrained values."""
        return ((entry.name, entry.value()) for entry in list(self._content.entries.values()))

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        """Names and *unconstrained* leaf tensors: what an optimiser works on."""
        return iter([(name, entry.leaf) for name, entry in self._content.entries.items()])

    def match(self, name: str) -> dict[str, Tensor]:
        """The constrained values of the parameters whose name *begins* with a regex."""
        pattern = re.compile(name)
        return {key: value for key, value in self.items() if pattern.match(key)}

    def param_name(self, p: Tensor) -> str | None:
        """The name of an unconstrained leaf tensor, or None if it is not in the store."""
        return self._content.names.get(id(p))

    def constraint(self, name: str) -> Constraint:
        """The constraint of a parameter."""
        return self._entry(name).constraint

    def unconstrained(self, name: str) -> Tensor:
        """The unconstrained leaf of a parameter."""
        return self._entry(name).leaf

    def find(self, name: str) -> Entry | None:
        """The leaf and the constraint of a parameter; None if there is none of this name."""
        return self._content.entries.get(name)

    # Declaring and writing

    def get_param(
        self,
        name: str,
        init_tensor: Init | None = None,
        constraint: Constraint = constraints.real,
        event_dim: int | None = None,
    ) -> Tensor:
        """The constrained value of a parameter, declared on first use from ``init_tensor``.

        :param init_tensor: A tensor or number (copied; an ``nn.Parameter`` with constraint ``real``
            is used itself), or a callable that returns one and is called on first use only.
        :param event_dim: How many rightmost dimensions are no plate's; used to compare shapes.
        :raises ParamNotFoundError: if there is neither such a parameter nor an initial value.
        :raises ParamConstraintError: if the initial value lies outside the constraint.
        """
        content = self._scoped.content or self._shared
        entry = content.entries.get(name)
        if entry is None:
            if init_tensor is None:
                raise self._not_found(name)
            return self._declare(content, name, init_tensor, constraint).value()
        if (
            init_tensor is not None
            and redeclaration.differs(entry, init_tensor, constraint, event_dim)
            and name not in content.warned
        ):
            content.warned.add(name)
            redeclaration.warn(entry, init_tensor, constraint)
        return entry.value()

    def setdefault(
        self, name: str, init_constrained_value: Init, constraint: Constraint = constraints.real
    ) -> Tensor:
        """The constrained value of a parameter, after declaring it if it is missing."""
        return self.get_param(name, init_constrained_value, constraint)

    def adopt(self, name: str, leaf: Tensor, constraint: Constraint = constraints.real) -> Tensor:
        """Register a tensor as the *unconstrained* leaf of a parameter, without copying it.

        What a module holds and what the store holds are then one tensor. An earlier parameter of
        this name is replaced.

        :param leaf: A leaf tensor; it is made to require a gradient.
        :return: The constrained value.
        """
        if not leaf.is_leaf:
            raise ParamConstraintError(
                f"param {name!r}: only a leaf tensor can be adopted, but this one has a grad_fn "
                f"({leaf.grad_fn}); pass tensor.detach()"
            )
        with self._lock:
            return self._content.put(Entry(name, leaf.requires_grad_(), constraint)).value()

    def promise(self, names: Iterable[str]) -> None:
        """Modules that declare these parameters next take their values, by :meth:`keep`."""
        self._content.promised.update(names)

    def keep(self, name: str, leaf: Tensor) -> None:
        """Give a module's tensor the value that was promised to it, and hold that tensor."""
        content = self._content
        if name in content.promised:
            content.promised.remove(name)
            entry = content.entries.get(name)
            if entry is not None and entry.leaf.shape == leaf.shape:
                with torch.no_grad():
                    leaf.copy_(entry.leaf)
                self.adopt(name, leaf, entry.constraint)

    def __setitem__(self, name: str, new_constrained_value: Tensor | float) -> None:
        with self._lock:
            content = self._content
            entry = content.entries.get(name)
            constraint = constraints.real if entry is None else entry.constraint
            value = as_tensor(name, new_constrained_value)
            if entry is None or not entry.write(unconstrain(name, value, constraint)):
                content.put(Entry(name, make_leaf(name, value, constraint), constraint))

    def replace_param(self, param_name: str, new_param: Tensor, old_param: Tensor) -> None:
        """Set a parameter's constrained value, if ``old_param`` is the current one.

        :raises ParamConstraintError: if ``old_param`` does not belong to the parameter's leaf.
        """
        reference = getattr(old_param, "unconstrained", None)
        leaf = old_param if reference is None else reference()
        if self._entry(param_name).leaf is not leaf:
            raise ParamConstraintError(
                f"param {param_name!r}: the tensor to be replaced is not the store's current one"
            )
        self[param_name] = new_param

    def __delitem__(self, name: str) -> None:
        with self._lock:
            self._entry(name)
            self._content.drop(name)

    def clear(self) -> None:
        """Remove all parameters. Modules that hold them keep theirs."""
        with self._lock:
            if self._scoped.content is None:
                self._shared = _Content()
            else:
                self._scoped.content = _Content(self._scoped.content.new_leaf)

    # State

    def get_state(self) -> StoreState:
        """A snapshot: copies of the unconstrained tensors, and the constraints, by name."""
        state = self._export()
        state["params"] = {
            name: leaf.detach().clone().requires_grad_() for name, leaf in state["params"].items()
        }
        return state

    def set_state(self, state: StoreState) -> None:
        """Make a snapshot the content of the store.

        Leaves whose name, constraint, shape, dtype and device are those of the snapshot are kept
        and written in place, so that optimisers stay attached to them.

        :raises CheckpointError: if ``state`` is not what :meth:`get_state` returns.
        """
        _check_state(state)
        with self._lock:
            content = self._content
            for name in [name for name in content.entries if name not in state["params"]]:
                content.drop(name)
            for name, tensor in state["params"].items():
                constraint = state["constraints"][name]
                entry = content.entries.get(name)
                kept = entry is not None and redeclaration.same_constraint(
                    entry.constraint, constraint
                )
                if not (kept and entry is not None and entry.write(tensor.detach())):
                    leaf = tensor.detach().clone().requires_grad_()
                    content.put(Entry(name, leaf, constraint))

    def save(self, filename: checkpoint.PathLike) -> None:
        """Write all parameters to a file: tensors and plain data, readable without running code.

        :raises CheckpointError: if a constraint has no registered name.
        """
        state = self._export()
        checkpoint.write(
            filename,
            _KIND,
            {
                "params": {name: leaf.detach() for name, leaf in state["params"].items()},
                "constraints": {
                    name: constraint_codec.encode(c) for name, c in state["constraints"].items()
                },
            },
        )

    def load(self, filename: checkpoint.PathLike, map_location: Any = None) -> None:
        """Read the parameters that :meth:`save` wrote, as :meth:`set_state` does.

        Tensors held by ``nn.Module`` s are not touched unless the store holds the very same
        tensors: call ``pyro.module(name, module, update_module_params=True)`` afterwards.

        :param map_location: As in :func:`torch.load`.
        :raises CheckpointError: if the file is not a param store or is not safe to load.
        """
        payload = checkpoint.read(filename, _KIND, map_location)
        decoded = {name: constraint_codec.decode(c) for name, c in payload["constraints"].items()}
        self.set_state({"params": payload["params"], "constraints": decoded})

    @contextmanager
    def scope(
        self, state: StoreState | None = None, new_leaf: NewLeaf | None = None
    ) -> Iterator[StoreState]:
        """Within the block this thread sees another content: ``state``, or an empty store.

        On exit the earlier content is back, and the yielded dict holds what the block left behind,
        to be passed to another ``scope``: the tensors are the same objects, so training can go on.
        Other threads are not affected.

        :param new_leaf: Called with the name and the leaf of each parameter that is declared in the
            block; what it returns becomes the leaf.

        Example::

            >>> store = ParamStoreDict()
            >>> with store.scope() as first:
            ...     _ = store.setdefault("x", 1.0)
            >>> "x" in store, "x" in first["params"]
            (False, True)
        """
        inner = _Content(new_leaf)
        state = {"params": {}, "constraints": {}} if state is None else state
        _check_state(state)
        for name, leaf in state["params"].items():
            inner.put(Entry(name, leaf, state["constraints"][name]))
        before, self._scoped.content = self._scoped.content, inner
        try:
            yield state
        finally:
            state.update(self._export())
            self._scoped.content = before

    # Deprecated

    def get_all_param_names(self) -> KeysView[str]:
        """Deprecated: use :meth:`keys`."""
        warnings.warn(
            "ParamStoreDict.get_all_param_names() is deprecated; use .keys()",
            DeprecationWarning,
            stacklevel=2,
        )
        return self.keys()

    # Pickling (locks and thread-locals do not pickle)

    def __getstate__(self) -> StoreState:
        return self.get_state()

    def __setstate__(self, state: StoreState) -> None:
        self.__init__()  # type: ignore[misc]
        self.set_state(state)

    def _export(self) -> StoreState:
        entries = list(self._content.entries.values())
        return {
            "params": {entry.name: entry.leaf for entry in entries},
            "constraints": {entry.name: entry.constraint for entry in entries},
        }

    def _declare(self, content: _Content, name: str, init: Init, constraint: Constraint) -> Entry:
        initial = init() if callable(init) and not isinstance(init, Tensor) else init
        if isinstance(initial, nn.Parameter) and constraint is constraints.real:
            entry = Entry(name, initial, constraint)
        else:
            leaf = make_leaf(name, as_tensor(name, initial), constraint)
            if content.new_leaf is not None:
                leaf = content.new_leaf(name, leaf)
            entry = Entry(name, leaf, constraint)
        with self._lock:
            existing = content.entries.get(name)
            return content.put(entry) if existing is None else existing

    def _entry(self, name: str) -> Entry:
        try:
            return self._content.entries[name]
        except KeyError:
            raise self._not_found(name) from None

    def _not_found(self, name: str) -> ParamNotFoundError:
        known = list(self._content.entries)
        close = difflib.get_close_matches(str(name), known, n=3)
        if close:
            hint = f"Did you mean {' or '.join(map(repr, close))}?"
        elif known:
            hint = f"The store has {len(known)}: {', '.join(map(repr, known[:5]))}" + (
                ", ..." if len(known) > 5 else "."
            )
        else:
            hint = "The store is empty."
        return ParamNotFoundError(
            f"no param named {name!r}. {hint} Declare it with an initial value, "
            f"pyro.param({name!r}, init), or run the model and guide once, or load a saved store."
        )


def _check_state(state: Any) -> None:
    """Refuse what is not a store's state."""
    if not (isinstance(state, dict) and {"params", "constraints"} <= state.keys()):
        found = sorted(map(str, state)) if isinstance(state, dict) else type(state).__name__
        raise CheckpointError(
            "not the state of a param store: expected a dict with keys 'params' and 'constraints', "
            f"found {found}"
        )
    if state["params"].keys() != state["constraints"].keys():
        odd = sorted(state["params"].keys() ^ state["constraints"].keys())
        raise CheckpointError(f"a param store's state lacks the tensor or constraint of: {odd}")


PARAM_STORE = ParamStoreDict()
