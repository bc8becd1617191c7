"""What the analyses share: tables, verdicts on chains, figures that are saved as pictures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pyro.infer import MCMC


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], digits: int = 2) -> str:
    """Rows of text: the first column flush left, numbers with so many digits flush right."""
    texts = ([f"{x:.{digits}f}" if isinstance(x, float) else str(x) for x in row] for row in rows)
    cells = [list(columns), *texts]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    )


def convergence(mcmc: MCMC) -> str:
    """In a line: the worst R-hat of all sites, the least effective draws, the divergences."""
    found = mcmc.diagnostics()
    sites = [values for values in found.values() if "r_hat" in values]
    r_hat = max(values["r_hat"].nan_to_num(1.0).max().item() for values in sites)
    n_eff = min(values["n_eff"].nan_to_num(math.inf).min().item() for values in sites)
    divergences = sum(map(len, found["divergences"].values()))
    return (
        f"NUTS: R-hat at most {r_hat:.3f}, at least {n_eff:.0f} effective draws, "
        f"{divergences} divergences ({mcmc.engine})"
    )


def axes(columns: int = 1, width: float = 7.0, height: float = 4.0) -> tuple[Any, list[Any]]:
    """A figure and its axes beside each other, sizes in inches; no window is opened."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, grid = plt.subplots(
        1, columns, figsize=(width, height), squeeze=False, layout="constrained"
    )
    for ax in grid[0]:
        ax.spines[["top", "right"]].set_visible(False)
    return figure, list(grid[0])


def save(figure: Any, name: str, folder: str) -> Path:
    """Write the figure as ``folder/name.png``, and say so."""
    from matplotlib import pyplot as plt

    path = Path(folder) / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)
    plt.close(figure)
    print(f"Saved {path}")
    return path
