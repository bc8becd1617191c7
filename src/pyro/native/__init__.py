"""NUTS and HMC in C++, on densities that are seen as functions of flat vectors and nothing else.

::

    density ─ DensitySpec(dim, address, ...)           machine code behind a C function
            └ DensitySpec.from_callable(f, dim)        a Python function
    config  ─ NutsConfig(...) or HmcConfig(...)
    run     ─ run_chains(density, config, positions, seed, num_samples)  -> Result
            └ Sampler(density, config, positions, seed): advance, progress, save, load

Without the compiled library (``available()`` is False, ``why_not()`` says why) everything imports
and nothing samples.
"""

from pyro.native.config import HmcConfig, KernelConfig, NutsConfig
from pyro.native.density import DensitySpec
from pyro.native.library import available, why_not
from pyro.native.output import Output
from pyro.native.result import Result
from pyro.native.run import run_chains
from pyro.native.sampler import ChainProgress, Sampler
from pyro.native.targets import target

__all__ = [
    "ChainProgress",
    "DensitySpec",
    "HmcConfig",
    "KernelConfig",
    "NutsConfig",
    "Output",
    "Result",
    "Sampler",
    "available",
    "run_chains",
    "target",
    "why_not",
]
