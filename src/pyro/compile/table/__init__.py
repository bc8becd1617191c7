"""One row per ATen operation, grouped by kind."""

from pyro.compile.table import elementwise, factors, indexing, matrix, pivoted, reductions, shapes
from pyro.compile.table.context import ROWS

__all__ = [
    "ROWS",
    "elementwise",
    "factors",
    "indexing",
    "matrix",
    "pivoted",
    "reductions",
    "shapes",
]
