"""A run in pieces: what is drawn is kept, or written to disk, and can be gone on from."""

from __future__ import annotations

import warnings
from collections.abc import Callable

from pyro.errors import CheckpointError
from pyro.infer.mcmc.engines.chains import Chains
from pyro.infer.mcmc.engines.task import Drawn
from pyro.infer.mcmc.progress.monitor import Monitor
from pyro.infer.mcmc.results.mcmc_result import MCMCResult, joined
from pyro.infer.mcmc.runs.keeping import Keeping

Finish = Callable[[Drawn], MCMCResult]


class LongRun:
    """Advances chains, piece by piece.

    :param finish: From unconstrained draws to values of sites.
    """

    def __init__(
        self,
        chains: Chains,
        finish: Finish,
        keeping: Keeping,
    ) -> None:
        self._chains = chains
        self._finish = finish
        self._every, self._store, self._take = keeping.every, keeping.store, keeping.take
        self._pieces: list[MCMCResult] = []
        self._astray = False  # the chains are ahead of what was committed

    def begin(self) -> None:
        """Commit the states of the chains before their first iteration."""
        if self._store is not None:
            self._store.commit_state(self._chains.save())

    def resume(self) -> None:
        """Go on from what was committed."""
        assert self._store is not None
        states = self._store.states()
        if states is not None:
            self._chains.load(states)
        if self._take is None:
            self._pieces = list(self._store)
        self._astray = False

    def go(self, draws: int, monitor: Monitor) -> MCMCResult:
        """Make ``draws`` more draws of each chain.

        :return: All draws until now that are kept in memory.
        """
        if self._astray and self._store is not None:
            self.resume()
        interrupted = False
        self._astray = True
        try:
            interrupted = self._warm_up(monitor) or self._draw(draws, monitor)
        except KeyboardInterrupt:  # between two pieces
            interrupted = True
        except OSError as error:
            if self._store is None:
                raise
            raise CheckpointError(
                f"{self._store.path} cannot be written to: {error}. {self._store.draws} draws per "
                "chain are kept there; make room and go on with run(..., resume=path)"
            ) from error
        finally:
            monitor.close()
            self._chains.close()
        self._astray = interrupted
        if interrupted and self._chains.warmup_left:
            _warn_of_no_draws(self._chains.warmup_left)
        result = joined(self._pieces)
        result.interrupted = interrupted
        return result

    def _warm_up(self, monitor: Monitor) -> bool:
        if self._every is None:
            return False  # the first piece does it
        while self._chains.warmup_left:
            if self._chains.warm_up(min(self._every, self._chains.warmup_left), monitor):
                return True
            if self._store is not None:
                self._store.commit_state(self._chains.save())
        return False

    def _draw(self, draws: int, monitor: Monitor) -> bool:
        left = draws
        while left:
            count = left if self._every is None else min(self._every, left)
            drawn = self._chains.advance(count, monitor)
            left -= drawn.draws
            interrupted = self._keep(drawn)
            if interrupted:
                return True
        return False

    def _keep(self, drawn: Drawn) -> bool:
        """Put a piece where it belongs; whether the run was interrupted."""
        if not drawn.draws:
            return drawn.interrupted
        try:
            piece = self._finish(drawn)
        except KeyboardInterrupt:
            drawn.interrupted = True
            piece = self._finish(drawn)
        if self._take is None:
            self._pieces.append(piece)
        else:
            self._take(piece, 0)
        if self._store is not None and not drawn.interrupted:
            self._store.commit(piece, self._chains.save())
        return drawn.interrupted


def _warn_of_no_draws(left: int) -> None:
    warnings.warn(
        f"MCMC: interrupted in warm-up, with {left} iterations of it to go: there are no draws. "
        "extend(n) goes on from here.",
        UserWarning,
        stacklevel=5,
    )
