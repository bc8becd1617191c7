"""The import contracts hold for the source, and fail on a copy in which one is broken."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

VIOLATIONS = {
    "a module without a layer": ("unheard_of.py", "", "layers"),
    "a package without a layer": ("unheard_of/__init__.py", "", "layers"),
    "an import upwards": ("errors.py", "import pyro.runtime as runtime", "layers"),
    "an import upwards of a module": ("errors.py", "from pyro import settings", "layers"),
    "an import upwards in a function": ("errors.py", "def f():\n    import pyro.runtime", "layers"),
    "an import upwards for types": (
        "errors.py",
        "import typing\nif typing.TYPE_CHECKING:\n    import pyro.runtime",
        "layers",
    ),
    "an import between siblings": ("errors.py", "import pyro.version", "layers"),
    "an import upwards among chains": (
        "infer/mcmc/engines/task.py",
        "import pyro.infer.mcmc.hamiltonian",
        "chains",
    ),
    "an import upwards among runs": (
        "infer/fit/steps/call.py",
        "import pyro.infer.fit.compiled.tape",
        "runs",
    ),
    "an import upwards among steps": (
        "infer/fit/steps/taken.py",
        "import pyro.infer.fit.steps.maker",
        "steps",
    ),
    "an engine that decides": (
        "infer/fit/graph/tape.py",
        "import pyro.infer.fit.steps.stage",
        "engines",
    ),
    "the facade": ("settings.py", "import pyro", "facade"),
    "a name of the facade": ("settings.py", "from pyro import sample", "facade"),
    "the facade, from deep inside": ("ops/deep.py", "from pyro import sample", "facade"),
    "contrib from below": ("settings.py", "import pyro.contrib.minipyro", "layers"),
}


def lint(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run import-linter on the source below a folder, with the project's own contracts.

    Without the ``site`` module, so that an editable installation does not come before the folder.
    """
    path = ["src", *(entry for entry in sys.path if entry)]
    code = (
        f"import sys; sys.path[:] = {path}; "
        "from importlinter.cli import lint_imports_command as main; main()"
    )
    return subprocess.run(
        [sys.executable, "-S", "-c", code, "--no-cache", *options],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the source and of the contracts, to break something in."""
    shutil.copytree(ROOT / "src", tmp_path / "src")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "src" / "pyro" / "__init__.py").touch()
    for package in ("contrib", "ops"):
        (tmp_path / "src" / "pyro" / package).mkdir(exist_ok=True)
        (tmp_path / "src" / "pyro" / package / "__init__.py").touch()
    (tmp_path / "src" / "pyro" / "contrib" / "minipyro.py").touch()
    return tmp_path


@pytest.mark.parametrize("what", VIOLATIONS)
def test_a_violation_breaks_its_contract(what: str, copy: Path) -> None:
    name, text, contract = VIOLATIONS[what]
    path = copy / "src" / "pyro" / name
    path.parent.mkdir(exist_ok=True)
    with path.open("a") as file:
        file.write(f"\n{text}\n")
    done = lint(copy, "--contract", contract)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "BROKEN" in done.stdout


@pytest.mark.parametrize("contract", ["layers", "chains", "runs", "facade"])
def test_the_source_keeps_its_contracts(contract: str, copy: Path) -> None:
    done = lint(copy, "--contract", contract)
    assert done.returncode == 0, done.stdout + done.stderr
