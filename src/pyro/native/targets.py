"""Densities with known answers that the library brings along, for tests and measurements."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pyro.native.density import DensitySpec
from pyro.native.library import library


class _Parameters(ctypes.Structure):
    """``TargetParameters`` of ``native/targets.hpp``."""

    _fields_ = [("dim", ctypes.c_int64), ("values", ctypes.c_size_t)]


def target(
    name: str, dim: int, values: Sequence[float] | npt.NDArray[np.float64] = ()
) -> DensitySpec:
    """A density of ``native/targets.hpp``, which says what ``values`` means for each.

    :param name: ``"normal"``, ``"gaussian"``, ``"banana"``, ``"student"``, ``"funnel"``,
        ``"schools"``, ``"failing"``, ``"half"`` or ``"flat"``.
    :raises KeyError: for another name.
    :raises NativeLibraryError: if the library is absent.
    """
    address = library().pyro_target(name.encode())
    if not address:
        raise KeyError(f"there is no target named {name!r}")
    array = np.ascontiguousarray(values, dtype=np.float64)
    parameters = _Parameters(dim=dim, values=array.ctypes.data)
    return DensitySpec(
        dim=dim, address=address, context=ctypes.addressof(parameters), owner=(array, parameters)
    )
