"""The forward algorithm of a hidden Markov model, and its gradient, as loops."""

from __future__ import annotations

import math

from pyro.compile import views
from pyro.compile.emit.loop import Carry, Stream
from pyro.compile.graph import Graph
from pyro.compile.ir import Kind, View
from pyro.compile.roll.body import Body, add_loop
from pyro.compile.table.context import Context, row


@row("pyro::log_chain")
def _log_chain(c: Context, start: View, factors: View) -> View:
    n, k, _ = factors.shape
    g = Graph()
    before, factor = g.input(0, (k,), Kind.F), g.input(1, (k, k), Kind.F)
    terms = g.map("add", views.unsqueeze(before, 1), factor)
    top = g.reduce("max", terms, [0])
    bad = g.map("eq", g.map("abs", top), g.literal(math.inf, Kind.F))
    top = g.map("select", bad, g.literal(0.0, Kind.F), top)
    total = g.reduce("sum", g.map("exp", g.map("sub", terms, top)), [0])
    after = g.map("add", g.map("log", total), top)
    body = Body(
        graph=g,
        inputs=(Stream(2, Kind.F, 0, k), Stream(1, Kind.F, 0, k * k)),
        outputs=(after,),
        streams=(Stream(2, Kind.F, k, k),),
        carries=(Carry(0, 0, 2, 0, Kind.F, k),),
        sizes=((n + 1) * k,),
    )
    (sums,) = add_loop(c.graph, n, body, [start, factors])
    return c.graph.reshape(sums, (n + 1, k))


@row("pyro::log_chain_backward")
def _log_chain_backward(c: Context, sums: View, factors: View, grad: View) -> tuple[View, View]:
    n, k, _ = factors.shape
    g = Graph()
    before, after, grown = (g.input(position, (k,), Kind.F) for position in range(3))
    factor = g.input(3, (k, k), Kind.F)
    never = g.map("eq", after, g.literal(-math.inf, Kind.F))
    after = g.map("select", never, g.literal(0.0, Kind.F), after)
    terms = g.map("add", views.unsqueeze(before, 1), factor)
    share = g.map("mul", g.map("exp", g.map("sub", terms, after)), grown)
    body = Body(
        graph=g,
        inputs=(
            Stream(0, Kind.F, (n - 1) * k, -k),
            Stream(0, Kind.F, n * k, -k),
            Stream(3, Kind.F, 0, k),
            Stream(1, Kind.F, (n - 1) * k * k, -k * k),
        ),
        outputs=(g.reduce("sum", share, [1]), g.copy(share)),
        streams=(Stream(3, Kind.F, k, k), Stream(4, Kind.F, (n - 1) * k * k, -k * k)),
        carries=(Carry(2, 0, 3, 0, Kind.F, k),),
        sizes=((n + 1) * k, n * k * k),
    )
    grads, shares = add_loop(c.graph, n, body, [sums, factors, grad])
    return views.narrow(grads, 0, n * k, k), c.graph.reshape(shares, (n, k, k))
