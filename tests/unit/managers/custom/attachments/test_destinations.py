"""Where the bytes of an attachment go."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import pytest

from esframework.managers.custom.attachments.destinations import destination_of
from esframework.testing import MemoryNetwork, simulated
from tests.consumers import Collector


@pytest.fixture(params=["nameless", "named"], autouse=True)
def unfinished_files(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test runs as on systems whose files may have no name, and as on all others."""
    if request.param == "named":
        monkeypatch.delattr(os, "O_TMPFILE")


@simulated
async def test_an_unfinished_file_has_no_name_where_that_can_be(network: MemoryNetwork, tmp_path: Path) -> None:
    destination = destination_of(tmp_path / "file", network.reactor)
    await destination.open()
    assert len(os.listdir(tmp_path)) == (0 if hasattr(os, "O_TMPFILE") else 1)
    destination.fail(ValueError())
    network.settle()


@simulated
async def test_a_file_appears_when_it_is_whole(network: MemoryNetwork, tmp_path: Path) -> None:
    path = tmp_path / "file"
    destination = destination_of(path, network.reactor)
    await destination.open()
    await destination.write([b"a", b"bc"])
    await destination.write([b"d"])
    assert not path.exists()
    await destination.finish()
    assert path.read_bytes() == b"abcd"
    assert os.listdir(tmp_path) == ["file"]
    (tmp_path / "other").write_bytes(b"")
    assert path.stat().st_mode == (tmp_path / "other").stat().st_mode


@simulated
async def test_what_had_the_name_before_is_there_until_the_new_file_is(network: MemoryNetwork, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before")
    for finishes in (False, True):
        destination = destination_of(path, network.reactor)
        await destination.open()
        await destination.write([b"after"])
        assert path.read_bytes() == b"before"
        if finishes:
            await destination.finish()
        else:
            destination.fail(ValueError())
            network.settle()
    assert path.read_bytes() == b"after"
    assert os.listdir(tmp_path) == ["file"]


@simulated
async def test_nothing_is_left_of_a_file_that_failed(network: MemoryNetwork, tmp_path: Path) -> None:
    descriptors = len(os.listdir("/proc/self/fd"))
    for steps in range(3):
        destination = destination_of(tmp_path / "file", network.reactor)
        if steps > 0:
            await destination.open()
        if steps > 1:
            await destination.write([b"bytes"])
        destination.fail(ValueError())
        network.settle()
    assert os.listdir(tmp_path) == []
    assert len(os.listdir("/proc/self/fd")) == descriptors


@simulated
async def test_a_folder_that_is_not_there_says_so(network: MemoryNetwork, tmp_path: Path) -> None:
    destination = destination_of(tmp_path / "nowhere" / "file", network.reactor)
    with pytest.raises(FileNotFoundError):
        await destination.open()
    destination.fail(ValueError())
    network.settle()


class Reluctant(io.RawIOBase):
    """An unbuffered file that takes two bytes at a time."""

    def __init__(self) -> None:
        self.taken = b""

    def write(self, data: Any) -> int:
        self.taken += bytes(data[:2])
        return min(2, len(data))


@simulated
async def test_an_open_file_is_written_to_and_stays_open(network: MemoryNetwork) -> None:
    buffered, reluctant = io.BytesIO(), Reluctant()
    for file in (buffered, reluctant):
        destination = destination_of(file, network.reactor)
        await destination.open()
        await destination.write([b"01234", b"", b"5"])
        await destination.finish()
        destination.fail(ValueError())
        assert not file.closed
    assert buffered.getvalue() == reluctant.taken == b"012345"


@simulated
async def test_a_consumer_is_given_everything_and_awaited(network: MemoryNetwork) -> None:
    for seconds in (0.0, 3.0):
        consumer = Collector(network.reactor, seconds)
        destination = destination_of(consumer, network.reactor)
        await destination.open()
        await destination.write([b"a", b"bc"])
        await destination.finish()
        assert consumer.content == b"abc" and consumer.is_finished
        destination.fail(ValueError("late"))
        assert [str(error) for error in consumer.errors] == ["late"]


@simulated
async def test_a_consumer_that_fails_to_hear_of_a_failure_is_logged(network: MemoryNetwork) -> None:
    class Deaf(Collector):
        def fail(self, error: Exception) -> Any:
            raise RuntimeError("deaf")

    destination_of(Deaf(network.reactor), network.reactor).fail(ValueError())
    assert len(network.failures.take(RuntimeError)) == 1


@simulated
async def test_a_text_is_no_destination(network: MemoryNetwork) -> None:
    for wrong in ("/tmp/name", b"name", 5):
        with pytest.raises(TypeError, match="expected"):
            destination_of(wrong, network.reactor)
