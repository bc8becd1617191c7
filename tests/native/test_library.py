"""Without the library everything imports, and says what is missing."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from pyro import native
from pyro.errors import NativeLibraryError
from pyro.native import library


def test_the_library_is_built() -> None:
    assert native.available(), native.why_not()
    assert native.why_not() is None


def test_an_absent_library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(library, "library", lambda: library.load(tmp_path / "samplers.native.so"))
    assert not native.available()
    assert "make native" in str(native.why_not())
    monkeypatch.setattr("pyro.native.sampler.library", library.library)
    density = native.DensitySpec.from_callable(lambda x: (-0.5 * x @ x, -x), 1)
    with pytest.raises(NativeLibraryError, match="not built"):
        native.Sampler(density, native.NutsConfig(), np.zeros((1, 1)), 0)


def test_a_file_that_is_no_library(tmp_path: Path) -> None:
    (tmp_path / "samplers.native.so").write_bytes(b"no library")
    with pytest.raises(NativeLibraryError, match="cannot be loaded"):
        library.load(tmp_path / "samplers.native.so")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("", "cannot be loaded"),
        ('extern "C" long long pyro_interface() { return 1; }', "cannot be loaded"),
    ],
    ids=["no functions", "too few functions"],
)
def test_another_library(tmp_path: Path, body: str, message: str) -> None:
    source, built = tmp_path / "other.cpp", tmp_path / "samplers.native.so"
    source.write_text(body, encoding="utf-8")
    subprocess.run(["c++", "-shared", "-fPIC", source, "-o", built], check=True)
    with pytest.raises(NativeLibraryError, match=message):
        library.load(built)


def test_another_interface(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "INTERFACE", 0)
    with pytest.raises(NativeLibraryError, match=r"has interface \d+, and .* needs 0"):
        library.load(library.FILE)
