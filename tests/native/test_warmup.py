"""Warm-up finds the step size and the metric, and divergences are reported with their places."""

from __future__ import annotations

import numpy as np
import pytest

from pyro.native import (
    DensitySpec,
    HmcConfig,
    KernelConfig,
    NutsConfig,
    Output,
    Sampler,
    run_chains,
    target,
)

SCALES = np.array([1e-3, 0.1, 1.0, 50.0])


@pytest.mark.parametrize(
    "config",
    [
        NutsConfig(),
        NutsConfig(rule="stan"),
        NutsConfig(metric="low_rank"),
        NutsConfig(metric="automatic"),
        NutsConfig(metric="dense"),
        NutsConfig(metric="dense", rule="stan"),
        NutsConfig(metric="dense", blocks=[[0, 3]]),
        HmcConfig(trajectory_length=1.5),
    ],
)
def test_scales_are_found(config: KernelConfig) -> None:
    # The rule `stan` adds some 1e-5 to variances: that is too much for the smallest of these.
    scales = SCALES if config.rule == "fisher" else np.maximum(SCALES, 0.1)
    sampler = Sampler(target("normal", 4, scales), config, np.full((2, 4), 0.01), seed=2)
    sampler.advance(1000, Output.allocate(2, 0, 4), first=-1000)
    found = sampler.inverse_metric() / scales**2
    assert found.min() > 0.3 and found.max() < 3
    if config.rule == "fisher":  # exact for a Gaussian, up to the draws' rounding
        np.testing.assert_allclose(found, 1, rtol=1e-3)


def rod(dim: int, condition: float) -> DensitySpec:
    """A normal density that is narrow across one diagonal: no scales of coordinates tell."""

    def density(x: np.ndarray) -> tuple[float, np.ndarray]:
        gradient = -x - (condition - 1) * x.mean()
        return 0.5 * float(x @ gradient), gradient

    return DensitySpec.from_callable(density, dim)


def test_a_correction_comes_when_it_pays() -> None:
    density, start = rod(20, 1000.0), np.random.default_rng(0).normal(size=(2, 20))
    steps, spread = {}, {}
    for metric in ("diagonal", "automatic"):
        config = NutsConfig(metric=metric, warmup=400)  # type: ignore[arg-type]
        output = run_chains(density, config, start, 3, 300).output
        steps[metric] = output.leapfrogs.mean()
        spread[metric] = output.draws.mean(2).std() * np.sqrt(20 * 1000)
    assert steps["diagonal"] > 40 and steps["automatic"] < 8
    # 600 draws: the standard deviation's error is 3 % of it.
    assert abs(spread["automatic"] - 1) < 0.15


@pytest.mark.parametrize("condition", [1.0, 10.0])
def test_no_correction_otherwise(condition: float) -> None:
    density, start = rod(5, condition), np.ones((2, 5))
    draws = {}
    for metric in ("diagonal", "automatic"):
        config = NutsConfig(metric=metric, warmup=200)  # type: ignore[arg-type]
        draws[metric] = run_chains(density, config, start, 3, 100).output.draws
    assert np.array_equal(draws["diagonal"], draws["automatic"])


# Stan's last window of 50 iterations ends before the average has forgotten how it began: over 60
# seeds it ends 0.105 (sd 0.018) above an aim of 0.6, and 0.063 (0.011) above 0.8. The rule "fisher"
# ends at most 0.013 (0.010) above. Each slack is four sd further, or more.
@pytest.mark.parametrize(
    ("rule", "target_accept", "slack"),
    [
        ("fisher", 0.6, 0.055),
        ("fisher", 0.8, 0.04),
        ("fisher", 0.95, 0.02),
        ("stan", 0.6, 0.18),
        ("stan", 0.8, 0.11),
        ("stan", 0.95, 0.03),
    ],
)
def test_the_step_size_meets_its_aim(rule: str, target_accept: float, slack: float) -> None:
    config = NutsConfig(target_accept=target_accept, rule=rule)  # type: ignore[arg-type]
    result = run_chains(target("normal", 50, np.ones(50)), config, np.zeros((4, 50)), 1, 500)
    assert abs(result.output.accept_statistic.mean() - target_accept) < slack


def test_nothing_is_adapted_unless_asked() -> None:
    config = NutsConfig(adapt_step_size=False, adapt_metric=False, step_size=0.37)
    density = target("normal", 2, [1.0, 9.0])
    sampler = Sampler(density, config, np.zeros((1, 2)), 0, inverse_metric=np.array([2.0, 3.0]))
    output = Output.allocate(1, 1100, 2)
    sampler.advance(1100, output)
    assert np.all(output.step_size == 0.37)
    assert np.array_equal(sampler.inverse_metric(), [[2.0, 3.0]])


