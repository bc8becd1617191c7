"""One row per ATen operation, grouped by kind."""

from pyro.compile.table import (
    elementwise,
    factors,
    indexing,
    log_chain,
    matrix,
    pivoted,
    reductions,
    shapes,
)
from pyro.compile.table.context import ROWS

__all__ = [
    "ROWS",
    "elementwise",
    "factors",
    "indexing",
    "log_chain",
    "matrix",
    "pivoted",
    "reductions",
    "shapes",
]
