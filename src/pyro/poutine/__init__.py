"""Traces and effect handlers."""

from pyro.poutine import runtime, util
from pyro.poutine.handlers import (
    block,
    broadcast,
    collapse,
    condition,
    do,
    enum,
    equalize,
    escape,
    infer_config,
    lift,
    markov,
    mask,
    queue,
    reparam,
    replay,
    scale,
    seed,
    substitute,
    trace,
    uncondition,
)
from pyro.poutine.messenger import Messenger, block_messengers, unwrap
from pyro.poutine.plate_messenger import block_plate
from pyro.poutine.runtime import NonlocalExit, get_mask
from pyro.poutine.trace_struct import Trace
from pyro.poutine.util import enable_validation, is_validation_enabled

__all__ = [
    "Messenger",
    "NonlocalExit",
    "Trace",
    "block",
    "block_messengers",
    "block_plate",
    "broadcast",
    "collapse",
    "condition",
    "do",
    "enable_validation",
    "enum",
    "equalize",
    "escape",
    "get_mask",
    "infer_config",
    "is_validation_enabled",
    "lift",
    "markov",
    "mask",
    "queue",
    "reparam",
    "replay",
    "runtime",
    "scale",
    "seed",
    "substitute",
    "trace",
    "uncondition",
    "unwrap",
    "util",
]
