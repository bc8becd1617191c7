"""What every test stands on: one thread, a known seed, an empty store; a clean stack and unchanged
settings after it."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from pyro import settings
from pyro.compile import switch
from pyro.params.param_store import PARAM_STORE
from pyro.runtime import STATE, stack_depth

ROOT = Path(__file__).resolve().parents[1]

torch.set_num_threads(1)
os.environ["PYRO_COMPILE_CACHE"] = "0"  # for processes that tests start
switch.CACHE = False  # no code of earlier runs
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in the background of a shell
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _clean_state() -> Iterator[None]:
    """Seeds and an empty parameter store before a test; nothing left installed after it."""
    PARAM_STORE.clear()
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    options = settings.get()
    yield
    depth, plates = stack_depth(), [name for name in STATE.plate_names if name is not None]
    STATE.stack.clear()
    STATE.plate_names.clear()
    PARAM_STORE.clear()
    changed = {name: value for name, value in settings.get().items() if value != options[name]}
    settings.set(**{name: options[name] for name in changed})
    assert not changed, f"settings were left changed: {changed}"
    assert depth == 0, f"{depth} handlers were left on the effect stack"
    assert not plates, f"batch dimensions were left allocated to the plates {plates}"


@pytest.fixture(scope="session")
def posteriordb() -> Path:
    """The folder of real posteriors with their reference answers, or a skip with the reason."""
    named = os.environ.get("PYRO_POSTERIORDB")
    folder = Path(named) if named else ROOT.parent / "shared" / "posteriordb"
    if not (folder / "reference.json").is_file():
        how = "PYRO_POSTERIORDB does not name" if named else "PYRO_POSTERIORDB is not set to"
        pytest.skip(f"{how} a folder with reference.json ({folder} has none)")
    return folder
