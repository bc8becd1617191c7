"""What a run leaves."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from pyro.native.output import Output
from pyro.native.sampler import ChainProgress


@dataclass(frozen=True)
class Result:
    """The draws of a run after warm-up, and what is needed to go on.

    :param output: The rows that all chains have, [chains, rows, ...].
    :param progress: Each chain at the end.
    :param states: Of the chains, for :meth:`Sampler.load`; they may be ahead of the rows of
        ``output`` by what chains had not in common when they were interrupted.
    :param interrupted: Whether Ctrl-C ended it.
    """

    output: Output
    progress: tuple[ChainProgress, ...]
    states: tuple[bytes, ...]
    interrupted: bool


def common_rows(output: Output, rows: int) -> Output:
    """The first ``rows`` rows of each chain; divergences keep their arrays."""
    kept = {
        item.name: array if item.name.startswith("divergence_") else array[:, :rows]
        for item in fields(output)
        if (array := getattr(output, item.name)) is not None
    }
    return replace(output, **kept)
