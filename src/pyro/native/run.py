"""A whole run in one call."""

from __future__ import annotations

from pyro.native.config import KernelConfig
from pyro.native.density import Array, DensitySpec
from pyro.native.output import Output
from pyro.native.result import Result, common_rows
from pyro.native.sampler import ProgressCallback, Sampler


def run_chains(
    density: DensitySpec,
    config: KernelConfig,
    positions: Array,
    seed: int,
    num_samples: int,
    *,
    thinning: int = 1,
    threads: int | None = None,
    first_chain: int = 0,
    inverse_metric: Array | None = None,
    on_progress: ProgressCallback | None = None,
) -> Result:
    """Warm up and draw; after Ctrl-C, what there is.

    :param num_samples: Rows per chain, each the last of ``thinning`` iterations.

    Other parameters and errors are those of :class:`Sampler` and :meth:`Sampler.advance`. To keep
    the draws of a run that an error ends, of warm-up, or to write to disk, use a ``Sampler``.

    Example::

        >>> import numpy as np
        >>> from pyro.native import NutsConfig
        >>> density = DensitySpec.from_callable(lambda x: (-0.5 * x @ x, -x), dim=2)
        >>> result = run_chains(density, NutsConfig(warmup=50), np.zeros((2, 2)), 0, 100)
        >>> result.output.draws.shape
        (2, 100, 2)
    """
    sampler = Sampler(
        density, config, positions, seed, first_chain=first_chain, inverse_metric=inverse_metric
    )
    output = Output.allocate(sampler.chains, num_samples, density.dim)
    interrupted = False
    try:
        sampler.advance(
            config.warmup + num_samples,
            output,
            first=-config.warmup,
            thinning=thinning,
            threads=threads,
            on_progress=on_progress,
        )
    except KeyboardInterrupt:
        interrupted = True
    progress = tuple(sampler.progress())
    written = min((seen.rows for seen in progress), default=0) - config.warmup
    return Result(
        output=common_rows(output, max(0, written)),
        progress=progress,
        states=tuple(sampler.save()),
        interrupted=interrupted,
    )
