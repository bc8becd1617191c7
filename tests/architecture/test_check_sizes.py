"""The size check finds what is too long, and only that."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import check_sizes

ROOT = Path(__file__).resolve().parents[2]


def function(lines: int, *, docstring: int = 0, decorators: int = 0, prefix: str = "") -> str:
    """The source of a function with that many lines from ``def``, and more around it."""
    text = [f"{prefix}def f():"] + ["    x = 1"] * (lines - 1)
    if docstring:
        text[1:1] = ['    """One.'] + ["    more"] * (docstring - 2) + ['    """']
    return "\n".join(["@decorator"] * decorators + text) + "\n"


@pytest.mark.parametrize(
    ("source", "broken"),
    [
        ("", 0),
        (function(60), 0),
        (function(61), 1),
        (function(61, prefix="async "), 1),
        (function(60, docstring=20), 0),
        (function(61, docstring=20), 1),
        (function(60, decorators=5), 0),
        (function(61) + function(61), 2),
        ("x = 1\n" * 450, 0),
        ("x = 1\n" * 451, 1),
    ],
)
def test_limits(source: str, broken: int) -> None:
    assert len(check_sizes.offenders(source, "src/pyro/made_up.py")) == broken


def test_methods_and_inner_functions_count() -> None:
    body = function(61).replace("\n", "\n        ")
    assert len(check_sizes.offenders(f"class A:\n    if x:\n        {body}", "a.py")) == 1


def test_minipyro_has_a_limit_of_its_own() -> None:
    source = "x = 1\n" * 401
    assert check_sizes.offenders(source, "src/pyro/contrib/minipyro.py")
    assert not check_sizes.offenders(source, "src/pyro/contrib/other.py")


def test_main_lists_offenders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "long.py").write_text(function(100))
    assert check_sizes.main(tmp_path) == 1
    assert capsys.readouterr().out == "src/long.py:1: function f has 100 lines, limit 60\n"
    (tmp_path / "src" / "long.py").write_text(function(10))
    assert check_sizes.main(tmp_path) == 0
