"""Receiving on a real system: programs that are killed, disks that are full, folders that are forbidden."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest

from esframework.filesystem.digests import TreeDigest
from esframework.filesystem.items import FileItem, FolderItem
from esframework.filesystem.partials import Identity, Partials
from esframework.filesystem.writing import TreeWriter
from tests.integration import writing_program as program
from tests.unit.filesystem.receiving import not_cancelled

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[2]


def test_what_a_killed_program_has_received_is_gone_on_with(tmp_path: Path) -> None:
    state, folder = tmp_path / "state", tmp_path / "received"
    folder.mkdir()
    running = subprocess.Popen(
        [sys.executable, "-m", "tests.integration.writing_program", str(state), str(folder)],
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    assert running.stdout is not None
    try:
        partials = Partials(state, time.time)
        for line in running.stdout:
            # A note is made each second; when the second one is there, enough is behind it.
            if int(line) > 20 and partials.all()[0].position.received > 0:
                break
        [partial] = partials.all()
        assert partial.is_in_use
        assert partials.purge(lambda partial: True) == 0
    finally:
        running.kill()
        running.wait()
        running.stdout.close()
    partial = Partials(state, time.time).find(program.IDENTITY)
    assert partial is not None and partial.position.received > 0
    # More is there than the note says, unless the program was killed just after it.
    assert len(os.listdir(partial.part)) * program.FILE >= partial.position.received
    _go_on(program.writer(state, folder), partial.position.received)
    assert sorted(os.listdir(folder)) == ["target"]
    assert os.listdir(state) == []
    for file in range(program.FILES):
        expected = b"".join(program.piece(file, number) for number in range(program.FILE // program.PIECE))
        assert (folder / "target" / f"{file:04}").read_bytes() == expected


def _go_on(writer: TreeWriter, received: int) -> None:
    """As a sender that has the same."""
    digest = TreeDigest("blake2b")
    digest.folder("")
    [partial] = Partials(writer._partials._folder, time.time).all()
    found = writer.resume(partial, "blake2b", not_cancelled)
    assert writer.position.received == received
    at = 0
    for file in range(program.FILES):
        # At the border of two files the note may name either: this one, if it was begun.
        is_begun = at <= received and partial.position.path == f"{file:04}"
        if at == received and not is_begun:
            assert digest.digest() == found
        digest.file(f"{file:04}", program.FILE)
        if at == received and is_begun:
            assert digest.digest() == found
        if at >= received and not is_begun:
            writer.write([FileItem(f"{file:04}", program.FILE, 10**18)])
        for number in range(program.FILE // program.PIECE):
            if at == received and number:
                assert digest.digest() == found
            piece = program.piece(file, number)
            digest.content(piece)
            if at >= received:
                writer.write([piece])
            at += len(piece)
    assert writer.digest() == digest.digest()
    writer.finish(replace=False)


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[Path]:
    """A disk in memory, where this user may mount one."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if os.geteuid() != 0 or sys.platform != "linux" or subprocess.run(command, check=False).returncode:
        pytest.skip("only root can mount a disk; other tests have a limit, or a disk that is none, instead")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def longest_file(size: int) -> Iterator[None]:
    """The system lets no file of this process grow beyond that."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


SIZE = 900_000


def _receive_in_two(folder: Path, is_folder: bool, limited: AbstractContextManager[None]) -> None:
    """Receive until there is no room, and the rest when there is."""
    identity = Identity("alice", "o", SIZE, 1, is_folder)
    content = os.urandom(SIZE)
    pieces = [content[at : at + 999] for at in range(0, SIZE, 999)]

    def writer() -> TreeWriter:
        partials = Partials(folder / "state", time.time)
        return TreeWriter(partials, identity, folder / "target", name="x", lifetime=60)

    writing = writer()
    writing.open("blake2b")
    with limited:
        with pytest.raises(OSError) as raised:
            writing.write([FileItem("a" if is_folder else "", SIZE), *pieces])
        assert raised.value.errno in (errno.ENOSPC, errno.EFBIG)
        assert raised.value.filename
        writing.suspend()
    [partial] = Partials(folder / "state", time.time).all()
    assert 200_000 < partial.position.received < 450_000
    writing = writer()
    assert writing.resume(partial, "blake2b", not_cancelled)
    writing.write([content[partial.position.offset :]])
    path = writing.finish(replace=False)
    assert (path / "a" if is_folder else path).read_bytes() == content
    assert sorted(os.listdir(folder)) == ["state", "target"]
    assert os.listdir(folder / "state") == []


@pytest.mark.parametrize("is_folder", [False, True])
def test_a_file_that_may_not_grow_is_gone_on_with_when_it_may(tmp_path: Path, is_folder: bool) -> None:
    _receive_in_two(tmp_path, is_folder, longest_file(400_000))


@pytest.mark.parametrize("is_folder", [False, True])
def test_a_full_disk_leaves_what_can_be_gone_on_with(tmp_path: Path, is_folder: bool) -> None:
    @contextmanager
    def filled_by_somebody_else() -> Iterator[None]:
        (disk / "other").write_bytes(bytes(600_000))
        yield
        (disk / "other").unlink()

    with mounted(tmp_path / "disk", "size=1m") as disk:
        _receive_in_two(disk, is_folder, filled_by_somebody_else())


def test_where_nothing_may_be_written_nothing_is_left(tmp_path: Path) -> None:
    partials = Partials(tmp_path / "state", time.time)
    with ExitStack() as disks:
        if os.geteuid() == 0:
            folder = disks.enter_context(mounted(tmp_path / "closed", "ro"))
        else:
            folder = tmp_path / "closed"
            folder.mkdir(mode=0o500)
        for is_folder in (False, True):
            identity = Identity("alice", "o", 0, 1, is_folder)
            writing = TreeWriter(partials, identity, folder / "x", name="x", lifetime=60)
            with pytest.raises(OSError) as raised:
                writing.open(None)
            assert raised.value.errno in (errno.EACCES, errno.EROFS)
    assert os.listdir(tmp_path / "state") == []


def test_ten_thousand_small_files_take_little_of_a_processor(tmp_path: Path) -> None:
    count, content = 10_000, os.urandom(4096)
    identity = Identity("alice", "o", count * len(content), 1, True)
    writing = TreeWriter(Partials(None, time.time), identity, tmp_path / "target", name="x", lifetime=60)
    items: list[object] = [FolderItem("")]
    for number in range(count):
        if number % 100 == 0:
            items.append(FolderItem(f"{number:05}"))
        items += [FileItem(f"{number - number % 100:05}/{number:05}", len(content), 1), content]
    before = time.process_time()
    writing.open("blake2b")
    writing.write(items)  # type: ignore[arg-type]
    path = writing.finish(replace=False)
    used = time.process_time() - before
    assert sum(1 for _ in path.rglob("*")) == count + 100
    # A quarter of a second on the machine that this was written on, of which the system has most.
    assert used < 5, f"{used} seconds"
