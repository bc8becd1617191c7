"""The training loop that one would write by hand, without any of the libraries."""

from __future__ import annotations

import torch
from harness.worker import argument, once, report, timed, versions
from models.catalogue import CATALOGUE
from svi.size import ADAM, FIRST, LAST, steps_for

torch.set_num_threads(1)


def main(name: str) -> None:
    """Measure one model."""
    entry = CATALOGUE[name]
    (data,) = (torch.as_tensor(value).float() for value in entry.data().values())
    loss, parameters = entry.module("torch_loss").make()
    torch.manual_seed(0)
    optimizer = torch.optim.Adam(parameters, **ADAM)

    def step() -> float:
        optimizer.zero_grad()
        cost = loss(data)
        cost.backward()
        optimizer.step()
        return cost.item()

    figures: dict[str, object] = {"first step": once(step)}
    losses = [step() for _ in range(FIRST)]
    steps = steps_for(once(step))
    figures["step"] = timed(lambda: [step() for _ in range(steps)], units=steps)
    figures["loss"] = sum(losses[-LAST:]) / LAST
    report(figures, versions("torch"))


if __name__ == "__main__":
    main(argument())
