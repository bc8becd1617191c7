"""The models that the suites measure, by name: a folder beside this file, and the size of its data.

A folder holds ``data.py`` with ``make(**size)``, and the same model once per library:
``pyro_model.model(**data)`` for ours and pyro-ppl, ``numpyro_model.model(**data)``, and
``pymc_model.build(**data)``. Latent sites have the same names in all of them. Models with
networks have ``torch_loss`` too, which is a loop's loss without any of the libraries.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import NamedTuple

import numpy as np


class Entry(NamedTuple):
    """A model at a size."""

    folder: str
    size: dict[str, int]

    def data(self) -> dict[str, np.ndarray]:
        """The arguments of the model; the same in each process."""
        return importlib.import_module(f"models.{self.folder}.data").make(**self.size)

    def module(self, name: str) -> ModuleType:
        """``pyro_model``, ``numpyro_model``, ``pymc_model`` or ``torch_loss``."""
        return importlib.import_module(f"models.{self.folder}.{name}")


def _entry(folder: str, **size: int) -> Entry:
    return Entry(folder, size)


CATALOGUE = {
    "eight_schools": _entry("eight_schools"),
    "logistic_1000x10": _entry("logistic", rows=1_000, columns=10),
    "logistic_1000x20": _entry("logistic", rows=1_000, columns=20),
    "logistic_5000x20": _entry("logistic", rows=5_000, columns=20),
    "logistic_10000x20": _entry("logistic", rows=10_000, columns=20),
    "logistic_10000x50": _entry("logistic", rows=10_000, columns=50),
    "logistic_100000x50": _entry("logistic", rows=100_000, columns=50),
    "logistic_batches": _entry("logistic_batches", rows=10_000, columns=20),
    "poisson": _entry("poisson", rows=1_000, columns=10),
    "negative_binomial": _entry("negative_binomial", rows=1_000, columns=5),
    "hierarchical_glm": _entry("hierarchical_glm", rows=2_000, columns=3, groups=100),
    "gaussian_process": _entry("gaussian_process", points=100),
    "dirichlet_multinomial": _entry(
        "dirichlet_multinomial", documents=200, words=10, length=50, kinds=4
    ),
    "hmm_50": _entry("hmm", steps=50, states=8),
    "hmm_100": _entry("hmm", steps=100, states=8),
    "hmm_1000": _entry("hmm", steps=1_000, states=8),
    "hmm_200_of_4": _entry("hmm", steps=200, states=4),
    "lkj_normal": _entry("lkj_normal", rows=100, dim=10),
    "neural_network": _entry("neural_network", rows=1_000, columns=50),
    "ar2": _entry("ar2", length=1_000),
    "stochastic_volatility": _entry("stochastic_volatility", length=500),
    "radon": _entry("radon", rows=919, groups=85),
    "item_response": _entry("item_response", people=500, questions=30),
    "scalar_sites": _entry("scalar_sites", sites=50),
    "gaussian_mixture": _entry("gaussian_mixture", rows=1_000, kinds=4),
    "vae": _entry("vae", images=128),
    "dmm": _entry("dmm", sequences=64, length=20),
    "ss_vae": _entry("ss_vae", images=128),
}
