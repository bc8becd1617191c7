"""pyro-ppl's potential, which runs the model each time."""

from __future__ import annotations

import torch
from harness.points import COUNT, evidence, points
from harness.worker import argument, computed, once, report, stay_on_one_processor, versions
from models.catalogue import CATALOGUE
from torch import Tensor

from pyro.infer.mcmc.util import initialize_model

REPEATS = 3
torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)


def main(name: str) -> None:
    """Measure one model."""
    entry = CATALOGUE[name]
    model = entry.module("pyro_model").model
    data = {key: torch.as_tensor(value) for key, value in entry.data().items()}
    found = {}

    def value_and_grad(point: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        leaves = {key: value.detach().requires_grad_() for key, value in point.items()}
        value = -found["potential"](leaves)
        slopes = torch.autograd.grad(value, list(leaves.values()))
        return value.detach(), dict(zip(leaves, slopes, strict=True))

    def first_gradient() -> None:
        found["start"], found["potential"], _, _ = initialize_model(model, (), data)
        value_and_grad(found["start"])

    figures: dict[str, object] = {"first gradient": once(first_gradient)}
    stay_on_one_processor()
    at = points({key: value.shape for key, value in found["start"].items()})
    here = [{key: torch.as_tensor(value[i]) for key, value in at.items()} for i in range(COUNT)]
    pairs = [value_and_grad(point) for point in here]
    figures["gradient"] = computed(lambda: value_and_grad(here[0]), REPEATS)
    figures["gradient, called from Python"] = figures["gradient"]
    gradients = {key: torch.stack([slope[key] for _, slope in pairs]).numpy() for key in at}
    same = evidence([float(value) for value, _ in pairs], gradients, at)
    report(figures, versions("pyro-ppl", "torch"), same)


if __name__ == "__main__":
    main(argument())
