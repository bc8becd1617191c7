"""What a run shows while it goes: how far it is, and a line for each chain."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from pyro.infer.mcmc.progress.monitor import ChainView, Monitor, Silence
from pyro.infer.mcmc.progress.surfaces import Surface, choose_surface

_PATIENCE = 0.5  # seconds until something is shown
_SHOWN = 8  # chains with a line of their own
_WIDTH = 24


@dataclass(frozen=True)
class Plan:
    """How many iterations each chain is to make, of them ``warmup`` for warm-up, and how many it
    has made before this run.
    """

    warmup: int
    total: int
    before: int = 0


def monitor_for(plan: Plan, disabled: bool) -> Monitor:
    """The display for this program: of a notebook, a terminal, or a log; or none."""
    if disabled:
        return Silence()
    return Progress(plan, choose_surface())


class Progress:
    """Shows chains on a surface once a run has taken half a second."""

    def __init__(self, plan: Plan, surface: Surface) -> None:
        self._plan = plan
        self._surface = surface
        self._start = time.monotonic()
        self._next = self._start + max(_PATIENCE, surface.gap)
        self._seen: Sequence[ChainView] = ()
        self._first: Sequence[ChainView] = ()
        self._shown = False

    def show(self, chains: Sequence[ChainView]) -> None:
        """Tell what is seen of each chain."""
        now = time.monotonic()
        self._seen = chains
        self._first = self._first or chains
        if now < self._next:
            return
        self._put(now, last=False)
        self._next = now + self._surface.gap

    def close(self) -> None:
        """The run is over: leave its last state on the surface."""
        if self._shown:
            self._put(time.monotonic(), last=True)

    def _put(self, now: float, last: bool) -> None:
        self._shown = True
        text = report(self._seen, self._plan, now - self._start)
        self._surface.put(text, last)


def report(chains: Sequence[ChainView], plan: Plan, seconds: float) -> list[str]:
    """A headline, and a line for each of the first chains."""
    made = sum(min(view.iteration, plan.total) for view in chains)
    wanted = plan.total * len(chains)
    share = made / wanted if wanted else 1.0
    new = made - plan.before * len(chains)
    left = _clock(seconds * (wanted - made) / new) if new > 0 else "?"
    slowest = min((view.iteration for view in chains), default=0)
    stage = "warm-up" if slowest < plan.warmup else "sampling"
    filled = int(_WIDTH * share)
    bar = "#" * filled + "." * (_WIDTH - filled)
    head = f"{stage:8} [{bar}] {share:4.0%}  {_clock(seconds)} gone, {left} left"
    rest = len(chains) - _SHOWN
    lines = [head, *(_line(i, view, plan) for i, view in enumerate(chains[:_SHOWN]))]
    if rest > 0:
        divergences = sum(view.divergences for view in chains[_SHOWN:])
        lines.append(f"  and {rest} more chains, with {divergences} divergences")
    return lines


def _line(chain: int, view: ChainView, plan: Plan) -> str:
    each = view.gradients / view.iteration if view.iteration else 0.0
    parts = [f"  chain {chain}: {view.iteration}/{plan.total}"]
    if view.step_size == view.step_size:  # a kernel of the user's own has none
        parts.append(f"step size {view.step_size:.3g}")
        parts.append(f"{each:.1f} gradients per draw")
    parts.append(f"{view.divergences} divergences")
    return ", ".join(parts)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
