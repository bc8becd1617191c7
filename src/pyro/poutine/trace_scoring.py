"""Log-probabilities of the sites of a trace, computed once and kept in the nodes."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import torch

from pyro import settings
from pyro.distributions.feasible import fill_masked
from pyro.distributions.util import scale_and_mask
from pyro.errors import PyroError, SiteError
from pyro.poutine.trace_format import format_shapes
from pyro.runtime import Message

Nodes = Mapping[str, Message]

VALIDATE = __debug__
settings.register("validate_poutine", __name__, "VALIDATE")


def enable_validation(is_validate: bool) -> None:
    """Switch the warnings about nan and infinite log-probabilities on or off.

    Example::

        >>> enable_validation(False)
        >>> is_validation_enabled()
        False
        >>> enable_validation(True)
    """
    settings.set(validate_poutine=is_validate)


def is_validation_enabled() -> bool:
    """Whether log-probabilities are checked.

    Example::

        >>> is_validation_enabled()
        True
    """
    return VALIDATE


def site_log_prob_sum(nodes: Nodes, site: Message) -> torch.Tensor:
    """The total log-probability of a sample site, a scalar; fills in the site's scores."""
    if "log_prob_sum" not in site:
        log_prob = site_log_prob(nodes, site)
        site["log_prob_sum"] = log_prob.sum() if log_prob.dim() else log_prob
    return site["log_prob_sum"]


def site_log_prob(nodes: Nodes, site: Message) -> torch.Tensor:
    """The scaled and masked log-probability of a sample site, of its batch shape; filled in."""
    if "log_prob" not in site:
        site["unscaled_log_prob"] = log_prob = _log_prob(nodes, site)
        scored: Any = scale_and_mask(log_prob, site["scale"], site["mask"])
        site["log_prob"] = scored
    return site["log_prob"]


def score_site(nodes: Nodes, site: Message) -> None:
    """Fill in a sample site's ``score_parts`` along with its log-probabilities."""
    try:
        parts = site["fn"].score_parts(site["value"], *site["args"], **site["kwargs"])
    except (ValueError, RuntimeError, TypeError) as error:
        _name_the_site(nodes, site, error)
    site["unscaled_log_prob"] = parts.log_prob
    site["score_parts"] = parts = parts.scale_and_mask(site["scale"], site["mask"])
    site["log_prob"] = log_prob = parts.log_prob
    site["log_prob_sum"] = log_prob.sum() if log_prob.dim() else log_prob


def _log_prob(nodes: Nodes, site: Message) -> torch.Tensor:
    try:
        if site["mask"] is False:
            return _zeros(site)
        value = site["value"]
        if site["is_observed"] and isinstance(site["mask"], torch.Tensor):
            value = fill_masked(site["fn"], value, site["mask"])
        result: torch.Tensor = site["fn"].log_prob(value, *site["args"], **site["kwargs"])
        return result
    except (ValueError, RuntimeError, TypeError) as error:
        _name_the_site(nodes, site, error)


def _zeros(site: Message) -> torch.Tensor:
    """The log-probability of a site whose density nobody needs."""
    fn = site["fn"]
    return torch.zeros(
        getattr(fn, "batch_shape", ()), device=getattr(site["value"], "device", None)
    )


def _name_the_site(nodes: Nodes, site: Message, error: Exception) -> NoReturn:
    name = site["name"]
    new = SiteError if isinstance(error, ValueError | TypeError) else _ScoringRuntimeError
    table = format_shapes(nodes, last_site=name)
    raise new(f"Error while computing log_prob at site '{name}':\n{error}\n{table}") from error


class _ScoringRuntimeError(PyroError, RuntimeError):
    """A tensor operation failed inside a site's density."""


def check_finite(chosen: Sequence[Message], total: Any = None) -> None:
    """Warn about sites whose log-probability is nan or +inf; -inf is a legal answer.

    One number is looked at for the whole trace; only when it is bad are the sites examined.
    """
    if not VALIDATE or not chosen:
        return
    if total is None:
        sums = [site["log_prob_sum"] for site in chosen]
        total = sums[0] if len(sums) == 1 else sum(t.detach() for t in sums)
    if isinstance(total, torch.Tensor):
        if total.dim() or total.is_meta or torch.compiler.is_compiling():
            return
        total = float(total.detach())
    if total != total or total == float("inf"):
        for site in chosen:
            _warn_if_bad(site)


def _warn_if_bad(site: Message) -> None:
    total = float(site["log_prob_sum"].detach())
    if total != total or total == float("inf"):
        kind = "NaN" if total != total else "+inf"
        warnings.warn(
            f"Encountered {kind}: log_prob_sum at site '{site['name']}'; {describe_bad(site)}",
            UserWarning,
            stacklevel=5,
        )


def describe_bad(site: Message) -> str:
    """The first element of a site's log-probability that is nan or +inf, with its value."""
    log_prob = site["log_prob"].detach()
    bad = log_prob.isnan() | (log_prob == float("inf"))
    index = tuple(bad.nonzero()[0].tolist())
    value = site["value"]
    shown = value
    if isinstance(value, torch.Tensor) and value.shape[: len(index)] == log_prob.shape:
        shown = value[index]
    return (
        f"{int(bad.sum())} of {bad.numel()} elements of {type(site['fn']).__name__}.log_prob; the "
        f"first is {log_prob[index].item()} at index {index}, where the value is {shown}"
    )


__all__ = [
    "check_finite",
    "enable_validation",
    "is_validation_enabled",
    "score_site",
    "site_log_prob",
    "site_log_prob_sum",
]
