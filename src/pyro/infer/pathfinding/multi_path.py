"""Pathfinder: a quick approximation of a posterior, and good places to start chains."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from pyro.infer.errors import InferenceError
from pyro.infer.model.compiled import try_compile
from pyro.infer.model.density import ModelDensity
from pyro.infer.model.initialization import Strategy, init_to_uniform
from pyro.infer.model.logdensity import LogDensity
from pyro.infer.model.start import find_start
from pyro.infer.model.vectorized import BatchedDensity
from pyro.infer.pathfinding.single import Path, single_path
from pyro.ops.psis import psis
from pyro.rng import new_seed


@dataclass(frozen=True)
class PathfinderResult:
    """An approximation of the posterior by the draws of several paths.

    :param samples: Values of the latent sites by name, resampled by smoothed importance weights, of
        shape ``(num_draws,) + shape of the site``.
    :param k_hat: The Pareto shape of the importance weights: below 0.7 the draws are a usable
        approximation; above, take them as places to start chains only.
    :param paths: The single paths; their draws are not weighted.
    """

    samples: dict[str, Tensor]
    k_hat: float
    paths: list[Path]
    points: Tensor = field(repr=False)
    posterior: ModelDensity = field(repr=False)

    @property
    def elbo(self) -> float:
        """The highest evidence lower bound of the paths."""
        return max(path.elbo for path in self.paths)

    @property
    def verdict(self) -> str:
        """What k-hat says, in words."""
        if self.k_hat < 0.7:
            return f"k-hat {self.k_hat:.2f}: the draws are a usable approximation"
        return (
            f"k-hat {self.k_hat:.2f} is above 0.7: the normal approximations do not cover the "
            "posterior. Use the draws to start chains (MCMC(..., initial_params=result."
            "initial_params(num_chains))), or reparameterise"
        )

    def initial_params(self, num_chains: int = 1) -> dict[str, Tensor]:
        """Places for chains to start, for ``MCMC(initial_params=...)``: unconstrained draws.

        :param num_chains: With several, the chains are leftmost.
        """
        chosen = torch.randperm(len(self.points), device="cpu")[:num_chains]
        if len(chosen) < num_chains:
            raise InferenceError(
                f"initial_params: there are {len(self.points)} draws for {num_chains} chains"
            )
        points = self.points[chosen].to(self.posterior.reference)
        return self.posterior.flat.unflatten(points if num_chains > 1 else points[0])


def pathfinder(
    model: Callable[..., Any],
    *args: Any,
    num_draws: int = 1000,
    num_paths: int = 4,
    num_elbo_draws: int = 10,
    history: int = 6,
    max_iterations: int = 1000,
    tolerance: float = 1e-8,
    init_strategy: Strategy = init_to_uniform,
    psis_resample: bool = True,
    model_kwargs: dict[str, Any] | None = None,
) -> PathfinderResult:
    r"""Approximate a posterior by normal laws found along quasi-Newton ascents.

    Each path climbs the log density by L-BFGS from a start of its own. At each step the gradients
    seen so far give a normal law; the one with the highest evidence lower bound is the path's
    approximation. The draws of all paths are resampled by Pareto-smoothed importance weights. It
    takes tens to hundreds of gradients per path.

    See Zhang, Carpenter, Gelman and Vehtari (2022), *Pathfinder: Parallel Quasi-Newton Variational
    Inference*, JMLR 23 (306).

    :param model: A function that calls ``pyro.sample``; ``args`` are its arguments.
    :param num_draws: How many draws are returned.
    :param num_paths: One is single-path Pathfinder.
    :param num_elbo_draws: Draws by which each candidate's ELBO is estimated.
    :param history: How many steps the Hessian's approximation remembers.
    :param max_iterations: Of each ascent.
    :param tolerance: The relative gain at which an ascent ends.
    :param init_strategy: How starts are chosen.
    :param psis_resample: Whether draws are weighted; without, all paths count the same.
    :param model_kwargs: Keyword arguments of the model.
    :raises InferenceError: if no path finds an approximation.
    :raises SiteError: if a latent site is discrete and has no finite support.

    Example::

        >>> from pyro.infer import pathfinder
        >>> def model(data):
        ...     loc = pyro.sample("loc", dist.Normal(0.0, 10.0))
        ...     scale = pyro.sample("scale", dist.LogNormal(0.0, 1.0))
        ...     with pyro.plate("data", len(data)):
        ...         pyro.sample("x", dist.Normal(loc, scale), obs=data)
        >>> result = pathfinder(model, 5 + torch.randn(100))
        >>> result.samples["loc"].shape, abs(result.samples["loc"].mean() - 5) < 0.5
        (torch.Size([1000]), tensor(True))
        >>> result.k_hat < 0.7
        True
    """
    _check(num_draws=num_draws, num_paths=num_paths, num_elbo_draws=num_elbo_draws)
    posterior = ModelDensity(model, *args, init=init_strategy, **(model_kwargs or {}))
    density = _fastest(posterior)
    generator = torch.Generator().manual_seed(new_seed())
    found = [
        single_path(
            density,
            find_start(posterior, density, init_strategy).double().cpu(),
            num_draws=num_draws,
            num_elbo_draws=num_elbo_draws,
            history=history,
            max_iterations=max_iterations,
            tolerance=tolerance,
            generator=generator,
        )
        for _ in range(num_paths)
    ]
    paths = [path for path in found if path is not None and _has_weight(path)]
    if not paths:
        raise InferenceError(
            f"pathfinder: none of {num_paths} paths found an approximation: the log density is "
            "flat or not finite around the starts. Try another init_strategy."
        )
    if len(paths) < num_paths:
        warnings.warn(
            f"pathfinder: {num_paths - len(paths)} of {num_paths} paths found no approximation",
            UserWarning,
            stacklevel=2,
        )
    return _result(posterior, paths, num_draws, psis_resample, generator)


def _result(
    posterior: ModelDensity,
    paths: list[Path],
    count: int,
    resample: bool,
    generator: torch.Generator,
) -> PathfinderResult:
    draws = torch.cat([path.draws for path in paths])
    smoothed, k_hat = psis(torch.cat([path.log_weights for path in paths]))
    if resample:
        chosen = torch.multinomial(smoothed.softmax(0), count, True, generator=generator)
    else:
        chosen = torch.randperm(len(draws), generator=generator, device="cpu")[:count]
    points = draws[chosen]
    samples = posterior.constrain(points.to(posterior.reference))
    return PathfinderResult(samples, float(k_hat), paths, points, posterior)


def _fastest(posterior: ModelDensity) -> LogDensity:
    compiled = try_compile(posterior).density
    if compiled is not None:
        return compiled
    return _Casting(BatchedDensity(posterior))


class _Casting:
    """A density of points in double precision on the CPU, wherever its model is."""

    def __init__(self, density: BatchedDensity) -> None:
        self._density = density
        self._like = density.posterior.reference

    @property
    def dim(self) -> int:
        return self._density.dim

    def value(self, x: Tensor) -> Tensor:
        return self._density.value(x.to(self._like)).double().cpu()

    def value_and_grad(self, x: Tensor) -> tuple[Tensor, Tensor]:
        value, grad = self._density.value_and_grad(x.to(self._like))
        return value.double().cpu(), grad.double().cpu()


def _has_weight(path: Path) -> bool:
    return bool(path.log_weights.isfinite().any())


def _check(**counts: int) -> None:
    for name, count in counts.items():
        if count < 1:
            raise InferenceError(f"pathfinder: {name} must be at least 1, but got {count}")
