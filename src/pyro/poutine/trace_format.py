"""The shape table of a trace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pyro.poutine import sites
from pyro.runtime import Message

Row = tuple[str, str, Sequence[Any], Sequence[Any]]


def format_shapes(
    nodes: Mapping[str, Message],
    title: str = "Trace Shapes:",
    last_site: str | None = None,
    pending: Message | None = None,
) -> str:
    """Tabulate sites' shapes; see :meth:`pyro.poutine.Trace.format_shapes`.

    :param pending: A site that was reached but has no value yet; it comes last, and is marked.
    """
    params: list[Row] = []
    samples: list[Row] = []
    for name, site in nodes.items():
        if sites.is_param(site):
            params.append(_param_row(name, site))
        elif sites.is_sample(site) and not sites.is_subsample(site):
            samples += _sample_rows(name, site)
        if name == last_site:
            break
    if pending is not None:
        samples += _pending_rows(pending)
    rows = [(title, "", (), ()), (" Param Sites:", "", (), ()), *params]
    return _align([*rows, ("Sample Sites:", "", (), ()), *samples])


def _param_row(name: str, site: Message) -> Row:
    shape = tuple(getattr(site["value"], "shape", ()))
    event_dim = site["kwargs"].get("event_dim") or 0
    split = len(shape) - event_dim
    return name, "", shape[:split], shape[split:]


def _sample_rows(name: str, site: Message) -> list[Row]:
    fn = site["fn"]
    batch = tuple(getattr(fn, "batch_shape", ()))
    event = tuple(getattr(fn, "event_shape", ()))
    rows: list[Row] = [(name, "dist", batch, event)]
    shape = tuple(getattr(site["value"], "shape", ()))
    split = len(shape) - len(event)
    rows.append(("", "value", shape[:split], shape[split:]))
    if "log_prob" in site:
        rows.append(("", "log_prob", tuple(site["log_prob"].shape), ()))
    return rows


def _pending_rows(site: Message) -> list[Row]:
    fn = site["fn"]
    batch = tuple(getattr(fn, "batch_shape", ()))
    event = tuple(getattr(fn, "event_shape", ()))
    rows: list[Row] = [(f"(failing here) {site['name']}", "dist", batch, event)]
    plates = {frame.dim: frame.size for frame in site["cond_indep_stack"] if frame.dim is not None}
    if plates:
        sizes = [plates.get(dim, 1) for dim in range(min(plates), 0)]
        rows.append(("", "plates", sizes, ()))
    if site["value"] is not None:
        shape = tuple(getattr(site["value"], "shape", ()))
        split = len(shape) - len(event)
        rows.append(("", "value", shape[:split], shape[split:]))
    return rows


def _align(rows: Sequence[Row]) -> str:
    """Right-align batch dims to the left of a bar and left-align event dims to its right."""
    width_name = max(len(row[0]) for row in rows)
    width_kind = max(len(row[1]) for row in rows)
    batch_dims = max(len(row[2]) for row in rows)
    widths = [
        max((len(str(row[2][-i])) for row in rows if len(row[2]) >= i), default=0)
        for i in range(batch_dims, 0, -1)
    ]
    lines = []
    for name, kind, batch, event in rows:
        padded = [""] * (batch_dims - len(batch)) + [str(size) for size in batch]
        left = " ".join(text.rjust(width) for text, width in zip(padded, widths, strict=True))
        bar = "|" if kind or batch or event else " "
        right = " ".join(str(size) for size in event)
        line = f"{name.rjust(width_name)} {kind.rjust(width_kind)} {left} {bar} {right}"
        lines.append(line.rstrip())
    return "\n".join(lines)
