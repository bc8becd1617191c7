"""Pyro: universal, deep probabilistic programming on PyTorch."""

from pyro import distributions, infer, nn, optim, params, poutine, primitives, settings, util
from pyro.infer.inspect.render_model import render_model
from pyro.logger import log
from pyro.poutine.handlers import condition, do
from pyro.primitives import (
    barrier,
    clear_param_store,
    deterministic,
    enable_validation,
    factor,
    get_param_store,
    iarange,
    irange,
    markov,
    module,
    param,
    plate,
    plate_stack,
    random_module,
    sample,
    subsample,
    validation_enabled,
)
from pyro.rng import get_rng_state, set_rng_seed, set_rng_state
from pyro.version import __version__

__all__ = [
    "__version__",
    "barrier",
    "clear_param_store",
    "condition",
    "deterministic",
    "distributions",
    "do",
    "enable_validation",
    "factor",
    "get_param_store",
    "get_rng_state",
    "iarange",
    "infer",
    "irange",
    "log",
    "markov",
    "module",
    "nn",
    "optim",
    "param",
    "params",
    "plate",
    "plate_stack",
    "poutine",
    "primitives",
    "random_module",
    "render_model",
    "sample",
    "set_rng_seed",
    "set_rng_state",
    "settings",
    "subsample",
    "util",
    "validation_enabled",
]
