"""Locks that say who is at work."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path
from typing import Any

import pytest

from esframework.filesystem.locks import lock


@pytest.fixture(params=["file", "folder"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "it"
    path.touch() if request.param == "file" else path.mkdir()
    return path


def test_one_has_it_until_it_is_closed(place: Path) -> None:
    first, second = os.open(place, os.O_RDONLY), os.open(place, os.O_RDONLY)
    assert lock(first)
    assert not lock(second)
    assert lock(first)
    os.close(first)
    assert lock(second)
    os.close(second)


def test_where_there_are_no_locks_everybody_gets_one(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    descriptor = os.open(place, os.O_RDONLY)
    assert lock(descriptor)
    os.close(descriptor)
    assert lock(None)
