"""Something whole gets its name, or everything stays as it was."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from esframework.filesystem.beneath import OpenFolder
from esframework.filesystem.writing import TreeWriter
from tests.unit.filesystem.receiving import FILES, TREE, Receiver, identity_of, look, not_cancelled


@pytest.fixture
def receiver(tmp_path: Path) -> Receiver:
    receiver = Receiver(tmp_path / "received", tmp_path / "state")
    (receiver.folder / "target" / "old").mkdir(parents=True)
    return receiver


@pytest.fixture
def whole(receiver: Receiver) -> TreeWriter:
    writer = receiver.tree_writer()
    writer.open(None)
    writer.write(TREE)
    return writer


def busy(*arguments: Any, **options: Any) -> Any:
    raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))


def is_as_before(receiver: Receiver, writer: TreeWriter) -> bool:
    """The old folder is there, and the new one can be gone on with."""
    writer.suspend()
    partial = receiver.only()
    again = receiver.tree_writer()
    assert again.resume(partial, None, not_cancelled) == b""
    assert look(receiver.folder / "target") == {"old": None}
    again.write(TREE[-1:])
    again.finish(replace=True)
    return look(receiver.folder / "target") == FILES and receiver.is_clean("target")


def test_a_folder_that_cannot_be_exchanged(
    receiver: Receiver, whole: TreeWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patches:
        patches.setattr(OpenFolder, "exchange", busy)
        with pytest.raises(OSError, match="busy"):
            whole.finish(replace=True)
    assert is_as_before(receiver, whole)


@pytest.mark.parametrize("which", [2, 3])
def test_a_folder_that_cannot_be_moved_away_or_to_its_place(
    receiver: Receiver, whole: TreeWriter, monkeypatch: pytest.MonkeyPatch, which: int
) -> None:
    rename, calls = OpenFolder.rename, []

    def sometimes(*arguments: Any, **options: Any) -> None:
        calls.append(arguments)
        rename(*arguments, **options) if len(calls) != which else busy()

    with monkeypatch.context() as patches:
        patches.setattr(OpenFolder, "exchange", lambda *arguments: False)
        patches.setattr(OpenFolder, "rename", sometimes)
        with pytest.raises(OSError, match="busy"):
            whole.finish(replace=True)
    assert is_as_before(receiver, whole)


def test_a_file_that_may_not_be_replaced_is_no_folder(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    (receiver.folder / "file").write_bytes(b"before")
    writer = receiver.writer(0, name="file")
    writer.open(None)

    def refuse(*arguments: Any, **options: Any) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    with monkeypatch.context() as patches:
        patches.setattr(os, "replace", refuse)
        with pytest.raises(PermissionError):
            writer.finish(replace=True)
    writer.discard()
    assert (receiver.folder / "file").read_bytes() == b"before"
    assert receiver.is_clean("file", "target")


def test_a_destination_that_vanishes_is_taken_as_a_free_name(receiver: Receiver) -> None:
    (receiver.folder / "target" / "old").rmdir()
    (receiver.folder / "target").rmdir()
    writer = receiver.writer(0, is_folder=True)
    writer.open(None)
    writer.finish(replace=True)
    assert receiver.is_clean("target")
    assert receiver.partials.find(identity_of(0, is_folder=True)) is None


def test_where_another_process_removes_the_old_folder_nothing_is_missing(
    receiver: Receiver, whole: TreeWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove_tree = OpenFolder.remove_tree

    def somebody_else_first(folder: OpenFolder, name: str) -> int:
        remove_tree(folder, name)
        return remove_tree(folder, name)

    with monkeypatch.context() as patches:
        patches.setattr(OpenFolder, "remove_tree", somebody_else_first)
        whole.finish(replace=True)
    assert receiver.is_clean("target")
