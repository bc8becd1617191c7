"""Johann Sebastian Bach's chorales, as sequences of sounding notes.

They come with the package music21 (``pip install 'pyro-native[music]'``), and are read once: later
runs load ``output/chorales.pt``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor


@dataclass(frozen=True)
class Chorales:
    """Padded sequences: ``notes`` of shape (chorales, quarters, pitches), and their lengths.

    ``pitches`` are the MIDI numbers of the notes; ``minor`` tells which chorales are in minor.
    """

    notes: Tensor
    lengths: Tensor
    minor: Tensor
    pitches: Tensor

    def __getitem__(self, index: Tensor) -> Chorales:
        """Some of the chorales, padded to the longest among them."""
        lengths = self.lengths[index]
        notes = self.notes[index][:, : int(lengths.max())]
        return Chorales(notes, lengths, self.minor[index], self.pitches)


def read(name: str) -> tuple[Tensor, bool]:
    """Which of 128 pitches sound at each quarter, of shape (quarters, 128); whether in minor."""
    from music21 import corpus

    score = corpus.parse(f"bach/{name}")
    grid = torch.zeros(int(score.highestTime), 128)
    for event in score.flatten().notes:
        start, end = float(event.offset), float(event.offset + event.quarterLength)
        for quarter in range(len(grid)):
            if start <= quarter < end:
                for pitch in event.pitches:
                    grid[quarter, pitch.midi] = 1.0
    return grid, score.analyze("key").mode == "minor"


def load(count: int = 120, quarters: int = 48, folder: str = "output") -> Chorales:
    """The first quarters of some chorales; only pitches that occur are kept."""
    cache = Path(folder) / "chorales.pt"
    stored = torch.load(cache) if cache.exists() else []
    if len(stored) < count:
        from music21 import corpus

        names = [path.name for path in corpus.getComposer("bach")]
        names = sorted(name for name in names if name.startswith("bwv") and name.endswith(".mxl"))
        stored += [read(name) for name in names[len(stored) : count]]
        cache.parent.mkdir(parents=True, exist_ok=True)
        torch.save(stored, cache)
    grids = [grid[:quarters] for grid, _ in stored[:count]]
    notes = torch.nn.utils.rnn.pad_sequence(grids, batch_first=True)
    used = (notes.flatten(0, 1).sum(0) > 0).nonzero().squeeze(-1)
    lengths = torch.tensor([len(grid) for grid in grids])
    minor = torch.tensor([is_minor for _, is_minor in stored[:count]])
    return Chorales(notes[..., used], lengths, minor, used)
