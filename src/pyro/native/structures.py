"""Structures that Python and the library share, field by field as in ``native/*.hpp``."""

from __future__ import annotations

from ctypes import CFUNCTYPE, POINTER, Structure, c_double, c_int32, c_int64, c_size_t, c_void_p

# int32 f(void* context, const double* x, double* value, double* gradient, void* scratch)
DENSITY_FUNCTION = CFUNCTYPE(c_int32, c_void_p, c_size_t, c_size_t, c_size_t, c_void_p)

TICK = CFUNCTYPE(c_int32)  # asked between rows; anything but 0 stops


class DensityStruct(Structure):
    """``DensitySpec`` of ``native/density.hpp``."""

    _fields_ = [
        ("function", c_size_t),
        ("context", c_size_t),
        ("dim", c_int64),
        ("scratch_bytes", c_int64),
    ]


class ConfigStruct(Structure):
    """``Config`` of ``native/config.hpp``."""

    _fields_ = [
        ("kernel", c_int64),
        ("metric", c_int64),
        ("rule", c_int64),
        ("warmup", c_int64),
        ("adapt_step_size", c_int64),
        ("adapt_metric", c_int64),
        ("multinomial", c_int64),
        ("max_tree_depth", c_int64),
        ("num_steps", c_int64),
        ("max_steps", c_int64),
        ("max_rank", c_int64),
        ("trajectory_length", c_double),
        ("step_size", c_double),
        ("min_step_size", c_double),
        ("max_step_size", c_double),
        ("step_size_jitter", c_double),
        ("target_accept", c_double),
        ("max_energy_error", c_double),
        ("eigenvalue_cutoff", c_double),
        ("regularisation", c_double),
    ]


class OutputStruct(Structure):
    """``Output`` of ``native/chain.hpp``: addresses of the rows of one chain, 0 to skip."""

    _fields_ = [
        ("draws", c_size_t),
        ("gradients", c_size_t),
        ("log_density", c_size_t),
        ("energy", c_size_t),
        ("accept_statistic", c_size_t),
        ("step_size", c_size_t),
        ("tree_depth", c_size_t),
        ("leapfrogs", c_size_t),
        ("diverging", c_size_t),
        ("divergence_positions", c_size_t),
        ("divergence_rows", c_size_t),
        ("divergence_capacity", c_int64),
    ]


class ProgressStruct(Structure):
    """``Progress`` of ``native/chain.hpp``."""

    _fields_ = [
        ("iteration", c_int64),
        ("divergences", c_int64),
        ("gradients", c_int64),
        ("tree_depth", c_int64),
        ("leapfrogs", c_int64),
        ("status", c_int64),
        ("code", c_int64),
        ("rows", c_int64),
        ("divergence_rows", c_int64),
        ("step_size", c_double),
        ("log_density", c_double),
    ]


class TreesStruct(Structure):
    """``Trees`` of ``native/trees.hpp``."""

    _fields_ = [
        ("vectors", c_size_t),
        ("numbers", c_size_t),
        ("firsts", c_size_t),
        ("ends", c_size_t),
        ("ended", c_size_t),
        ("chains", c_int64),
        ("dim", c_int64),
        ("depth", c_int64),
        ("single", c_int64),
    ]


class EndedTreesStruct(Structure):
    """``EndedTrees`` of ``native/trees.hpp``."""

    _fields_ = [
        ("count", c_int64),
        ("rows", c_size_t),
        ("position", c_size_t),
        ("gradient", c_size_t),
        ("last", c_size_t),
        ("statistics", c_size_t),
    ]


class FlightStruct(Structure):
    """``Flight`` of ``native/trees.hpp``."""

    _fields_ = [
        ("density", POINTER(DensityStruct)),
        ("scale", c_size_t),
        ("scales", c_int64),
        ("log_uniforms", c_size_t),
        ("steps", c_int64),
        ("slices", c_int64),
        ("made", c_int64),
        ("code", c_int64),
    ]
