"""Addresses of BLAS and LAPACK routines in the libraries that torch has loaded."""

from __future__ import annotations

import ctypes
import functools
import sys
from pathlib import Path

import torch

NAMES = ("libtorch_cpu.so", "libtorch_cpu.dylib", "torch_cpu.dll")


@functools.cache
def _library() -> ctypes.CDLL | None:
    folder = Path(torch.__file__).parent / "lib"
    for name in NAMES:
        if (folder / name).exists():
            return ctypes.CDLL(str(folder / name))
    return None


@functools.cache
def address_of(name: str) -> int | None:
    """The address of a Fortran routine such as ``dpotrf_`` with 32-bit integers; None if absent."""
    library = _library()
    if library is None or sys.maxsize < 2**32:
        return None
    try:
        return ctypes.cast(getattr(library, name), ctypes.c_void_p).value
    except AttributeError:
        return None
