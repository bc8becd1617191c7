"""Where the compiled library is, and how its functions are called.

It is a plain C interface that ``ctypes`` loads: one file serves all versions of Python, and the
interpreter's lock is released in every call.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_char_p, c_double, c_int32, c_int64, c_size_t, c_uint64, c_void_p
from functools import cache
from pathlib import Path

from pyro.errors import NativeLibraryError
from pyro.native.structures import (
    TICK,
    ConfigStruct,
    DensityStruct,
    EndedTreesStruct,
    FlightStruct,
    OutputStruct,
    ProgressStruct,
    TreesStruct,
)

INTERFACE = 4
FILE = Path(__file__).with_name("samplers.native.so")  # two dots: not an extension module
MESSAGE_SIZE = 512

_SIGNATURES: dict[str, tuple[object, list[object]]] = {
    "pyro_run_new": (
        c_int32,
        [
            POINTER(ConfigStruct), POINTER(DensityStruct),
            c_int64, c_void_p, c_void_p,  # blocks
            c_int64, c_uint64, c_uint64, c_void_p, c_void_p,  # chains, seed, first, positions, ...
            POINTER(c_void_p), c_char_p, c_int64,
        ],
    ),
    "pyro_run_delete": (None, [c_void_p]),
    "pyro_run_start": (
        c_int32,
        [c_void_p, c_int64, c_int64, c_int64, POINTER(OutputStruct), c_int64, c_char_p, c_int64],
    ),
    "pyro_run_advance_here": (
        c_int32,
        [c_void_p, c_int64, c_int64, c_int64, POINTER(OutputStruct), TICK, c_char_p, c_int64],
    ),
    "pyro_run_wait": (c_int32, [c_void_p, c_double]),
    "pyro_run_interrupt": (None, [c_void_p]),
    "pyro_run_progress": (None, [c_void_p, POINTER(ProgressStruct)]),
    "pyro_chain_inverse_metric": (None, [c_void_p, c_int64, c_void_p]),
    "pyro_chain_failed_position": (None, [c_void_p, c_int64, c_void_p]),
    "pyro_chain_move": (None, [c_void_p, c_int64, c_void_p]),
    "pyro_chain_save": (c_int64, [c_void_p, c_int64, c_void_p, c_int64]),
    "pyro_chain_load": (c_int32, [c_void_p, c_int64, c_char_p, c_int64]),
    "pyro_trees_begin": (None, [POINTER(TreesStruct), c_void_p, c_void_p, c_void_p]),
    "pyro_trees_grow": (c_int64, [POINTER(TreesStruct), c_void_p, c_void_p, c_int64]),
    "pyro_trees_fly": (c_int64, [POINTER(TreesStruct), POINTER(FlightStruct)]),
    "pyro_trees_tell": (None, [POINTER(TreesStruct), POINTER(EndedTreesStruct)]),
    "pyro_target": (c_size_t, [c_char_p]),
    "pyro_philox": (None, [c_void_p, c_void_p, c_void_p]),
    "pyro_normals": (None, [c_uint64, c_uint64, c_int64, c_void_p]),
    "pyro_uniforms": (None, [c_uint64, c_uint64, c_int64, c_void_p]),
}  # fmt: skip


def load(file: Path) -> ctypes.CDLL:
    """The library in ``file``, with the types of its functions.

    :raises NativeLibraryError: if it is absent, cannot be loaded or has another interface.
    """
    if not file.is_file():
        raise NativeLibraryError(
            f"the compiled samplers are not built ({file.name} is not in {file.parent}): "
            "install the package with a C++20 compiler at hand, or run `make native`"
        )
    try:
        library = ctypes.CDLL(str(file))
        library.pyro_interface.restype = c_int64
        found = library.pyro_interface()
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError) as error:
        raise NativeLibraryError(
            f"the compiled samplers cannot be loaded from {file}: {error}"
        ) from error
    if found != INTERFACE:
        raise NativeLibraryError(
            f"{file} has interface {found}, and this version of pyro needs {INTERFACE}: "
            "build it again with `make native`, or install the package again"
        )
    return library


@cache
def library() -> ctypes.CDLL:
    """The library beside this file, loaded once.

    :raises NativeLibraryError: as :func:`load` does.
    """
    return load(FILE)


def why_not() -> str | None:
    """Why native sampling is not possible; None if it is."""
    try:
        library()
    except NativeLibraryError as error:
        return str(error)
    return None


def available() -> bool:
    """Whether the compiled samplers can be used."""
    return why_not() is None
