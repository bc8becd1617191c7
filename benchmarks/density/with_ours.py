"""The compiled density of ours: seconds to the first gradient, and per gradient in native code."""

from __future__ import annotations

import numpy as np
import torch
from harness.points import evidence, points
from harness.worker import (
    argument,
    computed,
    once,
    repeats_for,
    report,
    stay_on_one_processor,
    versions,
)
from models.catalogue import CATALOGUE

import pyro
from pyro.infer import compile_density
from pyro.infer.model.density import ModelDensity

MOST = 10_000  # points of a run
torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)


def main(name: str) -> None:
    """Measure one model."""
    entry = CATALOGUE[name]
    model = entry.module("pyro_model").model
    data = {key: torch.as_tensor(value) for key, value in entry.data().items()}
    found = {}

    def first_gradient() -> None:
        found["density"] = compile_density(model, **data)
        found["density"].value_and_grad(torch.zeros(found["density"].dim))

    figures = {"first gradient": once(first_gradient)}
    stay_on_one_processor()
    density = found["density"]
    layout = ModelDensity(model, **data).layout
    at = points({site.name: site.unconstrained_shape for site in layout})
    where = layout.flatten({key: torch.as_tensor(value) for key, value in at.items()})
    values, gradients = density.value_and_grad(where)
    by_name = {key: np.asarray(value) for key, value in layout.unflatten(gradients).items()}
    one = once(lambda: density.value_and_grad(where)) / len(where)
    rows = repeats_for(one, MOST)
    many = where[torch.arange(rows) % len(where)].contiguous()
    figures["gradient"] = computed(lambda: density.value_and_grad(many), units=rows)
    figures["gradient, called from Python"] = computed(lambda: density.value_and_grad(where[0]))
    used = versions("torch", "llvmlite") | {"pyro-native": pyro.__version__}
    called_out = ", ".join(density.report().called_out)
    note = f"torch executes {called_out}" if called_out else ""
    report(figures, used, evidence(values.tolist(), by_name, at), note)


if __name__ == "__main__":
    main(argument())
