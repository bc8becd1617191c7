"""The arrays that chains write their rows to."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from pyro.native.structures import OutputStruct

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Output:
    """Rows of all chains; row i of an array belongs to draw i.

    ``divergence_positions[chain, :n]`` are places from which a diverging leapfrog step was made,
    and ``divergence_rows[chain, :n]`` the rows in which that happened, for the ``n`` that
    :class:`ChainProgress` tells.
    """

    draws: Floats  # [chains, rows, dim]
    log_density: Floats  # [chains, rows], as all below
    energy: Floats
    accept_statistic: Floats
    step_size: Floats
    tree_depth: Integers
    leapfrogs: Integers
    diverging: npt.NDArray[np.bool_]
    divergence_positions: Floats  # [chains, capacity, dim]
    divergence_rows: Integers  # [chains, capacity]
    gradients: Floats | None = None  # [chains, rows, dim]: of the log density

    @staticmethod
    def allocate(
        chains: int, rows: int, dim: int, *, gradients: bool = False, divergences: int = 100
    ) -> Output:
        """Arrays for ``rows`` rows of each chain.

        :param gradients: Keep the gradients at the draws, too.
        :param divergences: How many places of divergences are kept per chain.
        """
        table = (chains, rows)
        return Output(
            draws=np.empty((*table, dim)),
            log_density=np.empty(table),
            energy=np.empty(table),
            accept_statistic=np.empty(table),
            step_size=np.empty(table),
            tree_depth=np.empty(table, dtype=np.int64),
            leapfrogs=np.empty(table, dtype=np.int64),
            diverging=np.empty(table, dtype=np.bool_),
            divergence_positions=np.empty((chains, divergences, dim)),
            divergence_rows=np.empty((chains, divergences), dtype=np.int64),
            gradients=np.empty((*table, dim)) if gradients else None,
        )

    @property
    def rows(self) -> int:
        """How many rows there is room for."""
        return int(self.draws.shape[1])

    def structures(self) -> list[OutputStruct]:
        """What the library is given: addresses, for each chain."""
        arrays = {item.name: getattr(self, item.name) for item in fields(self)}
        chains, capacity = self.divergence_rows.shape
        return [
            OutputStruct(
                divergence_capacity=capacity,
                **{name: _address(array, chain) for name, array in arrays.items()},
            )
            for chain in range(chains)
        ]


def _address(array: npt.NDArray[np.generic] | None, chain: int) -> int:
    return 0 if array is None else array.ctypes.data + chain * array.strides[0]
