"""The statements of the language."""

from pyro.poutine.markov_messenger import markov
from pyro.primitives.module import module, random_module
from pyro.primitives.param import clear_param_store, get_param_store, param
from pyro.primitives.plates import barrier, iarange, irange, plate, plate_stack, subsample
from pyro.primitives.sample import deterministic, factor, sample
from pyro.primitives.validation import enable_validation, validation_enabled
from pyro.rng import set_rng_seed

__all__ = [
    "barrier",
    "clear_param_store",
    "deterministic",
    "enable_validation",
    "factor",
    "get_param_store",
    "iarange",
    "irange",
    "markov",
    "module",
    "param",
    "plate",
    "plate_stack",
    "random_module",
    "sample",
    "set_rng_seed",
    "subsample",
    "validation_enabled",
]
