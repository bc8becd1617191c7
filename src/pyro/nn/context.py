"""What the modules of one tree share, and the calls in which their attributes are effectful."""

from __future__ import annotations

import weakref
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

from torch import Tensor, nn

from pyro import settings
from pyro.nn.statement_params import StatementParams
from pyro.runtime import STATE

MODULE_LOCAL_PARAMS = False
STATEMENTS = "pyro_statements"  # where a module keeps the parameters of statements in its calls


@settings.register("module_local_params", __name__, "MODULE_LOCAL_PARAMS")
def _is_bool(value: bool) -> None:
    if not isinstance(value, bool):
        raise ValueError(f"module_local_params must be True or False, but got {value!r}")


class Context:
    """One per tree of PyroModules: who is the root, and what was agreed with the parameter store.

    :param local: Whether the parameters of the tree stay out of the store.
    """

    def __init__(self, local: bool) -> None:
        self.local = local
        self.root: weakref.ref[nn.Module] | None = None
        self.agreed: weakref.WeakKeyDictionary[nn.Module, dict[str, weakref.ref[Tensor]]]
        self.agreed = weakref.WeakKeyDictionary()
        self.names: set[str] = set()
        self.warned = False

    def is_rooted(self) -> bool:
        """Whether the module that is the root of the tree is still there."""
        return self.root is not None and self.root() is not None

    def __reduce__(self) -> tuple[Any, ...]:
        return Context, (self.local,)  # a copy of a module has agreed on nothing yet


class Run:
    """An outermost call of a module: attributes are statements, random ones are drawn once.

    :param module: The module that is called; its tree, and others that are reached from it, take
        part.
    """

    def __init__(self, module: nn.Module, context: Context) -> None:
        self.local = context.local or MODULE_LOCAL_PARAMS
        self.drawn: dict[tuple[nn.Module, str], Any] = {}
        self._contexts: list[Context] = []
        self._own = context
        self._module = module
        self._scope: AbstractContextManager[Any] | None = None
        self._statements: StatementParams

    def include(self, context: Context) -> None:
        """Let another tree of modules take part, unless it is being called already."""
        if context not in STATE.module_runs:
            STATE.module_runs[context] = self
            self._contexts.append(context)

    def __enter__(self) -> None:
        if self.local:
            kept = self._module._modules.get(STATEMENTS)
            self._statements = kept if isinstance(kept, StatementParams) else StatementParams()
            self._scope = self._statements.scope()
            self._scope.__enter__()
        self.include(self._own)

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for context in self._contexts:
            del STATE.module_runs[context]
        if self._scope is not None:
            self._scope.__exit__(exc_type, exc_value, traceback)
            if self._statements._parameters:
                self._module._modules[STATEMENTS] = self._statements


def expect_statements(module: nn.Module, prefix: str, names: Any) -> None:
    """Make room for the parameters of statements that a state dict brings."""
    own = f"{prefix}{STATEMENTS}."
    if STATEMENTS not in module._modules and any(name.startswith(own) for name in names):
        module._modules[STATEMENTS] = StatementParams()


def new_context(root: nn.Module) -> Context:
    """The context of a new tree of modules, local if the setting says so now."""
    context = Context(MODULE_LOCAL_PARAMS)
    context.root = weakref.ref(root)
    return context
