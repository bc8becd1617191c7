"""Time that ``import pyro`` adds to ``import torch``, each time in a fresh interpreter.

The interpreter imports torch, and then the clock runs while it imports ``pyro``; what ``pyro``
brings along counts, what torch has brought already does not. The first interpreter, which may have
bytecode to write, is not counted.
"""

from __future__ import annotations

import subprocess
import sys

from harness.timing import emit

REPEATS = 5
CODE = """
import time
import torch
start = time.perf_counter()
import pyro
print(pyro.__version__, time.perf_counter() - start)
"""


def fresh_interpreter() -> tuple[str, float]:
    """The version of ``pyro``, and the seconds that its import took."""
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    library_version, seconds = done.stdout.split()
    return library_version, float(seconds)


if __name__ == "__main__":
    library_version, _ = fresh_interpreter()
    times = [fresh_interpreter()[1] for _ in range(REPEATS)]
    emit("import", {"import pyro, after torch": times}, library_version)
