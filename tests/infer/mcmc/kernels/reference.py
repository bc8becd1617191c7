"""The no-U-turn sampler as it is defined: recursively, one chain, one tree at a time."""

from __future__ import annotations

import math
import random
from typing import NamedTuple

import torch
from torch import Tensor

from tests.infer.mcmc.kernels.targets import Target


class Point(NamedTuple):
    x: Tensor
    p: Tensor
    g: Tensor
    energy: float


class Tree(NamedTuple):
    """In order of time: ends, all momenta, the drawn point, the logarithm of the weight."""

    left: Point
    right: Point
    momenta: list[Tensor]
    drawn: Point
    log_weight: float
    good: bool


def leap(target: Target, point: Point, step: float) -> Point:
    p = point.p + step / 2 * point.g
    x = point.x + step * p
    value, g = target.value_and_grad(x)
    p = p + step / 2 * g
    return Point(x, p, g, float(p @ p) / 2 - float(value))


def onward(momenta: list[Tensor]) -> bool:
    """The criterion over a trajectory, and over each half with one more point."""
    half = len(momenta) // 2
    parts = [momenta, momenta[: half + 1], momenta[half - 1 :]]
    sums = [torch.stack(part).sum(0) for part in parts]
    return all(
        float(s @ part[0]) > 0 and float(s @ part[-1]) > 0
        for s, part in zip(sums, parts, strict=True)
    )


def build(target: Target, edge: Point, step: float, depth: int, start: float) -> tuple[Tree, int]:
    if depth == 0:
        new = leap(target, edge, step)
        growth = new.energy - start
        good = growth <= 1000
        return Tree(new, new, [new.p], new, -growth if good else -math.inf, good), 1
    first, n = build(target, edge, step, depth - 1, start)
    if not first.good:
        return first, n
    outer = first.right if step > 0 else first.left
    second, more = build(target, outer, step, depth - 1, start)
    tree = join(first, second, step, biased=False)
    return tree, n + more


def join(old: Tree, new: Tree, step: float, biased: bool) -> Tree:
    if not new.good:
        return old._replace(good=False)
    before, after = (old, new) if step > 0 else (new, old)
    momenta = before.momenta + after.momenta
    total = float(torch.logaddexp(torch.tensor(old.log_weight), torch.tensor(new.log_weight)))
    chance = new.log_weight - (old.log_weight if biased else total)
    drawn = new.drawn if math.log(random.random()) < chance else old.drawn
    return Tree(before.left, after.right, momenta, drawn, total, onward(momenta))


def transition(target: Target, x: Tensor, step: float, max_depth: int = 10) -> tuple[Tensor, int]:
    """The next position, and the number of leapfrog steps."""
    value, g = target.value_and_grad(x)
    p = torch.randn_like(x)
    start = Point(x, p, g, float(p @ p) / 2 - float(value))
    tree, steps = Tree(start, start, [p], start, 0.0, True), 0
    for depth in range(max_depth):
        sign = random.choice((-1, 1))
        edge = tree.right if sign > 0 else tree.left
        new, n = build(target, edge, sign * step, depth, start.energy)
        steps += n
        tree = join(tree, new, sign, biased=True)
        if not tree.good:
            break
    return tree.drawn.x, steps
