"""What is left of guides in another process: run as a module, it restores what a test has saved."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch

import pyro
from pyro import poutine
from tests.laws.guide_cases import BY_HAND, GUIDES, PAIRS, WITHOUT_MEDIANS, ModelCase

Posterior = dict[str, dict[str, Any]]
WAYS = ("state dict", "parameter store")


def rows() -> Iterator[tuple[str, str, ModelCase]]:
    """Each way of saving, guide, and model."""
    return ((way, guide, case) for way in WAYS for guide, case in PAIRS)


def key(way: str, guide: str, case: ModelCase) -> str:
    """The name of a row, which a file can have."""
    return f"{way}-{guide}-{case.name}".replace(" ", "_")


def home(way: str, guide: str) -> Any:
    """The setting for a row: what `pyro.param` makes is in a state dict where it is local."""
    local = way == "state dict" and guide in BY_HAND
    return pyro.settings.context(module_local_params=True) if local else nullcontext()


def posterior(name: str, guide: Any, case: ModelCase) -> Posterior:
    """A draw, medians and quantiles."""
    with torch.no_grad():
        guide(*case.args)  # a first call also draws initial values
        pyro.set_rng_seed(1)
        nodes = poutine.trace(guide).get_trace(*case.args).nodes
        found = {"draw": {site: nodes[site]["value"].detach() for site in case.supports}}
        if name not in WITHOUT_MEDIANS:
            pyro.set_rng_seed(1)  # for the subsample
            found["median"] = guide.median(*case.args)
            if hasattr(guide, "quantiles"):
                pyro.set_rng_seed(1)
                found["quantiles"] = guide.quantiles([0.1, 0.9], *case.args)
    return found


def save(folder: Path) -> dict[str, Posterior]:
    """Guides with parameters that only a file can tell, by name of row."""
    found = {}
    for way, name, case in rows():
        pyro.clear_param_store()
        pyro.set_rng_seed(0)
        with home(way, name):
            guide = GUIDES[name](case.model)
            guide(*case.args)
            leaves = {p for _, p in pyro.get_param_store().named_parameters()}
            leaves |= set(guide.parameters())
            assert leaves, (way, name)
            with torch.no_grad():
                for leaf in leaves:
                    leaf.add_(0.2 * torch.randn_like(leaf))
            file = folder / key(way, name, case)
            if way == "state dict":
                torch.save(guide.state_dict(), file)
            else:
                pyro.get_param_store().save(file)
            found[file.name] = posterior(name, guide, case)
    return found


def restore(folder: Path) -> dict[str, Posterior]:
    """The posteriors of new guides with what was saved."""
    found = {}
    for way, name, case in rows():
        pyro.clear_param_store()
        pyro.set_rng_seed(7)  # another one than where they were saved
        with home(way, name):
            guide = GUIDES[name](case.model)
            file = folder / key(way, name, case)
            if way == "state dict":
                guide.load_state_dict(torch.load(file))
            else:
                pyro.get_param_store().load(file)
            found[file.name] = posterior(name, guide, case)
    return found


if __name__ == "__main__":
    warnings.simplefilter("error")
    at = Path(sys.argv[1])
    torch.save(restore(at), at / "restored")
