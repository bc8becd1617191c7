"""The cache of machine code in files: whatever happens to a file, the answer is right or a miss."""

from __future__ import annotations

import errno
import multiprocessing
import os
import threading
from pathlib import Path

import pytest

from pyro.compile import disk
from pyro.compile.disk import Folder


def test_it_is_a_mapping_that_outlives_its_object(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "deep" / "er")
    assert len(folder) == 0
    assert folder.get("a") is None
    folder["a"], folder["b"] = b"one", b"\0" * 1000
    folder["a"] = b"two"
    again = Folder(folder.path)
    assert dict(again) == {"a": b"two", "b": b"\0" * 1000}
    del again["a"]
    assert list(folder) == ["b"]
    with pytest.raises(KeyError):
        del folder["a"]
    assert folder.path.stat().st_mode & 0o077 == 0


DAMAGE = {
    "empty": lambda c: b"",
    "cut": lambda c: c[:-1],
    "cut in the head": lambda c: c[:30],
    "longer": lambda c: c + b"x",
    "one bit": lambda c: c[:-3] + bytes([c[-3] ^ 1]) + c[-2:],
    "older": lambda c: c.replace(b"code 1", b"code 0", 1),
    "foreign": lambda c: b"#!/bin/sh\necho hello\n" * 9,
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_files_are_misses_and_written_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    folder = Folder(tmp_path)
    folder["a"], folder["b"] = b"some machine code", b"more machine code"
    for file in tmp_path.glob("*.code"):
        file.write_bytes(DAMAGE[name](file.read_bytes()))
    assert folder.get("a") is None
    assert folder.get("b") is None
    assert [r.getMessage() for r in caplog.records if "damaged or not ours" in r.getMessage()] == [
        caplog.records[0].getMessage()
    ], "one message for each process"
    folder["a"] = b"new"
    assert folder["a"] == b"new"


def test_a_folder_that_cannot_be_made(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("in the way")
    folder = Folder(tmp_path / "file" / "cache")
    folder["a"] = b"x"
    folder["b"] = b"x"
    assert "a" not in folder
    said = [r.getMessage() for r in caplog.records]
    assert sum("cannot be written" in message for message in said) == 1
    assert all("PYRO_COMPILE_CACHE=0" in message for message in said)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_a_folder_that_is_read_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = Folder(tmp_path)
    folder["a"] = b"x"
    tmp_path.chmod(0o500)
    folder["b"] = b"x"
    assert dict(folder) == {"a": b"x"}
    assert "cannot be written" in caplog.text


def test_a_full_disk_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder = Folder(tmp_path)
    folder["a"] = b"x"

    def full(source: str, target: str) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(disk.os, "replace", full)
    folder["b"] = b"y"
    folder["c"] = b"y"
    assert [f.name for f in tmp_path.iterdir()] == ["a.code"]
    assert caplog.text.count("No space left on device") == 1


def test_the_files_used_longest_ago_go_first(tmp_path: Path) -> None:
    folder = Folder(tmp_path, limit=5000)
    for k in range(4):
        folder[str(k)] = b"x" * 1000
        os.utime(tmp_path / f"{k}.code", (k, k))
    assert folder["0"]  # used now
    fresh = Folder(tmp_path, limit=3500)
    fresh["new"] = b"x" * 1000
    assert set(fresh) == {"0", "3", "new"}


def write_and_read(path: Path, seed: int) -> None:
    folder = Folder(path, limit=20_000)
    for k in range(60):
        key = str(k % 7)
        expected = (key * 500).encode()
        assert folder.get(key, expected) == expected
        folder[key] = expected
        if (k + seed) % 11 == 0:
            folder._shrink()


def test_threads_and_processes_write_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=write_and_read, args=(tmp_path, s)) for s in range(3)]
    threads = [threading.Thread(target=write_and_read, args=(tmp_path, s)) for s in range(3)]
    for w in (*workers, *threads):
        w.start()
    for w in (*workers, *threads):
        w.join()
    assert [w.exitcode for w in workers] == [0, 0, 0]
    assert not list(tmp_path.glob(".writing-*"))
    assert all(v == (k * 500).encode() for k, v in Folder(tmp_path).items())
