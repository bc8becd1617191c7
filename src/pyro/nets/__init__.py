"""Plain torch networks that flows and guides are made of; they know nothing of distributions."""

from pyro.nets.autoregressive import AutoRegressiveNN, ConditionalAutoRegressiveNN
from pyro.nets.dense import ConditionalDenseNN, DenseNN
from pyro.nets.masked_linear import MaskedLinear

__all__ = [
    "AutoRegressiveNN",
    "ConditionalAutoRegressiveNN",
    "ConditionalDenseNN",
    "DenseNN",
    "MaskedLinear",
]
