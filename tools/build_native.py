"""Builds the native samplers beside their Python files, without installing anything.

For a checkout that is used through ``PYTHONPATH``; an installation builds them itself. Needs CMake
and a C++20 compiler. Run as ``python tools/build_native.py``.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def find_cmake() -> str:
    """CMake of this environment, or of the system.

    :raises SystemExit: if there is none.
    """
    beside = Path(sys.executable).with_name("cmake")
    found = str(beside) if beside.is_file() else shutil.which("cmake")
    if found is None:
        raise SystemExit("CMake is needed: `pip install cmake`, or `make native`, which brings it")
    return found


def main(root: Path = ROOT) -> int:
    """Configure and build in ``build/native``."""
    cmake, build = find_cmake(), root / "build" / "native"
    configure = [cmake, "-S", str(root / "native"), "-B", str(build), "-DCMAKE_BUILD_TYPE=Release"]
    for command in (configure, [cmake, "--build", str(build)]):
        code = subprocess.run(command, check=False).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
