"""One row per ATen operation, grouped by kind."""

from pyro.compile.table import elementwise, indexing, matrix, reductions, shapes
from pyro.compile.table.context import ROWS

__all__ = ["ROWS", "elementwise", "indexing", "matrix", "reductions", "shapes"]
