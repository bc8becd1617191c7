"""Optimisers for parameters that appear as programs run.

Example::

    >>> def options(name):  # per parameter: the store's name
    ...     return {"lr": 0.02 if name == "guide.scale" else 0.1, "clip_norm": 10.0}
    >>> optimizer = pyro.optim.ClippedAdam(options)
    >>> loc = pyro.param("loc", torch.tensor(0.0))
    >>> (3.0 * loc).backward()
    >>> optimizer([loc.unconstrained()])
    >>> pyro.param("loc").detach()
    tensor(-0.1000)
"""

from __future__ import annotations

from pyro.optim.lr_scheduler import PyroLRScheduler
from pyro.optim.optim import PyroOptim
from pyro.optim.pytorch_optimizers import (
    ASGD,
    SGD,
    Adadelta,
    Adafactor,
    Adagrad,
    AdagradRMSProp,
    Adam,
    Adamax,
    AdamW,
    ClippedAdam,
    DCTAdam,
    Muon,
    NAdam,
    RAdam,
    RMSprop,
    Rprop,
    SparseAdam,
)
from pyro.optim.pytorch_schedulers import (
    ChainedScheduler,
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiplicativeLR,
    MultiStepLR,
    OneCycleLR,
    PolynomialLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
)

__all__ = [
    "ASGD",
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "AdagradRMSProp",
    "Adam",
    "AdamW",
    "Adamax",
    "ChainedScheduler",
    "ClippedAdam",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "DCTAdam",
    "ExponentialLR",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "Muon",
    "NAdam",
    "OneCycleLR",
    "PolynomialLR",
    "PyroLRScheduler",
    "PyroOptim",
    "RAdam",
    "RMSprop",
    "ReduceLROnPlateau",
    "Rprop",
    "SequentialLR",
    "SparseAdam",
    "StepLR",
]
