"""Where the steps of a piece write all of their losses but the first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor

from pyro.infer.fit.steps.protocol import Loss


@final
class Ledger:
    """A row of numbers for each step, in arrays that are a part of the state of machine code.

    :param rows: How many steps can be written down before they are read.
    :param width: How many numbers a step has, beside its first loss.

    Example::

        >>> from pyro.infer.fit.compiled.ledger import Ledger
        >>> ledger = Ledger(rows=4, width=1)
        >>> for loss in (2.0, 3.0):
        ...     for array, new in zip(ledger.arrays, ledger.after([torch.tensor(loss)])):
        ...         _ = array.copy_(new)
        >>> ledger.beside([0.5, 0.6])
        [(0.5, 2.0), (0.6, 3.0)]
    """

    def __init__(self, rows: int, width: int) -> None:
        self.rows, self.width = rows, width
        self._row = torch.zeros(1, dtype=torch.float64)
        self._table = torch.zeros(rows * width, dtype=torch.float64)
        self._numbers = torch.arange(rows, dtype=torch.float64)[:, None]

    @property
    def arrays(self) -> list[Tensor]:
        """What a step reads and returns anew."""
        return [self._row, self._table]

    def begin(self) -> None:
        """The next step writes into the first row."""
        self._row.zero_()

    def after(self, losses: Sequence[Tensor]) -> list[Tensor]:
        """The arrays after a step with these losses beside its first, a tensor program."""
        table = self._table.reshape(self.rows, self.width)
        row = torch.stack([loss.to(table.dtype) for loss in losses])
        written = torch.where(self._numbers == self._row, row, table)
        return [self._row + 1, written.reshape(-1)]

    def beside(self, first: Sequence[float]) -> list[Loss]:
        """All losses of the steps since :meth:`begin`, whose first ones are given."""
        others = self._table.reshape(self.rows, self.width)[: len(first)].tolist()
        return [(loss, *rest) for loss, rest in zip(first, others, strict=True)]
