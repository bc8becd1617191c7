"""Tensor numerics that know nothing of models."""

from pyro.ops import cholesky

__all__ = ["cholesky"]
