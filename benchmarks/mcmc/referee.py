"""ArviZ looks at the draws of all libraries: the effective size, means and their errors.

The first argument is a folder of ``model--library--round.npz``. Prints, by name of file, the least
bulk effective size of all elements of the sites that all libraries of the model have, the site
where that is, and the means and their Monte Carlo errors.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import arviz
import numpy as np


def main(folder: Path) -> None:
    """Judge all files."""
    files = sorted(folder.glob("*.npz"))
    draws = {path.stem: dict(np.load(path)) for path in files}
    shared: dict[str, set[str]] = {}
    for stem, sites in draws.items():
        model = stem.split("--")[0]
        shared[model] = shared.get(model, set(sites)) & set(sites)
    found = {
        stem: judged({name: sites[name] for name in sorted(shared[stem.split("--")[0]])})
        for stem, sites in draws.items()
    }
    print(json.dumps(found))


def judged(sites: dict[str, np.ndarray]) -> dict[str, object]:
    """The statistics of one library's draws."""
    columns = {name: values.reshape(*values.shape[:2], -1) for name, values in sites.items()}
    moving = {name: values[..., values.std((0, 1)) > 0] for name, values in columns.items()}
    data = arviz.convert_to_dataset({k: v for k, v in moving.items() if v.shape[-1]})
    sizes = arviz.ess(data, method="bulk")
    worst = min(sizes.data_vars, key=lambda name: float(sizes[name].min()))
    flat = {
        kind: np.concatenate([ds[k].values.ravel() for k in data.data_vars])
        for kind, ds in (("means", data.mean(("chain", "draw"))), ("errors", arviz.mcse(data)))
    }
    return {
        "effective": float(sizes[worst].min()),
        "worst": worst,
        "r_hat": max(float(v.max()) for v in arviz.rhat(data).data_vars.values()),
        "means": flat["means"].tolist(),
        "errors": flat["errors"].tolist(),
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
