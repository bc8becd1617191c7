"""The analyses of real data find the published answers, in versions that take seconds."""

import importlib
from pathlib import Path

import pytest
import torch


def test_baseball_partial_pooling_predicts_the_rest_of_the_season(tmp_path: Path) -> None:
    """Efron and Morris (1975): squared errors 0.077 of own averages, 0.022 of Stein's estimator.
    Uniform priors pull an own average a little, to 0.071; the tolerances are for Monte Carlo."""
    fits = importlib.import_module("baseball").main(num_samples=250, folder=str(tmp_path))
    assert fits["not pooled"].squared_error == pytest.approx(0.071, abs=0.006)
    assert fits["partially pooled"].squared_error == pytest.approx(0.022, abs=0.004)
    assert fits["partially pooled"].log_score > fits["not pooled"].log_score + 5
    assert fits["partially pooled"].covered > 0.8  # 14 of 18 where 16 are expected: 0.95 by chance
    assert (tmp_path / "baseball.png").stat().st_size > 1000


def test_eight_schools_guides_are_judged_and_corrected(tmp_path: Path) -> None:
    """Mean field cannot be right in the funnel; the flow is, after weighting. The posterior's means
    are 4.4 and 3.6 with standard deviations above 3, of which 1.0 is a third."""
    module = importlib.import_module("eight_schools_guides")
    report, _ = module.fit(module.centred, module.AutoNormal, 400)
    assert report.verdict == "bad"
    report, _ = module.fit(module.non_centred, module.AutoIAFNormal, 600)
    assert report.k_hat < 0.7
    summary = report.summary()
    for name, (mean, sd) in module.EXACT.items():
        assert float(summary[name]["mean"]) == pytest.approx(mean, abs=1.0), name
        assert float(summary[name]["sd"]) == pytest.approx(sd, rel=0.35), name
    module.plot({"flow": report}, str(tmp_path))
    assert (tmp_path / "eight_schools_guides.png").stat().st_size > 1000


def test_hierarchical_regression_agrees_with_restricted_maximum_likelihood(tmp_path: Path) -> None:
    """lme4: 251.4 (6.8) ms, 10.5 (1.5) ms per day, noise 25.6 ms. Posterior means of 4 x 200 draws
    have Monte Carlo errors below a tenth of these standard errors: 0.3 of them is safe."""
    module = importlib.import_module("hierarchical_regression")
    found = module.main(num_samples=200, num_steps=20, folder=str(tmp_path))
    intercept, slope = found["population"].mean(0).tolist()
    assert intercept == pytest.approx(251.4, abs=2.0) and slope == pytest.approx(10.5, abs=0.5)
    assert found["sigma"].mean().item() == pytest.approx(25.6, abs=1.0)
    assert found["error pooled partially"] < found["error each alone"] - 2
    slopes, alone = found["line"][..., 1].mean(0), module.unpooled_lines(module.data())[:, 1]
    assert slopes.std() < alone.std()  # pulled towards each other
    assert (tmp_path / "hierarchical_regression.png").stat().st_size > 1000


def test_item_response_agrees_with_marginal_maximum_likelihood(tmp_path: Path) -> None:
    """Bock and Aitkin (1981). Posterior means may differ from the mode by a fraction of the
    posterior's standard deviations, about 0.25 of slopes and 0.15 of intercepts."""
    module = importlib.import_module("item_response")
    assert module.COUNTS.sum() == 1000
    right = (module.COUNTS @ module.PATTERNS / 1000).tolist()
    assert right == pytest.approx([0.924, 0.709, 0.553, 0.763, 0.870], abs=1e-3)  # as published
    found = module.main(num_samples=100, num_steps=20, folder=str(tmp_path))
    for name, tolerance in (("slope", 0.15), ("intercept", 0.1)):
        published = module.PUBLISHED[name]
        assert found[name].mean(0).tolist() == pytest.approx(published, abs=tolerance), name
    low, high = found["scores"].min(0).values, found["scores"].max(0).values
    observed = torch.tensor(module.observed_scores())
    assert ((low <= observed) & (observed <= high)).all()
    assert (tmp_path / "item_response.png").stat().st_size > 1000


def test_logistic_growth_holds_for_yeast_and_fails_for_the_census(tmp_path: Path) -> None:
    """Pearl and Reed (1920) found 197.3 million; the yeast ends at 665 by Pearl."""
    module = importlib.import_module("logistic_growth")
    found = module.main(num_samples=200, num_steps=400, folder=str(tmp_path))
    (_, yeast), (_, census) = found["yeast"], found["United States"]
    low, high = torch.quantile(yeast.capacity, torch.tensor([0.025, 0.975]).to(yeast.capacity))
    assert low < 665 < high and yeast.covered > 0.9
    assert census.capacity.median().item() == pytest.approx(197.3, abs=15.0)
    assert census.covered < 0.8  # from 1960 on
    assert (tmp_path / "logistic_growth.png").stat().st_size > 1000


def test_sparse_regression_lets_the_known_causes_escape(tmp_path: Path) -> None:
    """Least angle regression finds bmi and s5 first, then bp. With 64 columns of which most are
    noise, least squares loses; a difference of 0.2 nats for each of 100 patients is no chance."""
    module = importlib.import_module("sparse_regression")
    scores, escaped = module.main(num_samples=150, folder=str(tmp_path))
    assert set(escaped[:3]) == {"bmi", "s5", "bp"} and len(escaped) < 12
    assert scores["horseshoe, 64 columns"] > scores["least squares, 64 columns"] + 0.1
    assert abs(scores["horseshoe, 64 columns"] - scores["lasso, 64 columns"]) < 0.05
    assert (tmp_path / "sparse_regression.png").stat().st_size > 1000


def test_bayesian_network_knows_that_severe_cases_vary_more(tmp_path: Path) -> None:
    """The share of 442 patients in intervals that are right has a standard error of 0.014; least
    squares has 86 % of severe cases. Training varies less than that."""
    module = importlib.import_module("bayesian_network")
    found = module.main(num_steps=500, folds=2, folder=str(tmp_path))
    network, linear = found["network"], found["least squares"]
    assert abs(network.covered.mean().item() - 0.9) < 0.05
    assert module.halves(linear)[1] < 0.88 < module.halves(network)[1] + 0.02
    severe = network.mean > network.mean.median()
    width = network.high - network.low
    assert width[severe].mean() > 1.2 * width[~severe].mean()  # where least squares has equal ones
    gain = network.log_density.mean() - linear.log_density.mean()
    assert gain > -0.05  # nats per patient: not overconfident for all its weights
    assert (tmp_path / "bayesian_network.png").stat().st_size > 1000
