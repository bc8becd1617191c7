"""A ``torch.nn.Module`` whose attributes are statements."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Self, TypeVar

from torch import Tensor, nn
from torch.distributions import constraints

from pyro.errors import SiteError
from pyro.nn.attribute import PyroAttribute
from pyro.nn.context import Context, Run, expect_statements, new_context
from pyro.nn.mixin import PyroModuleMeta
from pyro.nn.moved import mover
from pyro.nn.param_spec import PLAIN, ParamSpec
from pyro.nn.param_statement import param_statement
from pyro.nn.placement import enter_child, inherit, join, place
from pyro.nn.pyro_sample import PyroSample, is_distribution
from pyro.nn.store_entries import forget, names_in_store
from pyro.params.entry import as_tensor, make_leaf, unconstrain
from pyro.params.redeclaration import same_constraint
from pyro.primitives.sample import deterministic, sample
from pyro.runtime import STATE

F = TypeVar("F", bound=Callable[..., Any])
_UNCONSTRAINED = "_unconstrained"


class PyroModule(nn.Module, metaclass=PyroModuleMeta):
    """A ``torch.nn.Module`` whose parameters and random attributes are statements of a program.

    During a call of the module, reading an attribute is a statement named by the attribute's path
    from the outermost PyroModule (``"layers.0.weight"``): a ``param`` statement for a
    ``torch.nn.Parameter`` or a :class:`PyroParam`, a ``sample`` statement for a
    :class:`PyroSample`, which is drawn once per outermost call. A plain module in an attribute
    ``net`` has its parameters registered as ``net$$$path``. Outside of calls an attribute is read
    without a statement.

    ``PyroModule[Cls]`` is a PyroModule that is a ``Cls`` too: ``PyroModule[nn.Linear](3, 1)``.

    Parameters are ``torch.nn.Parameter`` s of the module from the start. They are shared with the
    parameter store by name, unless ``pyro.settings.set(module_local_params=True)`` was called
    before the module was made or called: then the store is not involved, and ``pyro.param``
    statements in calls of the outermost module keep their parameters in that module.

    :param name: What the names of sites and parameters begin with, if this is an outermost module.
    :raises SiteError: if the name contains ``$$$``.

    Example::

        >>> from pyro.nn import PyroModule, PyroParam, PyroSample
        >>> class Regression(PyroModule):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.linear = PyroModule[torch.nn.Linear](3, 1)
        ...         prior = dist.Normal(0.0, 1.0).expand([1, 3]).to_event(2)
        ...         self.linear.weight = PyroSample(prior)
        ...         self.scale = PyroParam(torch.tensor(1.0), constraint=constraints.positive)
        ...     def forward(self, x, y=None):
        ...         mean = self.linear(x).squeeze(-1)
        ...         with pyro.plate("data", len(x)):
        ...             return pyro.sample("y", dist.Normal(mean, self.scale), obs=y)
        >>> trace = poutine.trace(Regression()).get_trace(torch.ones(5, 3))
        >>> [(name, site["type"]) for name, site in trace.nodes.items() if name[0] != "_"]
        [('linear.weight', 'sample'), ('linear.bias', 'param'), ('data', 'sample'),
         ('scale', 'param'), ('y', 'sample')]
    """

    _pyro_name: str
    _pyro_context: Context
    _pyro_is_root: bool
    _pyro_params: dict[str, ParamSpec]
    _pyro_samples: dict[str, PyroSample]
    _pyro_aliases: Mapping[str, str] = MappingProxyType({})  # what a slice calls its elements

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        module = super().__new__(cls)
        start(module)
        return module

    def __init__(self, name: str = "") -> None:
        if "$$$" in name:
            raise SiteError(f"PyroModule(name={name!r}): '$$$' is reserved")
        self.__dict__["_pyro_name"] = name
        super().__init__()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        context = self.__dict__["_pyro_context"]
        if context in STATE.module_runs:
            return super().__call__(*args, **kwargs)
        with Run(self, context):
            return super().__call__(*args, **kwargs)

    # Reading

    def __getattr__(self, name: str) -> Any:
        state = self.__dict__
        if "_modules" not in state:
            return super().__getattr__(name)
        value = state["_parameters"].get(name)
        if value is None:
            value = state["_modules"].get(name)
            if value is None:
                return self._pyro_read(name)
        runs = STATE.module_runs
        if runs:
            run = runs.get(state["_pyro_context"])
            if run is not None:
                return self._pyro_in_run(run, name, value)
        return value

    def _pyro_read(self, name: str) -> Any:
        """The value of an attribute that is neither a parameter nor a module of torch's."""
        spec = self._pyro_params.get(name)
        if spec is not None:
            return self._pyro_read_param(name, spec)
        prior = self._pyro_samples.get(name)
        if prior is not None:
            return self._pyro_read_sample(name, prior)
        return super().__getattr__(name)

    def _pyro_in_run(self, run: Run, name: str, value: Any) -> Any:
        """The value of an attribute of torch's, as a statement if it is a parameter."""
        if isinstance(value, nn.Parameter):
            of_own_name = name.removesuffix(_UNCONSTRAINED) not in self._pyro_params
            if of_own_name:
                full = self._pyro_get_fullname(name)
                return param_statement(run, self._pyro_context, full, self, name, PLAIN)
        elif isinstance(value, nn.Module):
            shown = self._pyro_aliases.get(name, name)
            enter_child(run, self._pyro_context, join(self._pyro_name, shown), value)
        return value

    def _pyro_read_param(self, name: str, spec: ParamSpec) -> Any:
        key = name + _UNCONSTRAINED
        leaf = self._parameters.get(key)
        if leaf is None:  # a replica of torch.nn.DataParallel
            return spec.value(self.__dict__[key])
        run = STATE.module_runs.get(self._pyro_context) if STATE.module_runs else None
        if run is None:
            return spec.value(leaf)
        full = self._pyro_get_fullname(name)
        return param_statement(run, self._pyro_context, full, self, key, spec)

    def _pyro_read_sample(self, name: str, prior: PyroSample) -> Any:
        run = STATE.module_runs.get(self._pyro_context) if STATE.module_runs else None
        if run is None:
            fn = prior.of(self)
            return fn() if is_distribution(fn) else fn
        drawn = run.drawn
        if (self, name) not in drawn:
            fn = prior.of(self)
            statement: Any = sample if is_distribution(fn) else deterministic
            drawn[self, name] = statement(self._pyro_get_fullname(name), fn)
        return drawn[self, name]

    def _pyro_get_fullname(self, name: str) -> str:
        return f"{self._pyro_name}.{name}" if self._pyro_name else name

    def _pyro_has(self, name: str) -> bool:
        """Whether an attribute is there, other than as a declaration in the class."""
        state = self.__dict__
        kinds = ("_pyro_params", "_pyro_samples", "_parameters", "_buffers", "_modules")
        return any(name in state.get(kind, ()) for kind in kinds)

    def named_pyro_params(
        self, prefix: str = "", recurse: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """Paths and constrained values of the attributes that are :class:`PyroParam` s.

        :param prefix: What the paths begin with.
        :param recurse: Whether those of the modules below are among them.
        """
        yield from self._named_members(
            lambda module: [
                (name, getattr(module, name)) for name in module.__dict__.get("_pyro_params", ())
            ],
            prefix=prefix,
            recurse=recurse,
        )

    # Writing

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, PyroAttribute):
            value.declare_in(self, name)
        elif isinstance(value, nn.Parameter):
            self._pyro_set_parameter(name, value)
        elif isinstance(value, nn.Module):
            if self._pyro_context in STATE.module_runs:
                inherit(value, self._modules.get(name))
            else:
                forget(self, names_in_store(self, name))  # of what it takes the place of
            self._pyro_undeclare(name)
            super().__setattr__(name, value)
            place(value, join(self._pyro_name, name), self._pyro_context)
        elif isinstance(value, Tensor) and name in self._pyro_params:
            self._pyro_write(name, value)
        else:
            self._pyro_undeclare(name)
            super().__setattr__(name, value)

    def add_module(self, name: str, module: nn.Module | None) -> None:
        """Add a child module, which gets its name in the tree."""
        super().add_module(name, module)
        if module is not None:
            place(module, join(self._pyro_name, name), self._pyro_context)

    def _pyro_set_param(
        self, name: str, initial: Any, constraint: constraints.Constraint, event_dim: int | None
    ) -> None:
        self._pyro_check_started(name)
        full = self._pyro_get_fullname(name)
        if isinstance(initial, nn.Parameter) and constraint is constraints.real:
            leaf = initial
        else:
            leaf = nn.Parameter(make_leaf(full, as_tensor(full, initial), constraint).detach())
        spec = self._pyro_params.get(name)
        again = spec is not None and same_constraint(spec.constraint, constraint)
        if again and self._pyro_is_declared_again(name + _UNCONSTRAINED, leaf):
            return
        self._pyro_clear_slot(name)
        self._pyro_params[name] = ParamSpec(constraint, event_dim)
        super().__setattr__(name + _UNCONSTRAINED, leaf)

    def _pyro_set_parameter(self, name: str, value: nn.Parameter) -> None:
        if self._pyro_is_declared_again(name, value):
            return
        self._pyro_undeclare(name)
        super().__setattr__(name, value)

    def _pyro_is_declared_again(self, key: str, leaf: Tensor) -> bool:
        """Whether a call assigns a parameter that the module has: then the learned one is kept."""
        kept = self._parameters.get(key) if "_parameters" in self.__dict__ else None
        in_run = self._pyro_context in STATE.module_runs
        return in_run and kept is not None and kept.shape == leaf.shape

    def _pyro_set_sample(self, name: str, prior: PyroSample) -> None:
        self._pyro_check_started(name)
        forget(self, names_in_store(self, name))
        self._pyro_clear_slot(name)
        self._pyro_samples[name] = prior

    def _pyro_write(self, name: str, value: Tensor) -> None:
        """Set the constrained value of a parameter, in place if the shape allows."""
        spec, key = self._pyro_params[name], name + _UNCONSTRAINED
        full = self._pyro_get_fullname(name)
        new = unconstrain(full, value, spec.constraint)
        leaf = self._parameters[key]
        if leaf is None or leaf.shape != new.shape:
            super().__setattr__(key, nn.Parameter(new.clone()))
        else:
            leaf.data.copy_(new)

    def _pyro_check_started(self, name: str) -> None:
        if "_parameters" not in self.__dict__:
            raise SiteError(
                f"cannot assign attribute {name!r}: call super().__init__() before assigning"
            )
        if "." in name or not name:
            raise SiteError(
                f"an attribute of a module cannot be named {name!r}; for a path through modules "
                "use pyro.nn.nested.set_nested(module, path, value)"
            )

    def _pyro_undeclare(self, name: str) -> None:
        """Make an attribute free of a declaration, before something else is assigned to it."""
        if name in self._pyro_params or name in self._pyro_samples:
            self._pyro_clear_slot(name)

    def _pyro_clear_slot(self, name: str) -> None:
        self._pyro_params.pop(name, None)
        self._pyro_samples.pop(name, None)
        self._parameters.pop(name + _UNCONSTRAINED, None)
        for kind in ("_parameters", "_buffers", "_modules"):
            self.__dict__[kind].pop(name, None)
        self.__dict__.pop(name, None)

    def __delattr__(self, name: str) -> None:
        forget(self, names_in_store(self, name))
        if name in self._pyro_params or name in self._pyro_samples:
            self._pyro_clear_slot(name)
            return
        child = self._modules.get(name)
        super().__delattr__(name)
        if isinstance(child, PyroModule) and child._pyro_context is self._pyro_context:
            uproot(child)

    # Copies, moves, states

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        if self._pyro_is_root:
            self._pyro_context.root = weakref.ref(self)

    def _apply(self, fn: Callable[[Any], Any], recurse: bool = True) -> Self:
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        move = mover(fn) if self._pyro_samples or self._pyro_params else None
        if move is not None:
            for name, prior in self._pyro_samples.items():
                if not prior.depends:
                    self._pyro_samples[name] = PyroSample(move(prior.prior))
            for name, spec in self._pyro_params.items():
                self._pyro_params[name] = ParamSpec(move(spec.constraint), spec.event_dim)
        return self

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        expect_statements(self, prefix, state_dict)
        self._pyro_declare_from_class(lambda name: f"{prefix}{name}{_UNCONSTRAINED}" in state_dict)
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)

    def _pyro_declare_from_class(self, wanted: Callable[[str], bool] = lambda name: True) -> None:
        """Make the attributes that methods of the class declare, as far as this is possible yet."""
        for name, declared in type(self)._pyro_declared.items():
            if not self._pyro_has(name) and wanted(name):
                try:
                    declared.declare_from_class(self, name)
                except Exception:  # it needs what is not there yet: it is made when it is read
                    continue


