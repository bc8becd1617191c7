"""In which order variables are summed out of a product of factors."""

from __future__ import annotations

import heapq
import math
from collections.abc import Hashable, Mapping

Name = Hashable
Elimination = Name
Scopes = Mapping[int, tuple[Name, ...]]

BATCHED = 4096
"""A sum over so many terms costs less than the call that makes it: such sums are made together."""

STEP = 20_000
"""What one call costs, in terms of a sum."""

FEW = 8
"""A round is worth its call if it takes at least one in so many of the variables."""


def elimination_order(
    scopes: Scopes, variables: set[Name], sizes: Mapping[Name, int]
) -> list[list[Elimination]]:
    """Rounds of variables; those of one round share no factor and are eliminated together.

    Two orders are compared by their cost: the cheapest variable first, one by one; and rounds of
    many cheap variables, which turn a chain of length T into log T rounds.

    :param scopes: The names in each factor.
    :param variables: The names to eliminate; others stay.
    :param sizes: The number of values of each name.
    """
    single, cost = _Graph(scopes, variables, sizes).one_by_one()
    rounds, cost_of_rounds = _Graph(scopes, variables, sizes).in_rounds()
    return rounds if cost_of_rounds < cost else single


class _Graph:
    """The factors that each variable is in, as elimination goes on."""

    def __init__(self, scopes: Scopes, variables: set[Name], sizes: Mapping[Name, int]) -> None:
        self.sizes = sizes
        self.scopes = {slot: frozenset(names) for slot, names in scopes.items()}
        self.next_slot = max(self.scopes, default=0) + 1
        self.factors: dict[Name, set[int]] = {
            name: set() for names in scopes.values() for name in names if name in variables
        }
        for slot, names in self.scopes.items():
            for name in names & self.factors.keys():
                self.factors[name].add(slot)

    def union(self, name: Name) -> frozenset[Name]:
        """All names that share a factor with a variable."""
        return frozenset[Name]().union(*(self.scopes[slot] for slot in self.factors[name]))

    def cost(self, name: Name) -> int:
        """The number of terms that eliminating a variable adds up."""
        terms = 1
        for other in self.union(name):
            terms *= self.sizes[other]
        return terms

    def eliminate(self, name: Name) -> frozenset[Name]:
        """Replace the factors of a variable by one without it; return the names in it."""
        rest = self.union(name) - {name}
        for slot in self.factors.pop(name):
            for other in self.scopes.pop(slot) & self.factors.keys():
                self.factors[other].discard(slot)
        slot, self.next_slot = self.next_slot, self.next_slot + 1
        self.scopes[slot] = rest
        for other in rest & self.factors.keys():
            self.factors[other].add(slot)
        return rest

    def one_by_one(self) -> tuple[list[list[Elimination]], int]:
        """The variable that costs least goes first."""
        position = {name: i for i, name in enumerate(self.factors)}
        costs = {name: self.cost(name) for name in self.factors}
        heap = [(costs[name], position[name], name) for name in self.factors]
        heapq.heapify(heap)
        order: list[list[Elimination]] = []
        total = 0
        while heap:
            cost, _, name = heapq.heappop(heap)
            if name not in self.factors or cost != costs[name]:
                continue
            total += STEP + cost
            order.append([name])
            for other in self.eliminate(name) & self.factors.keys():
                costs[other] = self.cost(other)
                heapq.heappush(heap, (costs[other], position[other], other))
        return order, total

    def in_rounds(self) -> tuple[list[list[Elimination]], float]:
        """Each round takes as many cheap variables as share no factor.

        If these are few the cost is infinite: going one by one is better.
        """
        costs = {name: self.cost(name) for name in self.factors}
        order: list[list[Elimination]] = []
        total = 0
        while costs:
            chosen = self._independent(costs)
            if FEW * len(chosen) < len(costs):
                return [], math.inf
            kinds = {(costs[name], len(self.factors[name])) for name in chosen}
            total += STEP * len(kinds) + sum(costs[name] for name in chosen)
            order.append(chosen)
            touched: set[Name] = set()
            for name in chosen:
                del costs[name]
                touched |= self.eliminate(name)
            for name in touched & costs.keys():
                costs[name] = self.cost(name)
        return order, total

    def _independent(self, costs: Mapping[Name, int]) -> list[Name]:
        limit = max(BATCHED, min(costs.values()))
        taken: set[int] = set()
        chosen = []
        for name, cost in costs.items():
            if cost <= limit and taken.isdisjoint(self.factors[name]):
                taken |= self.factors[name]
                chosen.append(name)
        return chosen
