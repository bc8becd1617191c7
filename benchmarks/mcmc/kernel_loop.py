"""NumPyro's kernel in one compiled loop, so that a second run costs its iterations alone."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array, lax
from numpyro.infer import NUTS


class KernelLoop:
    """Warm-up and draws of several chains, by the documented ``init`` and ``sample`` of NUTS.

    :param model: of NumPyro; ``data`` are its keyword arguments.
    :param parallel: whether chains run on XLA's host devices; otherwise they are vectorised, which
        the kernel does by itself when it is initialised with several keys.
    """

    def __init__(
        self,
        model: object,
        data: dict[str, object],
        chains: int,
        warmup: int,
        draws: int,
        parallel: bool,
        seed: int,
    ) -> None:
        self._kernel = kernel = NUTS(model)
        self._data, self._warmup, self._parallel = data, warmup, parallel
        keys = jax.random.split(jax.random.PRNGKey(seed), chains)
        if parallel:
            starts = [kernel.init(key, warmup, None, (), data) for key in keys]
            self._start = jax.tree.map(lambda *leaves: jnp.stack(leaves), *starts)
        else:
            self._start = kernel.init(keys, warmup, None, (), data)

        def loop(start: object) -> tuple[object, Array, Array]:
            def one(state: object, _: None) -> tuple[object, tuple[object, Array, Array]]:
                state = kernel.sample(state, (), data)
                return state, (state.z, state.num_steps, state.diverging)

            return lax.scan(one, start, None, length=warmup + draws)[1]

        self._loop = jax.pmap(loop) if parallel else jax.jit(loop)

    def run(self) -> None:
        """All iterations of all chains."""
        found = jax.block_until_ready(self._loop(self._start))
        if not self._parallel:
            found = jax.tree.map(lambda leaf: jnp.swapaxes(leaf, 0, 1), found)
        self._z, self.steps, self.diverging = found

    def draws(self) -> dict[str, Array]:
        """Values by name of site, of shape (chains, draws, ...)."""
        constrain = jax.jit(jax.vmap(jax.vmap(self._kernel.postprocess_fn((), self._data))))
        return constrain({name: z[:, self._warmup :] for name, z in self._z.items()})
