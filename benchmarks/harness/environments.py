"""The environments: ours, and one per peer, which is made when it is missing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

BENCHMARKS = Path(__file__).resolve().parents[1]
ROOT = BENCHMARKS.parent
REQUIREMENTS = BENCHMARKS / "peers"
SHARES_TORCH = frozenset({"pyro-ppl"})  # has torch and all else in our versions


class Environment(NamedTuple):
    """An interpreter, and the folders that it finds modules in beside its own packages."""

    name: str
    python: Path
    path: tuple[Path, ...]

    def variables(self) -> dict[str, str]:
        """The variables of a worker's process.

        Nothing of the caller's paths is passed on, and ours keeps no code for later processes; but
        Python keeps its bytecode, which installed packages have, too.
        """
        path = os.pathsep.join(map(str, self.path))
        fixed = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYRO_COMPILE_CACHE": "0"}
        return os.environ | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": ""} | fixed


def peer_names() -> list[str]:
    """The peers: one file of requirements each."""
    return sorted(path.stem for path in REQUIREMENTS.glob("*.txt"))


def variable(name: str) -> str:
    """The variable of the process that may name a peer's interpreter."""
    return f"PYRO_BENCH_{name.replace('-', '_').upper()}_PYTHON"


def ours() -> Environment:
    """The interpreter that runs this, with the checkout's source."""
    shared = (BENCHMARKS, ROOT / "examples")
    return Environment("ours", Path(sys.executable), (ROOT / "src", *shared))


def peer(name: str, python: Path | None = None) -> Environment:
    """The given interpreter, else the variable's, else one that is made on first use."""
    named = os.environ.get(variable(name))
    found = python or (Path(named) if named else made(name))
    return Environment(name, found, (BENCHMARKS, ROOT / "examples"))


def environment(name: str, pythons: Mapping[str, Path]) -> Environment:
    """Ours, or that of a peer; ``pythons`` are the interpreters that the command line names."""
    return ours() if name == "ours" else peer(name, pythons.get(name))


def made(name: str) -> Path:
    """The interpreter of a peer's environment; installs it unless it is complete."""
    folder = ROOT / f".venv-bench-{name}"
    python, stamp = folder / "bin" / "python", folder / ".installed"
    steps = installation(name)
    wanted = "\n".join(" ".join(step) for step in steps) + _texts(name)
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    print(f"making the environment of {name} in {folder.name}", file=sys.stderr, flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
    (folder / ".gitignore").write_text("*\n", encoding="utf-8")
    for step in steps:
        install = [str(python), "-m", "pip", "install", "--quiet", *step]
        subprocess.run(install, check=True, cwd=ROOT)
    stamp.write_text(wanted, encoding="utf-8")
    return python


def installation(name: str) -> list[list[str]]:
    """The arguments of ``pip install``, step by step.

    Where torch is shared it comes first, so that nothing chooses another build.
    """
    requirements = f"benchmarks/peers/{name}.txt"
    if name not in SHARES_TORCH:
        return [["-r", requirements]]
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    constrained = ["-c", "constraints.txt"]
    return [[*constrained, torch_pin(constraints)], [*constrained, "-r", requirements]]


def _texts(name: str) -> str:
    files = [REQUIREMENTS / f"{name}.txt"]
    if name in SHARES_TORCH:
        files.append(ROOT / "constraints.txt")
    return "".join(file.read_text(encoding="utf-8") for file in files)


def torch_pin(constraints: str) -> str:
    """The line ``torch==...``: installed first, so that nothing chooses another build."""
    found = re.search(r"^torch==\S+", constraints, re.MULTILINE)
    if found is None:
        raise ValueError("constraints.txt has no line torch==...")
    return found.group()
