"""Plates as boxes in boxes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

CLONE = "__CLONE"

Path = tuple[str, ...]


def nest_plates(plates: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The sites in each plate, where any two plates are nested or share no site.

    Where two plates cross, the second is drawn twice: once inside the first, and once, under its
    name and ``__CLONE``, for its other sites.

    :param plates: The names of the plates around each site.

    >>> nest_plates({"x": ["N"], "y": ["M"], "xy": ["N", "M"]})
    {'N': ['x', 'xy'], 'M__CLONE': ['y'], 'M': ['xy']}
    """
    appearance = list(dict.fromkeys(name for around in plates.values() for name in around))
    count = Counter(name for around in plates.values() for name in set(around))

    def path_of(around: Sequence[str]) -> Path:
        return tuple(sorted(set(around), key=lambda p: (-count[p], appearance.index(p))))

    boxes: dict[Path, list[str]] = {}
    for site, around in plates.items():
        path = path_of(around)
        for depth in range(1, len(path) + 1):
            boxes.setdefault(path[:depth], []).append(site)
    names = _name(list(boxes))
    return {names[path]: sites for path, sites in boxes.items()}


def label_of(plate: str) -> str:
    """The name that a plate has in the model."""
    return plate.partition(CLONE)[0]


def _name(paths: list[Path]) -> dict[Path, str]:
    """Distinct names; the innermost box of a plate has the plate's own."""
    names: dict[Path, str] = {}
    for path in sorted(paths, key=len, reverse=True):
        name = path[-1]
        while name in names.values():
            name += CLONE
        names[path] = name
    return names
