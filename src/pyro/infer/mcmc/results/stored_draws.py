"""Draws that a run writes to disk, for readers in any process."""

from __future__ import annotations

from collections.abc import Iterator

from pyro.infer.mcmc.results.mcmc_result import Samples, joined
from pyro.infer.mcmc.results.store import DrawStore, PathLike


class StoredDraws:
    """The draws in the folder of ``MCMC(stream_to=path)`` or ``MCMC(checkpoint=path)``.

    It may be read while the run goes on: each look sees the pieces that are complete. Iterating
    gives the pieces in turn, by name of site, of shape ``(chains, draws of the piece) + shape``.

    Example::

        >>> import tempfile
        >>> from pyro.infer import MCMC, NUTS
        >>> from pyro.infer.mcmc import StoredDraws
        >>> def model():
        ...     pyro.sample("x", dist.Normal(0.0, 1.0))
        >>> with tempfile.TemporaryDirectory() as path:
        ...     mcmc = MCMC(NUTS(model), 250, stream_to=path, disable_progbar=True)
        ...     mcmc.run()
        ...     draws = StoredDraws(path)
        ...     draws.num_samples, [piece["x"].shape[1] for piece in draws]
        (250, [100, 100, 50])
    """

    def __init__(self, path: PathLike) -> None:
        self._store = DrawStore(path)

    @property
    def num_samples(self) -> int:
        """How many draws each chain has so far."""
        return self._store.draws

    def __iter__(self) -> Iterator[Samples]:
        for piece in self._store:
            yield piece.samples

    def get_samples(self, group_by_chain: bool = False) -> Samples:
        """All draws so far, read into memory; as :meth:`pyro.infer.mcmc.MCMC.get_samples`."""
        samples = joined(list(self._store)).samples
        if group_by_chain:
            return samples
        return {name: values.flatten(0, 1) for name, values in samples.items()}

    def statistics(self) -> Samples:
        """What was seen of each draw (``lp``, ``energy``, ...), of shape ``(chains, draws)``."""
        return joined(list(self._store)).statistics
