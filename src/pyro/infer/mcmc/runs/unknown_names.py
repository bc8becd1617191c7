"""Options that name sites, of which some are not there."""

from __future__ import annotations

import warnings
from collections.abc import Iterable


def warn_unknown(option: str, given: Iterable[str] | None, known: Iterable[str]) -> None:
    """Warn of names that an option has and the model does not: they change nothing.

    :param option: What the user calls it.
    :param given: The names; None if the option was not given.
    :param known: Those that there are.

    Example::

        >>> from pyro.infer.mcmc.runs.unknown_names import warn_unknown
        >>> warn_unknown("save_params", ["tau"], ["mu", "tau"])
    """
    there = list(known)
    unknown = [name for name in given or () if name not in there]
    if unknown:
        warnings.warn(
            f"MCMC: {option} names sites that are not drawn: {unknown}. There are {there}; the "
            "others are left out of account.",
            UserWarning,
            stacklevel=2,
        )
