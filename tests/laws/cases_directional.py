"""Cases of families over directions, angles and sticks."""

from __future__ import annotations

from tests.laws.distribution_case import Case, row

DIRECTIONAL: list[Case] = [
    row("projected-normal-circle", "ProjectedNormal", concentration=[0.7, -1.2]),
    row("projected-normal-sphere", "ProjectedNormal", concentration=[0.7, -1.2, 0.4]),
    row("projected-normal-4", "ProjectedNormal", concentration=[0.7, -1.2, 0.4, 0.0]),
    row("projected-normal-6", "ProjectedNormal", concentration=[0.7, -1.2, 0.4, 0.0, 2.0, 1.0]),
    row("von-mises-3d", "VonMises3D", concentration=[0.7, -1.2, 2.4]),
]
