"""Files of tensors and plain data: written atomically, read without running any code."""

from __future__ import annotations

import io
import os
import pickle
import tempfile
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from pyro.errors import CheckpointError

VERSION = 1
PathLike = str | os.PathLike[str]


def write(filename: PathLike, kind: str, content: Mapping[str, Any]) -> None:
    """Write tensors and plain data to ``filename``; the old file stays intact until all is written.

    :param kind: What the file is, e.g. ``"pyro.params"``; :func:`read` asks for the same.
    :param content: Nested dicts, lists and tuples of tensors, numbers, strings, bools and None.
    """
    path = Path(filename)
    buffer = io.BytesIO()  # torch hides why a file could not be written
    torch.save({"format": kind, "version": VERSION, **content}, buffer)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(buffer.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        _copy_mode(path, temporary)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read(filename: PathLike, kind: str, map_location: Any = None) -> dict[str, Any]:
    """Read what :func:`write` wrote; a file that holds anything but plain data is refused.

    :param map_location: As in :func:`torch.load`.
    :raises CheckpointError: if the file is not of this kind or is not safe to load.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the reader, about files that it goes on to refuse
            payload = torch.load(filename, map_location=map_location, weights_only=True)
    except FileNotFoundError:
        raise
    except (
        pickle.UnpicklingError,
        RuntimeError,
        EOFError,
        ValueError,
        zipfile.BadZipFile,
    ) as error:
        raise CheckpointError(
            f"{os.fspath(filename)}: expected a {kind!r} file (tensors and plain data), but it "
            "cannot be read as one. It is damaged, of another kind, or a pickle that would run "
            "code when loaded, which is refused."
        ) from error
    found = payload.get("format") if isinstance(payload, dict) else None
    if found != kind:
        raise CheckpointError(
            f"{os.fspath(filename)}: expected a {kind!r} file, found {_describe(payload, found)}"
        )
    if payload["version"] > VERSION:
        raise CheckpointError(
            f"{os.fspath(filename)}: format version {payload['version']} is newer than the latest "
            f"this release reads, {VERSION}. Upgrade to load it."
        )
    return dict(payload)


def _copy_mode(path: Path, temporary: str) -> None:
    """Give a temporary file (created private) the permissions that a plain open() would give."""
    if path.exists():
        mode = path.stat().st_mode & 0o777
    else:
        mask = os.umask(0)
        os.umask(mask)
        mode = 0o666 & ~mask
    os.chmod(temporary, mode)


def _describe(payload: Any, found: Any) -> str:
    if isinstance(found, str):
        return f"a {found!r} file"
    if isinstance(payload, dict):
        keys = ", ".join(repr(key) for key in list(payload)[:5])
        return f"a dict with keys [{keys}{', ...' if len(payload) > 5 else ''}]"
    return f"an object of type {type(payload).__name__}"
