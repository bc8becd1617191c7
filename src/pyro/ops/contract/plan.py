"""A plan of variable elimination: made once from names and sizes, then executed many times.

Tensor variable elimination (Obermeyer, Bingham, Jankowiak, Pradhan, Chiu, Rush and Goodman 2019,
*Tensor Variable Elimination for Plated Factor Graphs*, Algorithm 1): of all factors those in the
deepest plates are contracted first; what is left of them is multiplied over the plates that none of
its variables is in, and joins the factors outside.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from pyro.ops.contract.errors import IntractableError
from pyro.ops.contract.order import elimination_order

Name = Hashable
Plates = frozenset[Name]


class FactorSpec(NamedTuple):
    """What a plan knows of a factor: the name (or None, if of size 1) of each of its dims.

    ``plates`` may have names that the tensor lacks: the factor is then the same at each index.
    """

    names: tuple[Name | None, ...]
    shape: tuple[int, ...]
    plates: Plates


class Variable(NamedTuple):
    """A name to sum over, and the plates that its site is in."""

    name: Name
    plates: Plates


class Operand(NamedTuple):
    """One operand of a step: its slot in each instance, and how it is laid out for the step."""

    slots: tuple[int, ...]
    order: tuple[int, ...] | None
    shape: tuple[int, ...]


class Step(NamedTuple):
    """Multiply operands and reduce the last ``reduced`` dims, for some equal instances at once.

    ``names`` are those of the dims by instance, the reduced ones last. ``is_product`` tells a
    product over plates from a sum over variables; ``power`` counts the indices of plates that the
    operand lacks.
    """

    operands: tuple[Operand, ...]
    results: tuple[int, ...]
    reduced: int
    is_product: bool
    power: int
    names: tuple[tuple[Name, ...], ...]


class Plan(NamedTuple):
    """Steps over slots; the first slots hold the factors, ``results`` what is left at the end.

    ``specs`` describe all slots, ``cost`` counts the terms of all sums.
    """

    steps: tuple[Step, ...]
    results: tuple[int, ...]
    specs: tuple[FactorSpec, ...]
    plates: dict[Name, Plates]
    sizes: dict[Name, int]
    cost: int


@lru_cache(maxsize=64)
def make_plan(
    factors: tuple[FactorSpec, ...],
    variables: tuple[Variable, ...],
    plate_sizes: tuple[tuple[Name, int], ...],
) -> Plan:
    """The plan that sums all variables out of the product of all factors.

    :param plate_sizes: The size of each plate.
    :raises IntractableError: if plates cross each other with variables in both.
    """
    return _Planner(factors, variables, dict(plate_sizes)).plan()


class _Instance(NamedTuple):
    """Operands that are contracted together: their slots and names, the reduced names last."""

    slots: list[int]
    local: list[Name]


class _Planner:
    """The factors at hand, by slot, and the steps so far."""

    def __init__(
        self,
        factors: Sequence[FactorSpec],
        variables: Iterable[Variable],
        plate_sizes: dict[Name, int],
    ) -> None:
        self.plates = {v.name: v.plates for v in variables}
        self.sizes = dict(plate_sizes)
        self.specs: list[FactorSpec] = []
        self.alive: set[int] = set()
        self.where: dict[Name, set[int]] = {name: set() for name in self.plates}
        self.steps: list[Step] = []
        self.cost = 0
        for spec in factors:
            self._add(spec)

    def plan(self) -> Plan:
        """Contract the deepest plates first, until no variable is left."""
        open_slots = {slot for slot in self.alive if self._variables(slot)}
        while open_slots:
            leaf = max((self.specs[slot].plates for slot in open_slots), key=len)
            here = [slot for slot in sorted(open_slots) if self.specs[slot].plates == leaf]
            open_slots.difference_update(here)
            left = self._sum_out(leaf, here)
            open_slots.update(self._leave_plates(leaf, left))
        results, specs = tuple(sorted(self.alive)), tuple(self.specs)
        return Plan(tuple(self.steps), results, specs, self.plates, self.sizes, self.cost)

    def _variables(self, slot: int) -> list[Name]:
        return [name for name in self.specs[slot].names if name in self.plates]

    def _add(self, spec: FactorSpec) -> int:
        slot = len(self.specs)
        self.specs.append(spec)
        self.alive.add(slot)
        self.sizes.update(
            (n, size) for n, size in zip(spec.names, spec.shape, strict=True) if n is not None
        )
        for name in self._variables(slot):
            self.where[name].add(slot)
        return slot

    def _spend(self, slot: int) -> None:
        self.alive.remove(slot)
        for name in self._variables(slot):
            self.where[name].discard(slot)

    def _sum_out(self, leaf: Plates, slots: list[int]) -> list[int]:
        """Eliminate the variables of a set of plates from the factors there."""
        local = {n for slot in slots for n in self._variables(slot) if self.plates[n] == leaf}
        scopes = {slot: self._names(slot) for slot in slots}
        left = set(slots)
        for names in elimination_order(scopes, local, self.sizes):
            groups: dict[Hashable, list[_Instance]] = {}
            for name in names:
                instance = self._instance(name)
                groups.setdefault(self._layout(instance), []).append(instance)
                left.difference_update(instance.slots)
            for group in groups.values():
                left.update(self._emit(group, leaf, 1))
        return sorted(left)

    def _names(self, slot: int) -> tuple[Name, ...]:
        return tuple(n for n in self.specs[slot].names if n is not None)

    def _instance(self, name: Name) -> _Instance:
        """The factors of a variable, in an order that depends on how they are laid out."""

        def pattern(slot: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
            names, shape, _ = self.specs[slot]
            return tuple(0 if n is None else 2 if n == name else 1 for n in names), shape

        slots = sorted(self.where[name], key=pattern)
        return _Instance(slots, _local_names(map(self._names, slots), last=[name]))

    def _layout(self, instance: _Instance) -> Hashable:
        """Equal for instances that one step can contract together."""
        index = {name: i for i, name in enumerate(instance.local)}
        specs = [self.specs[slot] for slot in instance.slots]
        return tuple(
            (spec.shape, tuple(-1 if n is None else index[n] for n in spec.names)) for spec in specs
        )

    def _leave_plates(self, leaf: Plates, slots: list[int]) -> list[int]:
        """Multiply factors over the plates that none of their variables is in."""
        groups: dict[tuple[Plates, int, int, Hashable], list[_Instance]] = {}
        for slot in slots:
            variables = self._variables(slot)
            if not variables:
                continue
            target = frozenset[Name]().union(*(self.plates[name] for name in variables))
            if not target < leaf:
                raise IntractableError(variables, {n: self.plates[n] for n in variables}, leaf)
            names = self._names(slot)
            present = [name for name in names if name in leaf and name not in target]
            instance = _Instance([slot], _local_names([names], last=present))
            power = self._power(leaf - target, present)
            key = target, len(present), power, self._layout(instance)
            groups.setdefault(key, []).append(instance)
        made: list[int] = []
        for (target, reduced, power, _), group in groups.items():
            made += self._emit(group, target, reduced, is_product=True, power=power)
        return made

    def _power(self, plates: Plates, present: Sequence[Name]) -> int:
        """How many indices of plates a factor does not distinguish."""
        power = 1
        for name in plates.difference(present):
            power *= self.sizes[name]
        return power

    def _emit(
        self,
        group: list[_Instance],
        plates: Plates,
        reduced: int,
        *,
        is_product: bool = False,
        power: int = 1,
    ) -> list[int]:
        """Append the step that contracts all instances of a group; the slots of its results."""
        operands = []
        for k in range(len(group[0].slots)):
            slots = tuple(instance.slots[k] for instance in group)
            order, shape = _align(self.specs[slots[0]], group[0].local)
            if len(group) > 1:
                order = None if order is None else (0, *(axis + 1 for axis in order))
                shape = (len(group), *shape)
            operands.append(Operand(slots, order, shape))
        results = []
        for instance in group:
            for slot in instance.slots:
                self._spend(slot)
            kept = tuple(instance.local[: len(instance.local) - reduced])
            spec = FactorSpec(kept, tuple(self.sizes[n] for n in kept), plates)
            results.append(self._add(spec))
            self.cost += math.prod(self.sizes[name] for name in instance.local)
        names = tuple(tuple(instance.local) for instance in group)
        self.steps.append(Step(tuple(operands), tuple(results), reduced, is_product, power, names))
        return results


def _local_names(scopes: Iterable[Iterable[Name | None]], last: Sequence[Name]) -> list[Name]:
    """All names in order of appearance, with some of them moved to the end."""
    seen: dict[Name, None] = {}
    for names in scopes:
        seen.update(dict.fromkeys(n for n in names if n is not None and n not in last))
    return [*seen, *last]


def _align(spec: FactorSpec, local: list[Name]) -> tuple[tuple[int, ...] | None, tuple[int, ...]]:
    """The permutation, if one is needed, and the shape that lay a factor out along local names."""
    axis = {name: i for i, name in enumerate(spec.names) if name is not None}
    order = [axis[name] for name in local if name in axis]
    shape = tuple(spec.shape[axis[name]] if name in axis else 1 for name in local)
    if order == sorted(order):
        return None, shape
    rest = [i for i, name in enumerate(spec.names) if name is None]
    return (*order, *rest), shape
