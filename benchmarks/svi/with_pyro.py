"""Steps of SVI by ours or by pyro-ppl, whichever the interpreter has.

With a normal guide of independent sites, or the model's own guide. A step is timed in a loop over
``svi.step``, and in ``svi.run`` where there is one that takes steps.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from types import ModuleType

import torch
from harness.worker import argument, once, report, timed, versions
from models.catalogue import CATALOGUE
from svi.size import ADAM, FIRST, LAST, RUN_BUDGET, steps_for

import pyro
from pyro import infer, poutine
from pyro.infer.autoguide import AutoNormal
from pyro.optim import Adam

torch.set_num_threads(1)
RUNS = hasattr(infer, "SVIResult")  # svi.run takes steps
if RUNS:  # imports are not counted; the first run would make these
    for name in ("compiled.machine_code", "compiled.forecast", "steps.trusted"):
        import_module(f"pyro.infer.fit.{name}")
    assert infer.TraceEnum_ELBO  # imported when it is first named, with all that sums states out


def main(name: str) -> None:
    """Measure one model."""
    entry = CATALOGUE[name]
    module = entry.module("pyro_model")
    data = [_tensor(value) for value in entry.data().values()]
    pyro.set_rng_seed(0)
    pyro.clear_param_store()
    found: dict[str, infer.SVI] = {}

    def first_step() -> None:
        found["svi"] = infer.SVI(module.model, guide(module), Adam(ADAM), objective(module))
        if RUNS:  # the shortest run for which machine code is made
            found["svi"].run(FIRST, *data, progress=False)
        else:
            found["svi"].step(*data)

    figures: dict[str, object] = {"first step": once(first_step)}
    svi = found["svi"]
    losses = [svi.step(*data) for _ in range(FIRST)]
    steps = steps_for(once(lambda: svi.step(*data)))

    def loop() -> None:
        for _ in range(steps):
            svi.step(*data)

    figures["step, called from Python"] = figures["step"] = timed(loop, units=steps)
    if RUNS:
        figures["step"] = run_steps(lambda n: svi.run(n, *data, progress=False))
    ours = "native" in pyro.__version__
    used = {"pyro-native": pyro.__version__} if ours else versions("pyro-ppl")
    figures["loss"] = sum(losses[-LAST:]) / LAST
    report(figures, versions("torch") | used)


def run_steps(run: Callable[[int], object]) -> list[float]:
    """Seconds per step of runs, which have costs of their own: the longer, the less they weigh."""
    steps = 5 * FIRST
    for _ in range(3):
        steps = max(FIRST, steps_for(once(partial(run, steps)) / steps, RUN_BUDGET))
    return timed(partial(run, steps), units=steps)


def _tensor(value: object) -> torch.Tensor:
    tensor = torch.as_tensor(value)
    return tensor.float() if tensor.is_floating_point() else tensor


def guide(module: ModuleType) -> object:
    """The model's own guide, or normal laws for all sites that are not summed out."""
    own = getattr(module, "guide", None)
    if own is not None:
        return own
    hidden = getattr(module, "ENUMERATED", ())
    if not hidden:
        return AutoNormal(module.model)
    return AutoNormal(
        poutine.block(module.model, hide_fn=lambda site: site["name"].startswith(hidden))
    )


def objective(module: ModuleType) -> infer.ELBO:
    """The ELBO, with sums over discrete sites where the model has some."""
    if not hasattr(module, "ENUMERATED"):
        return infer.Trace_ELBO()
    return infer.TraceEnum_ELBO(max_plate_nesting=getattr(module, "NESTING", 0))


if __name__ == "__main__":
    main(argument())
