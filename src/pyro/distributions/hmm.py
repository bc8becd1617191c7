"""The documented home of the hidden Markov models."""

from __future__ import annotations

from pyro.distributions.discrete_hmm import DiscreteHMM
from pyro.distributions.gamma_gaussian_hmm import GammaGaussianHMM
from pyro.distributions.gaussian_hmm import GaussianHMM
from pyro.distributions.gaussian_mrf import GaussianMRF
from pyro.distributions.hidden_markov_model import HiddenMarkovModel
from pyro.distributions.independent_hmm import IndependentHMM
from pyro.distributions.linear_hmm import LinearHMM
from pyro.ops.log_matmul_exp import sequential_log_matmul_exp as _sequential_logmatmulexp

__all__ = [
    "DiscreteHMM",
    "GammaGaussianHMM",
    "GaussianHMM",
    "GaussianMRF",
    "HiddenMarkovModel",
    "IndependentHMM",
    "LinearHMM",
    "_sequential_logmatmulexp",
]
