"""Pathfinder: normal approximations along quasi-Newton ascents."""

from pyro.infer.pathfinder.inverse_hessian import LowRankNormal
from pyro.infer.pathfinder.pathfinder import PathfinderResult, pathfinder
from pyro.infer.pathfinder.single import Path

__all__ = ["LowRankNormal", "Path", "PathfinderResult", "pathfinder"]
