"""What can be wrong with a factor graph."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence


class IntractableError(NotImplementedError):
    """Plates cross: the variables of a factor are in several plates, none of them in all.

    The sum then has no factorised form; its cost grows exponentially with the plates' sizes.
    """

    def __init__(
        self,
        variables: Sequence[Hashable],
        plates: Mapping[Hashable, frozenset[Hashable]],
        at: frozenset[Hashable],
    ) -> None:
        self.variables = tuple(variables)
        self.plates = dict(plates)
        self.at = at
        described = ", ".join(f"{n!r} in plates {_sorted(plates[n])}" for n in variables)
        super().__init__(
            f"intractable: a factor in plates {_sorted(at)} joins the variables {described}. "
            "Exact elimination needs plates that are nested like a tree; open one of the plates "
            "as a sequential plate, or sample one of the variables in the guide."
        )


def _sorted(names: frozenset[Hashable]) -> list[str]:
    return sorted(map(str, names))