def start(module: nn.Module, name: str = "") -> None:
    """Give a module what a PyroModule has from the beginning, as the root of a tree of its own."""
    module.__dict__.update(
        _pyro_name=name,
        _pyro_context=new_context(module),
        _pyro_is_root=True,
        _pyro_params={},
        _pyro_samples={},
    )


def uproot(module: PyroModule) -> None:
    """Make a module that was taken out of a tree the root of its own."""
    context = new_context(module)
    place(module, "", context, moving=module._pyro_context)
    module.__dict__["_pyro_is_root"] = True


def pyro_method(fn: F) -> F:
    """Decorate a method of a :class:`PyroModule` that is called from outside, like ``forward`` is.

    Attributes that the method reads are then statements, and random ones are drawn once.

    Example::

        >>> from pyro.nn import PyroModule, PyroSample
        >>> class Line(PyroModule):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.slope = PyroSample(dist.Normal(0.0, 1.0))
        ...     @pyro_method
        ...     def predict(self, x):
        ...         return self.slope * x
        >>> "slope" in poutine.trace(Line().predict).get_trace(torch.tensor(2.0))
        True
    """

    @functools.wraps(fn)
    def within_run(self: PyroModule, *args: Any, **kwargs: Any) -> Any:
        if self._pyro_context in STATE.module_runs:
            return fn(self, *args, **kwargs)
        with Run(self, self._pyro_context):
            return fn(self, *args, **kwargs)

    return within_run  # type: ignore[return-value]
