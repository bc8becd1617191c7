"""The examples whose discrete sites are summed out."""

import importlib
from pathlib import Path

import pytest


def test_capture_recapture_finds_the_published_estimates() -> None:
    """Lebreton et al. (1992): phi = 0.560, p = 0.903 with deviance 666.84; with floods, phi = 0.607
    and 0.469, p = 0.900, deviance 660.10."""
    constant, floods = importlib.import_module("capture_recapture").main(num_steps=200)
    assert constant == pytest.approx({"phi": 0.560, "p": 0.903, "deviance": 666.84}, abs=0.01)
    published = {"phi usual": 0.607, "phi flood": 0.469, "p": 0.900, "deviance": 660.10}
    assert floods == pytest.approx(published, abs=0.01)


def test_a_mixture_finds_the_species_of_irises() -> None:
    assert importlib.import_module("mixture").main(num_steps=400) > 0.95


def test_hidden_markov_models_of_chorales(tmp_path: Path) -> None:
    """Each model explains held-out chorales better after a few steps of training."""
    hmm = importlib.import_module("hmm")
    before = hmm.main(num_steps=0, count=15, folder=str(tmp_path))
    after = hmm.main(num_steps=12, count=15, folder=str(tmp_path))
    assert set(after) == {
        "first order",
        "second order",
        "factorial",
        "neural notes",
        "neural moves",
    }
    for name, loss in after.items():
        assert loss < 0.97 * before[name], name


def test_topics_of_chorales_beat_the_frequencies_of_notes(tmp_path: Path) -> None:
    lda = importlib.import_module("lda")
    assert lda.main(num_steps=150, count=20, folder=str(tmp_path)) < 10.0


def test_random_effects_of_melodies(tmp_path: Path) -> None:
    results = importlib.import_module("mixed_hmm").main(5, count=15, folder=str(tmp_path))
    assert list(results) == ["no random effects", "of the mode", "of the melody", "of both"]
    assert all(1000 < aic < 5000 for aic in results.values())


def test_the_digit_of_the_vae_can_be_enumerated(tmp_path: Path) -> None:
    ss_vae = importlib.import_module("ss_vae")
    assert ss_vae.main(num_epochs=10, folder=str(tmp_path), enumerate_digit=True) > 0.7