@pytest.mark.parametrize("warmup", [0, 1, 5, 19, 20, 21, 149, 150, 151])
@pytest.mark.parametrize("rule", ["fisher", "stan"])
def test_short_warmups(warmup: int, rule: str) -> None:
    config = NutsConfig(warmup=warmup, rule=rule, step_size=0.5)  # type: ignore[arg-type]
    result = run_chains(target("normal", 3, np.ones(3)), config, np.ones((2, 3)), 0, 50)
    assert np.isfinite(result.output.draws).all()
    assert np.all(result.output.step_size == result.output.step_size[:, :1])


def test_statistics_belong_to_the_draws() -> None:
    density = target("schools", 10)
    sampler = Sampler(density, NutsConfig(warmup=100), np.zeros((2, 10)), 0)
    output = Output.allocate(2, 200, 10, gradients=True)
    sampler.advance(300, output, first=-100)
    assert output.gradients is not None
    for chain, row in ((0, 0), (1, 199)):
        value, gradient = density.value_and_gradient(output.draws[chain, row])
        assert value == output.log_density[chain, row]
        assert np.array_equal(gradient, output.gradients[chain, row])
    assert np.all(output.energy >= -output.log_density)
    assert np.all(output.leapfrogs < 2**output.tree_depth)
    assert np.all(2 * output.leapfrogs >= 2**output.tree_depth - 1)
    assert np.all((output.accept_statistic >= 0) & (output.accept_statistic <= 1))


def test_divergences_have_places() -> None:
    config = NutsConfig(warmup=200)
    sampler = Sampler(target("half", 3), config, np.ones((4, 3)), 1)
    output = Output.allocate(4, 1000, 3, divergences=5)
    sampler.advance(1200, output, first=-200)
    total = 0
    for chain, seen in enumerate(sampler.progress()):
        rows = output.divergence_rows[chain, : seen.divergence_rows]
        assert seen.divergence_rows == min(5, output.diverging[chain].sum())
        assert output.diverging[chain, rows].all()
        assert seen.divergences == output.diverging[chain].sum()
        total += seen.divergence_rows
        places = output.divergence_positions[chain, : seen.divergence_rows]
        assert np.all((places[:, 0] > 0) & (np.abs(places[:, 1:]).max(1) < 6))  # within the support
    assert total > 0


def test_outside_of_the_support_is_rejected() -> None:
    result = run_chains(target("half", 2), NutsConfig(), np.ones((2, 2)), 0, 500)
    assert result.output.draws[..., 0].min() > 0


@pytest.mark.parametrize("bad", [np.nan, -np.inf])
def test_a_gradient_or_value_of_nan_is_rejected(bad: float) -> None:
    def density(x: np.ndarray) -> tuple[float, np.ndarray]:
        return (bad, np.full(1, np.nan)) if x[0] > 1 else (-0.5 * float(x @ x), -x)

    spec = DensitySpec.from_callable(density, 1)
    result = run_chains(spec, NutsConfig(warmup=50), np.zeros((1, 1)), 0, 100)
    assert result.output.draws.max() <= 1 and result.output.draws.std() > 0


def test_a_position_that_is_in_a_bad_place_is_left() -> None:
    result = run_chains(target("normal", 2, [1, 1]), NutsConfig(), np.full((2, 2), 1e6), 0, 100)
    assert np.abs(result.output.draws).max() < 6


@pytest.mark.parametrize("config", [NutsConfig(), NutsConfig(rule="stan"), HmcConfig()])
def test_no_coordinates(config: KernelConfig) -> None:
    result = run_chains(target("normal", 0), config, np.zeros((2, 0)), 0, 50)
    assert result.output.draws.shape == (2, 50, 0)
    assert np.all(result.output.log_density == 0) and not result.output.diverging.any()
    empty = DensitySpec.from_callable(lambda x: (1.5, x), 0)
    assert np.all(run_chains(empty, config, np.zeros((1, 0)), 0, 5).output.log_density == 1.5)


@pytest.mark.parametrize("metric", ["diagonal", "low_rank", "automatic", "dense"])
def test_a_flat_density_ends(metric: str) -> None:
    config = NutsConfig(warmup=60, metric=metric)  # type: ignore[arg-type]
    result = run_chains(target("flat", 2), config, np.zeros((1, 2)), 0, 20)
    assert result.output.rows == 20


def test_no_chains() -> None:
    result = run_chains(target("flat", 2), NutsConfig(), np.zeros((0, 2)), 0, 20)
    assert result.output.draws.shape[0] == 0 and not result.interrupted
