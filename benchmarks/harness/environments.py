"""The two environments: ours, and the peer's, which is made when it is missing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

BENCHMARKS = Path(__file__).resolve().parents[1]
ROOT = BENCHMARKS.parent
REQUIREMENTS = BENCHMARKS / "peer-requirements.txt"
PEER_FOLDER = ROOT / ".venv-bench-peer"


class Environment(NamedTuple):
    """An interpreter, and the folders that it finds modules in beside its own packages."""

    name: str
    python: Path
    path: tuple[Path, ...]

    def variables(self) -> dict[str, str]:
        """The variables of a worker's process; nothing of the caller's paths is passed on."""
        path = os.pathsep.join(map(str, self.path))
        return os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def ours() -> Environment:
    """The interpreter that runs this, with the checkout's source."""
    shared = (BENCHMARKS, ROOT / "examples")
    return Environment("ours", Path(sys.executable), (ROOT / "src", *shared))


def peer(python: Path | None) -> Environment:
    """The given interpreter, or the one of an environment that is made on first use."""
    return Environment("peer", python or made_peer(), (BENCHMARKS, ROOT / "examples"))


def made_peer(folder: Path = PEER_FOLDER) -> Path:
    """The interpreter of the peer's environment; installs it unless it is complete."""
    python = folder / "bin" / "python"
    stamp = folder / ".installed"
    wanted = REQUIREMENTS.read_text(encoding="utf-8") + (ROOT / "constraints.txt").read_text(
        "utf-8"
    )
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    print(f"making the peer's environment in {folder.name}", file=sys.stderr, flush=True)
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    (folder / ".gitignore").write_text("*\n", encoding="utf-8")
    constraints = ROOT / "constraints.txt"
    install = [str(python), "-m", "pip", "install", "--quiet", "-c", str(constraints)]
    subprocess.run([*install, torch_pin(constraints.read_text(encoding="utf-8"))], check=True)
    subprocess.run([*install, "-r", str(REQUIREMENTS), "tqdm"], check=True)
    stamp.write_text(wanted, encoding="utf-8")
    return python


def torch_pin(constraints: str) -> str:
    """The line ``torch==...``: installed first, so that nothing chooses another build."""
    found = re.search(r"^torch==\S+", constraints, re.MULTILINE)
    if found is None:
        raise ValueError("constraints.txt has no line torch==...")
    return found.group()
