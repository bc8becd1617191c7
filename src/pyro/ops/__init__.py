"""Tensor numerics that know nothing of models."""
