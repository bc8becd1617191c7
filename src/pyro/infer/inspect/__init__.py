"""The structure of a model: what depends on what, and pictures of it."""

from pyro.infer.inspect.dependencies import get_dependencies

__all__ = ["get_dependencies"]
