"""Strongly connected components: what depends on itself, and what does not."""

from __future__ import annotations

from collections.abc import Sequence


def components(needs: Sequence[Sequence[int]]) -> list[list[int]]:
    """Sets of numbers that need each other, each after what it needs (Tarjan 1972).

    >>> components([[], [0, 2], [1], [2]])
    [[0], [1, 2], [3]]
    """
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    on_stack: set[int] = set()
    found: list[list[int]] = []
    for root in range(len(needs)):
        if root in index:
            continue
        work = [(root, 0)]
        while work:
            v, k = work.pop()
            if k == 0:
                index[v] = low[v] = len(index)
                stack.append(v)
                on_stack.add(v)
            else:
                low[v] = min(low[v], low[needs[v][k - 1]])
            while k < len(needs[v]):
                w = needs[v][k]
                k += 1
                if w not in index:
                    work.append((v, k))
                    work.append((w, 0))
                    break
                if w in on_stack:
                    low[v] = min(low[v], index[w])
            else:
                if low[v] == index[v]:
                    at = stack.index(v)
                    found.append(sorted(stack[at:]))
                    on_stack.difference_update(stack[at:])
                    del stack[at:]
    return found
