"""Machine code in files, for the next process: a mapping from keys to bytes in one folder.

Nothing here is needed: a file that cannot be read, was cut short, or belongs to something else is a
miss; a folder that cannot be written stays as it is. Each process says so once.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import final

from pyro.logger import log

MAGIC = b"pyro machine code 1\n"
SUFFIX = ".code"
LIMIT = 256 * 2**20
_OFTEN = 32  # writes after which the size of the folder is looked at
_ABANDONED = 3600.0  # seconds after which nobody writes a file any more
_DIGEST = hashlib.sha256().digest_size


@final
class Folder(MutableMapping[str, bytes]):
    """Files in a folder, safe to use by many threads and processes at once.

    A file is written beside its place and then moved there, so that a reader sees all of it or
    nothing; it holds a digest of its content. When the folder has grown beyond ``limit``, the files
    that were used longest ago are deleted.

    :param path: the folder; it is made when something is written, readable by its owner only.
    :param limit: bytes that the folder may hold.

    Example::

        >>> import tempfile
        >>> from pathlib import Path
        >>> from pyro.compile.disk import Folder
        >>> with tempfile.TemporaryDirectory() as place:
        ...     objects = Folder(Path(place))
        ...     objects["a"] = b"code"
        ...     dict(objects)
        {'a': b'code'}
    """

    def __init__(self, path: Path, limit: int = LIMIT) -> None:
        self.path = path
        self.limit = limit
        self._writes = 0
        self._said: set[str] = set()

    def __getitem__(self, key: str) -> bytes:
        place = self._place(key)
        try:
            found = place.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            raise KeyError(key) from None
        except OSError as error:
            self._say("read", f"{place} cannot be read ({error.strerror}); code is made anew")
            raise KeyError(key) from None
        head, content = found[: len(MAGIC) + _DIGEST], found[len(MAGIC) + _DIGEST :]
        if head != MAGIC + hashlib.sha256(content).digest():
            self._say("damaged", f"{place} is damaged or not ours; it is made anew")
            raise KeyError(key)
        with contextlib.suppress(OSError):
            os.utime(place)  # it was used now
        return content

    def __setitem__(self, key: str, content: bytes) -> None:
        try:
            self._write(self._place(key), MAGIC + hashlib.sha256(content).digest() + content)
        except OSError as error:
            self._say(
                "write", f"{self.path} cannot be written ({error.strerror}); code is not kept"
            )
            return
        if self._writes % _OFTEN == 0:
            self._shrink()
        self._writes += 1

    def __delitem__(self, key: str) -> None:
        try:
            self._place(key).unlink()
        except FileNotFoundError:
            raise KeyError(key) from None

    def __iter__(self) -> Iterator[str]:
        return (file.name.removesuffix(SUFFIX) for file in self.path.glob(f"*{SUFFIX}"))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _place(self, key: str) -> Path:
        return self.path / f"{key}{SUFFIX}"

    def _write(self, place: Path, content: bytes) -> None:
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(dir=self.path, prefix=".writing-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.replace(beside, place)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(beside)
            raise

    def _shrink(self) -> None:
        """Delete what was used longest ago; others may do the same at the same time."""
        files = []
        for file in self.path.glob("*"):
            with contextlib.suppress(OSError):
                status = file.stat()
                if file.suffix == SUFFIX or status.st_mtime < time.time() - _ABANDONED:
                    files.append((status.st_mtime, status.st_size, file))
        total = sum(size for _, size, _ in files)
        for _, size, file in sorted(files):
            if total <= self.limit:
                return
            with contextlib.suppress(OSError):
                file.unlink()
            total -= size

    def _say(self, kind: str, message: str) -> None:
        if kind not in self._said:
            self._said.add(kind)
            log.warning("Cache of machine code: %s. PYRO_COMPILE_CACHE=0 switches it off.", message)
