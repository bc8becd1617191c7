"""Constraints as plain data (and back), so that files need not contain pickled objects."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.distributions import constraints

from pyro.distributions import constraints as pyro_constraints
from pyro.errors import CheckpointError
from pyro.params.entry import Constraint

_BY_NAME: dict[str, Constraint | type[Constraint]] = {}
_NAME_OF_INSTANCE: dict[int, str] = {}
_NAME_OF_TYPE: dict[type[Constraint], str] = {}


def register_constraint(name: str, constraint: Constraint | type[Constraint]) -> None:
    """Make a constraint savable under a name: one object, or a class with plain attributes.

    :param name: The name in files; keep it stable.
    :param constraint: A constraint without arguments, or the class of constraints whose attributes
        are numbers, strings, tensors, constraints, or lists and dicts of those.

    Example::

        >>> class Below(constraints.Constraint):
        ...     def __init__(self, bound):
        ...         self.bound = bound
        ...     def check(self, value):
        ...         return value < self.bound
        >>> register_constraint("example.below", Below)
        >>> encode(Below(3.0))
        {'name': 'example.below', 'args': {'bound': 3.0}}
        >>> decode(encode(Below(3.0))).check(torch.tensor([2.0, 4.0]))
        tensor([ True, False])
    """
    _BY_NAME[name] = constraint
    if isinstance(constraint, type):
        _NAME_OF_TYPE.setdefault(constraint, name)
    else:
        _NAME_OF_INSTANCE.setdefault(id(constraint), name)


def register_namespace(prefix: str, namespace: Any) -> None:
    """Register every constraint and constraint class among a module's attributes."""
    for name, value in sorted(
        vars(namespace).items(), key=lambda item: (item[0][0] == "_", item[0])
    ):
        if isinstance(value, Constraint) or (
            isinstance(value, type) and issubclass(value, Constraint)
        ):
            register_constraint(f"{prefix}.{name}", value)


def encode(constraint: Constraint) -> dict[str, Any]:
    """A constraint as a dict of plain data: ``{"name": ...}``, with ``"args"`` if it has some.

    :raises CheckpointError: if the constraint is not registered.
    """
    name = _NAME_OF_INSTANCE.get(id(constraint))
    if name is not None:
        return {"name": name}
    name = _NAME_OF_TYPE.get(type(constraint))
    if name is None:
        raise CheckpointError(
            f"constraint {constraint!r} of type {type(constraint).__name__} has no registered "
            "name, so it cannot be saved. Call pyro.params.register_constraint(name, "
            "constraint_or_class) before saving and before loading."
        )
    return {"name": name, "args": {key: _encode(value) for key, value in vars(constraint).items()}}


def decode(data: Any) -> Constraint:
    """The constraint that :func:`encode` described.

    :raises CheckpointError: if the description is malformed or names an unknown constraint.
    """
    if not isinstance(data, dict) or "name" not in data:
        raise CheckpointError(f"not the description of a constraint: {data!r}")
    found = _BY_NAME.get(data["name"])
    if found is None:
        raise CheckpointError(
            f"unknown constraint {data['name']!r}. If it is your own, call "
            "pyro.params.register_constraint(name, constraint_or_class) before loading."
        )
    if not isinstance(found, type):
        return found
    constraint = found.__new__(found)
    vars(constraint).update({key: _decode(value) for key, value in data.get("args", {}).items()})
    return constraint


def _encode(value: Any) -> Any:
    if isinstance(value, Constraint):
        return {"constraint": encode(value)}
    if isinstance(value, (list, tuple)):
        return {"list": [_encode(item) for item in value], "tuple": isinstance(value, tuple)}
    if isinstance(value, Tensor):
        return value.detach()
    if value is NotImplemented:
        return {"constraint": None}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise CheckpointError(f"a constraint's argument of type {type(value).__name__} cannot be saved")


def _decode(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if "list" in value:
        items = [_decode(item) for item in value["list"]]
        return tuple(items) if value["tuple"] else items
    return NotImplemented if value["constraint"] is None else decode(value["constraint"])


register_namespace("torch", constraints)
register_namespace("pyro", pyro_constraints)
