"""Code is kept by structure, in memory and in files; whatever is found, the answer is right."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import pyro.distributions as dist
from pyro import settings
from pyro.compile import (
    NativeDensity,
    NotCapturable,
    cache,
    compile,
    compile_value_and_grad,
    program,
)

X = torch.tensor([0.3, -0.2], dtype=torch.float64)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder of files, and an empty memory."""
    monkeypatch.setenv("PYRO_CACHE_DIR", str(tmp_path))
    with settings.context(compile_cache=True):
        cache.clear()
        cache._files.cache_clear()
        yield tmp_path / "code"
    cache.clear()
    cache._files.cache_clear()


def density_of(data: Tensor) -> Callable[[Tensor], Tensor]:
    """With a constant array, special functions, a sort that torch executes, and a guard."""

    def log_density(x: Tensor) -> Tensor:
        rates = x.exp() * data[:, None]
        in_order = torch.sort(x + data[1:3]).values
        circle = dist.VonMises(x[0], x[1].exp(), validate_args=False).log_prob(data)
        return rates.lgamma().sum() + (in_order * data[:2]).sum() + circle.sum()

    return log_density


def check(density: NativeDensity, data: Tensor, x: Tensor = X) -> None:
    point = x.clone().requires_grad_()
    value = density_of(data)(point)
    (slope,) = torch.autograd.grad(value, point)
    torch.testing.assert_close(
        density.value_and_grad(x), (value.detach(), slope), rtol=1e-11, atol=1e-11
    )


def data(seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(5, generator=generator, dtype=torch.float64) + 0.5


def compiled(seed: int) -> NativeDensity:
    return compile_value_and_grad(density_of(data(seed)), X)


def test_new_data_use_the_code_in_memory() -> None:
    cache.clear()
    densities = [compiled(seed) for seed in range(3)]
    assert [d.report().origin for d in densities] == ["nowhere", "memory", "memory"]
    assert len({d.address for d in densities}) == 1
    for seed, density in enumerate(densities):
        check(density, data(seed))
        check(density, data(seed), torch.tensor([0.1, 7.0], dtype=torch.float64))  # the fallback
    assert densities[1].report().called_out == densities[0].report().called_out != ()
    assert densities[1].explain() == densities[0].explain()


def test_other_operations_called_out_are_not_mixed_up() -> None:
    cache.clear()
    both = [compile(lambda x: torch.sort(x).values), compile(lambda x: torch.cummin(x, 0).values)]
    x = torch.tensor([2.0, 3.0, 1.0])
    assert [f(x).tolist() for f in both] == [[1, 2, 3], [2, 2, 1]]


def test_a_literal_is_part_of_the_structure() -> None:
    cache.clear()
    shifts = (0.0, -0.0, 1.0, torch.nan, torch.inf)
    functions = [compile(lambda x, s=s: x.clamp(min=-5) * s) for s in shifts]
    found = [f(torch.ones(2))[0].item() for f in functions]
    assert [str(v) for v in found] == ["0.0", "-0.0", "1.0", "nan", "inf"]


def test_files_serve_a_new_process(files: Path) -> None:
    first = compiled(0)
    assert first.report().origin == "nowhere"
    assert list(files.glob("*.code"))
    cache.clear()
    second = compiled(1)
    assert second.report().origin == "file"
    assert "from a file" in str(second.report())
    check(second, data(1))
    assert second.explain() == first.explain()
    assert second.report().loops == first.report().loops


@pytest.mark.parametrize("content", [b"", b"garbage", None])
def test_damaged_files(
    files: Path, content: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    compiled(0)
    for file in files.iterdir():
        file.write_bytes(file.read_bytes()[:-5] if content is None else content)
    cache.clear()
    again = compiled(1)
    assert again.report().origin == "nowhere"
    check(again, data(1))
    assert caplog.text.count("is damaged or not ours") == 1
    cache.clear()
    assert compiled(2).report().origin == "file"


def test_a_folder_that_cannot_be_written(
    tmp_path: Path, files: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "in the way").write_text("")
    monkeypatch.setenv("PYRO_CACHE_DIR", str(tmp_path / "in the way"))
    for seed in range(2):
        cache.clear()
        check(compiled(seed), data(seed))
    assert caplog.text.count("cannot be") == 1


def test_another_compiler_finds_nothing(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled(0)
    for place in range(len(cache._surroundings())):
        cache.clear()
        changed = list(cache._surroundings())
        changed[place] = "other"
        with monkeypatch.context() as patch:
            patch.setattr(cache, "_surroundings", lambda found=tuple(changed): found)
            assert compiled(0).report().origin == "nowhere"


def test_wrong_code_in_a_file_is_found_and_made_anew(
    files: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As if two programs had one name: what the file holds is sound, but of another program."""

    def density(power: int) -> NativeDensity:
        return compile_value_and_grad(lambda x: -(x**power).sum(), X)

    def file_of(power: int) -> Path:
        return files / f"{cache._file_name(density(power)._program.key)}.code"

    first, second = file_of(4), file_of(6)
    second.write_bytes(first.read_bytes())
    cache.clear()
    again = density(6)
    assert again.report().origin == "nowhere"
    torch.testing.assert_close(again.value(X), -(X**6).sum())
    assert caplog.text.count("Machine code from a file was wrong") == 1
    cache.clear()
    assert density(6).report().origin == "file"


def test_an_edited_compiler_keeps_nothing(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its modules may be older than its files."""
    monkeypatch.setattr(cache, "_compiler", lambda: ())
    check(compiled(0), data(0))
    assert not list(files.glob("*.code"))


def test_it_can_be_switched_off(files: Path) -> None:
    with settings.context(compile_cache=False):
        check(compiled(0), data(0))
    assert not files.exists()
    with pytest.raises(ValueError, match="must be True or False"):
        settings.set(compile_cache="yes")


def test_where_files_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYRO_CACHE_DIR", "/a/b")
    assert cache.folder() == Path("/a/b")
    monkeypatch.delenv("PYRO_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", "/c")
    assert cache.folder() == Path("/c/pyro")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache.folder() == Path.home() / ".cache" / "pyro"


def test_a_failure_of_the_compiler_itself(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    cache.clear()

    def broken(*_: Any) -> Any:
        raise RuntimeError("LLVM says no\nand more")

    monkeypatch.setattr(program, "assemble", broken)
    with pytest.raises(NotCapturable, match="the compiler failed with RuntimeError: LLVM says no"):
        compiled(0)
    f = compile(lambda x: x.exp() + 1)
    with caplog.at_level("INFO", logger="pyro"):
        for _ in range(3):
            torch.testing.assert_close(f(X), X.exp() + 1)
    assert caplog.text.count("runs without compilation: the compiler failed") == 1


PROGRAM = """
import torch
from pyro.compile import compile_value_and_grad
from tests.compile.test_cache import X, check, compiled, data
density = compiled({seed})
check(density, data({seed}))
print(density.report().origin)
"""


@pytest.mark.slow
def test_processes_share_files_while_they_write_them(tmp_path: Path) -> None:
    environment = {**os.environ, "PYRO_CACHE_DIR": str(tmp_path), "PYRO_COMPILE_CACHE": "1"}

    def start(seed: int) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", PROGRAM.format(seed=seed)]
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)

    together = [start(seed) for seed in range(3)]
    for process in together:
        assert process.communicate(timeout=300)[0].strip() in ("nowhere", "file")
        assert process.returncode == 0
    later = start(9)
    assert later.communicate(timeout=300)[0].strip() == "file"
