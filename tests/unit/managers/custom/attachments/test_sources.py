"""Where the bytes of an attachment come from."""

from __future__ import annotations

import io
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.task import deferLater

from esframework import limits
from esframework.errors import EncodeError
from esframework.managers.custom.attachments.contracts import UNKNOWN_SIZE
from esframework.managers.custom.attachments.sources import source_of
from esframework.testing import MemoryNetwork, simulated


async def read_all(network: MemoryNetwork, attachment: Any) -> tuple[int, list[bytes]]:
    """The size that is known, and what was read, slice by slice; the source is closed then."""
    source = source_of(attachment, network.reactor)
    await source.open()
    slices = []
    while piece := await source.read():
        slices.append(bytes(piece))
    source.close()
    source.close()
    network.settle()
    return source.size, slices


@simulated
async def test_bytes_of_all_kinds(network: MemoryNetwork) -> None:
    for content in (b"content", bytearray(b"content"), memoryview(b"content")):
        assert await read_all(network, content) == (7, [b"content"])
    assert await read_all(network, b"") == (0, [])


@simulated
async def test_a_path_is_read_in_slices_and_the_file_closed(network: MemoryNetwork, tmp_path: Path) -> None:
    path = tmp_path / "file"
    content = os.urandom(limits.ATTACHMENT_SLICE + 5)
    path.write_bytes(content)
    descriptors = len(os.listdir("/proc/self/fd"))
    for where in (path, str(path)):
        assert await read_all(network, where) == (
            len(content),
            [content[: limits.ATTACHMENT_SLICE], content[limits.ATTACHMENT_SLICE :]],
        )
    assert len(os.listdir("/proc/self/fd")) == descriptors


@simulated
async def test_a_path_that_is_not_there_says_so(network: MemoryNetwork, tmp_path: Path) -> None:
    source = source_of(tmp_path / "nothing", network.reactor)
    with pytest.raises(FileNotFoundError):
        await source.open()
    source.close()
    network.settle()


@simulated
async def test_an_open_file_is_read_from_where_it_stands_and_stays_open(network: MemoryNetwork) -> None:
    file = io.BytesIO(b"0123456789")
    file.seek(4)
    assert await read_all(network, file) == (6, [b"456789"])
    assert not file.closed


@simulated
async def test_the_size_of_a_pipe_is_not_known(network: MemoryNetwork) -> None:
    reader, writer = os.pipe()
    os.write(writer, b"through a pipe")
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        assert await read_all(network, pipe) == (UNKNOWN_SIZE, [b"through a pipe"])


@simulated
async def test_iterables_give_pieces_of_any_length_and_small_ones_are_gathered(network: MemoryNetwork) -> None:
    assert await read_all(network, [b"a", b"", bytearray(b"bc")]) == (UNKNOWN_SIZE, [b"abc"])
    large = bytes(3 * limits.ATTACHMENT_PIECE)
    assert await read_all(network, [b"a", large, large]) == (UNKNOWN_SIZE, [b"a" + large, large])
    assert await read_all(network, iter([])) == (UNKNOWN_SIZE, [])


@simulated
async def test_asynchronous_iterables_may_take_their_time(network: MemoryNetwork) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b"a", b"", b"bc"):
            await deferLater(network.reactor, 5, lambda: None)
            yield piece

    assert await read_all(network, pieces()) == (UNKNOWN_SIZE, [b"a", b"bc"])


@simulated
async def test_a_generator_that_is_given_up_may_clear_away(network: MemoryNetwork) -> None:
    cleared: list[str] = []

    def pieces() -> Iterator[bytes]:
        try:
            yield b"a"
            yield b"b"
        finally:
            cleared.append("plain")

    async def slow_pieces() -> AsyncIterator[bytes]:
        try:
            yield b"a"
            yield b"b"
        finally:
            cleared.append("asynchronous")

    for generator in (pieces(), slow_pieces()):
        source = source_of(generator, network.reactor)
        await source.open()
        await source.read()
        source.close()
    assert cleared == ["plain", "asynchronous"]


@simulated
async def test_what_is_no_attachment_is_refused_at_once(network: MemoryNetwork) -> None:
    for wrong in (None, 5, object()):
        with pytest.raises(EncodeError, match="expected"):
            source_of(wrong, network.reactor)


@simulated
async def test_what_gives_anything_but_bytes_is_found_out(network: MemoryNetwork) -> None:
    for wrong in (["text"], io.StringIO("text")):
        source = source_of(wrong, network.reactor)
        await source.open()
        with pytest.raises(EncodeError, match="the attachment gave str"):
            await source.read()
