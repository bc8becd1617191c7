"""Pathfinder: normal approximations along quasi-Newton ascents."""

from pyro.infer.pathfinding.inverse_hessian import LowRankNormal
from pyro.infer.pathfinding.multi_path import PathfinderResult, pathfinder
from pyro.infer.pathfinding.single import Path

__all__ = ["LowRankNormal", "Path", "PathfinderResult", "pathfinder"]
