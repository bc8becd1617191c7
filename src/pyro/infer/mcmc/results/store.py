"""A run on disk: draws in files that are only added, and the states of chains to go on from."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from pyro.errors import CheckpointError
from pyro.infer.mcmc.results.mcmc_result import MCMCResult, joined
from pyro.params import checkpoint as files

_RUN, _DRAWS, _STATE = "pyro.mcmc.run", "pyro.mcmc.draws", "pyro.mcmc.state"
PathLike = files.PathLike


class DrawStore:
    """A folder with ``run.pt``, ``draws-000000-100.pt``, ``draws-000001-200.pt`` ... and a state.

    The names of pieces have their number and how many draws each chain has with them.
    Each file is written under another name, forced to the disk and then renamed, so a reader or a
    crash never meets half of one. The state after a piece is written before the piece: the piece's
    appearance commits both. A state whose piece never came counts for nothing.
    """

    def __init__(self, path: PathLike) -> None:
        self.path = Path(path)

    @property
    def exists(self) -> bool:
        """Whether there is a run that can be resumed."""
        return (self.path / "run.pt").is_file()

    def create(self, header: Mapping[str, Any]) -> None:
        """Begin a run.

        :raises CheckpointError: if there is one already.
        """
        if self.exists:
            raise CheckpointError(
                f"{self.path} holds a run with {self.draws} draws per chain: continue it with "
                f"run(..., resume={str(self.path)!r}), or take another path"
            )
        self.path.mkdir(parents=True, exist_ok=True)
        for left in [*self.path.glob("draws-*.pt"), *self.path.glob("state-*.pt")]:
            left.unlink()
        files.write(self.path / "run.pt", _RUN, {"header": dict(header)})

    @property
    def header(self) -> dict[str, Any]:
        """What :meth:`create` was told.

        :raises CheckpointError: if there is no run.
        """
        if not self.exists:
            raise CheckpointError(f"{self.path} holds no run that could be resumed")
        header: dict[str, Any] = files.read(self.path / "run.pt", _RUN)["header"]
        return header

    def _pieces(self) -> list[tuple[int, Path]]:
        """The draws up to the end of each piece, and its file; in order, without a gap."""
        found: dict[int, tuple[int, Path]] = {}
        for file in self.path.iterdir() if self.path.is_dir() else ():
            name = _NAME.fullmatch(file.name)
            if name:
                found[int(name[1])] = (int(name[2]), file)
        numbers = itertools.takewhile(found.__contains__, itertools.count())
        return [found[number] for number in numbers]

    @property
    def draws(self) -> int:
        """How many draws each chain has."""
        pieces = self._pieces()
        return pieces[-1][0] if pieces else 0

    def commit_state(self, states: Sequence[bytes]) -> None:
        """Keep the states of the chains, after the pieces that there are."""
        self._write_state(len(self._pieces()), states)

    def commit(self, piece: MCMCResult, states: Sequence[bytes]) -> None:
        """Add a piece, and keep the states of the chains after it."""
        pieces = self._pieces()
        count, before = len(pieces), pieces[-1][0] if pieces else 0
        self._write_state(count + 1, states)
        content = {
            "samples": piece.samples,
            "statistics": piece.statistics,
            "divergences": piece.divergences,
            "gradients": piece.gradients,
        }
        file = self.path / f"draws-{count:06d}-{before + piece.shape[1]}.pt"
        files.write(file, _DRAWS, content)
        self._state_file(count).unlink(missing_ok=True)

    def _write_state(self, number: int, states: Sequence[bytes]) -> None:
        tensors = [torch.frombuffer(bytearray(state), dtype=torch.uint8) for state in states]
        files.write(self._state_file(number), _STATE, {"states": tensors})

    def _state_file(self, number: int) -> Path:
        return self.path / f"state-{number:06d}.pt"

    def states(self) -> list[bytes] | None:
        """The states of the chains after the last piece; None if none was kept before it.

        :raises CheckpointError: if they are not there, though there are draws.
        """
        count = len(self._pieces())
        file = self._state_file(count)
        if not file.is_file():
            if count == 0:
                return None
            raise CheckpointError(f"{file} is missing: the run cannot go on from {self.path}")
        return [bytes(state.numpy()) for state in files.read(file, _STATE)["states"]]

    def __iter__(self) -> Iterator[MCMCResult]:
        for _, file in self._pieces():
            found = files.read(file, _DRAWS)
            yield MCMCResult(
                samples=found["samples"],
                statistics=found["statistics"],
                divergences=found["divergences"],
                gradients=found["gradients"],
            )

    def result(self) -> MCMCResult:
        """All draws, read into memory."""
        return joined(list(self))


_NAME = re.compile(r"draws-(\d+)-(\d+)\.pt")
