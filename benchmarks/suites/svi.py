"""Steps of stochastic variational inference, one thread, single precision."""

from __future__ import annotations

from harness.suite import Entrant, Figure, Suite

WITH_NETWORKS = frozenset({"dmm", "vae", "ss_vae"})
SMALL = (
    "eight_schools",
    "logistic_10000x20",
    "logistic_batches",
    "scalar_sites",
    "gaussian_mixture",
    "hmm_50",
)

SUITE = Suite(
    name="svi",
    title="SVI, seconds per step",
    models=(*SMALL, *sorted(WITH_NETWORKS)),
    entrants=(
        Entrant("ours", "ours", "svi/with_pyro.py"),
        Entrant("NumPyro", "numpyro", "svi/with_numpyro.py", models=frozenset(SMALL)),
        Entrant("pyro-ppl", "pyro-ppl", "svi/with_pyro.py"),
        Entrant("torch by hand", "ours", "svi/with_torch.py", models=WITH_NETWORKS),
    ),
    figures=(
        Figure("step"),
        Figure("step, called from Python"),
        Figure("first step", against=("NumPyro",)),  # the others do not compile
        Figure("loss", "count", compared=False),
    ),
    limit=600.0,
)
