"""Files and folders that are received: whole, interrupted, gone on with, and given up."""

from __future__ import annotations

import errno
import os
import stat
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from esframework import limits
from esframework.errors import DestinationExists, PathClash, UnsafePath, WrongTree
from esframework.filesystem import making
from esframework.filesystem.beneath import OpenFolder
from esframework.filesystem.digests import BLAKE2B, TreeDigest
from esframework.filesystem.items import FileItem, FolderItem, Item, Position
from esframework.filesystem.journals import FolderJournals
from esframework.filesystem.writing import TreeWriter
from tests.unit.filesystem.receiving import (
    FILES,
    MODIFIED,
    TREE,
    TREE_SIZE,
    Receiver,
    identity_of,
    look,
    not_cancelled,
)
from tests.unit.filesystem.trees import digest_of


@pytest.fixture
def receiver(tmp_path: Path) -> Receiver:
    return Receiver(tmp_path / "received", tmp_path / "state")


@pytest.fixture
def umask() -> Iterator[int]:
    before = os.umask(0o027)
    yield 0o027
    os.umask(before)


def begun(writer: TreeWriter, content: bytes = b"12345", size: int = 10) -> TreeWriter:
    """A file of which something is here."""
    writer.open(BLAKE2B)
    writer.write([FileItem("", size, MODIFIED), content])
    return writer


# --- whole ------------------------------------------------------------------------------------------------------------
def test_a_file_has_its_name_when_all_of_it_is_here(receiver: Receiver) -> None:
    writer = begun(receiver.writer())
    [part] = receiver.content()
    assert part.startswith(".target.") and part.endswith(".part")
    assert writer.position == Position(5, "", 5)
    writer.write([b"678", memoryview(b"90")])
    assert receiver.content() == [part]
    digest = TreeDigest(BLAKE2B)
    digest.file("", 10)
    digest.content(b"1234567890")
    assert writer.digest() == digest.digest()
    path = writer.finish(replace=False)
    assert path == receiver.folder / "target"
    assert path.read_bytes() == b"1234567890"
    assert path.stat().st_mtime_ns == MODIFIED
    assert receiver.is_clean("target")


def test_a_folder_has_its_name_when_all_of_it_is_here(receiver: Receiver) -> None:
    writer = receiver.tree_writer()
    writer.open(BLAKE2B)
    writer.write(TREE)
    assert len(receiver.content()) == 1 and not (receiver.folder / "target").exists()
    assert writer.digest() == digest_of(TREE, BLAKE2B)
    assert writer.position == Position(TREE_SIZE, "folder/deep/c", 1)
    assert writer.files == 4
    path = writer.finish(replace=False)
    assert look(path) == FILES
    assert (path / "folder" / "b").stat().st_mtime_ns == MODIFIED
    assert receiver.is_clean("target")


def test_in_items_one_by_one_it_is_the_same(receiver: Receiver) -> None:
    writer = receiver.tree_writer(sync=True)
    writer.open(None)
    for item in TREE:
        writer.write([item])
    assert writer.digest() == b""
    assert look(writer.finish(replace=False)) == FILES


def test_what_cannot_reach_the_disk_gets_no_name(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = receiver.tree_writer(sync=True)
    writer.open(None)
    writer.write(TREE)
    [part] = receiver.content()
    broken = (receiver.folder / part / "folder" / "b").stat().st_ino

    def fsync(descriptor: int) -> None:
        if os.fstat(descriptor).st_ino == broken:
            raise OSError(errno.EIO, "the disk is broken")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match="the disk is broken"):
        writer.finish(replace=False)
    assert not (receiver.folder / "target").exists()


@pytest.mark.parametrize("announced", [False, True])
def test_an_empty_file_and_an_empty_folder_arrive(receiver: Receiver, announced: bool) -> None:
    file, folder = receiver.writer(0, name="file"), receiver.writer(0, name="folder", is_folder=True)
    for writer, item in ((file, FileItem("", 0)), (folder, FolderItem(""))):
        writer.open(None)
        writer.write([item] if announced else [])
        writer.finish(replace=False)
    assert (receiver.folder / "file").read_bytes() == b""
    assert look(receiver.folder / "folder") == {}
    assert receiver.is_clean("file", "folder")


def test_what_the_umask_forbids_stays_forbidden(receiver: Receiver, umask: int) -> None:
    modes = {}
    for is_executable in (False, True):
        writer = receiver.writer(1)
        writer.open(None)
        writer.write([FileItem("", 1, MODIFIED, is_executable), b"x"])
        modes[is_executable] = stat.S_IMODE(writer.finish(replace=True).stat().st_mode)
    assert modes == {False: 0o640, True: 0o750}
    tree = receiver.tree_writer()
    tree.open(None)
    tree.write(TREE)
    (receiver.folder / "target").unlink()
    path = tree.finish(replace=False)
    assert stat.S_IMODE((path / "a").stat().st_mode) == 0o750
    assert stat.S_IMODE((path / "folder" / "b").stat().st_mode) == 0o640


def test_the_longest_name_can_be_received(receiver: Receiver) -> None:
    for name in ("a" * 255, "ä" * 127):
        begun(receiver.writer(5, name=name), size=5).finish(replace=False)
        assert (receiver.folder / name).read_bytes() == b"12345"


def test_thousands_of_pieces_are_written_in_order(receiver: Receiver) -> None:
    pieces = [bytes([number % 256]) * (number % 3) for number in range(5000)]
    whole = b"".join(pieces)
    writer = receiver.writer(len(whole))
    writer.open(None)
    writer.write([FileItem("", len(whole)), *pieces])
    assert writer.finish(replace=False).read_bytes() == whole


def test_what_the_system_takes_in_parts_is_whole(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "writev", lambda file, pieces: os.write(file, b"".join(pieces)[:3]))
    writer = begun(receiver.writer(), b"12345")
    writer.write([b"6", b"789", b"0"])
    assert writer.finish(replace=False).read_bytes() == b"1234567890"


# --- names that are taken ---------------------------------------------------------------------------------------------
def test_a_file_that_is_there_is_replaced_only_when_that_is_allowed(receiver: Receiver) -> None:
    target = receiver.folder / "target"
    target.write_bytes(b"before")
    writer = begun(receiver.writer(5), size=5)
    with pytest.raises(DestinationExists, match=f"^{target} is there already; choose another name") as raised:
        writer.finish(replace=False)
    assert raised.value.filename == str(target) and str(target) not in raised.value.strerror
    assert target.read_bytes() == b"before"
    writer.finish(replace=True)
    assert target.read_bytes() == b"12345"
    assert receiver.is_clean("target")


@pytest.mark.parametrize("exchanges", [True, False])
def test_a_folder_that_is_there_is_replaced_only_when_that_is_allowed(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, exchanges: bool
) -> None:
    if not exchanges:
        monkeypatch.setattr("esframework.filesystem.renaming._system_call", lambda: None)
    (receiver.folder / "target" / "old").mkdir(parents=True)
    writer = receiver.tree_writer()
    writer.open(None)
    writer.write(TREE)
    with pytest.raises(DestinationExists):
        writer.finish(replace=False)
    assert look(receiver.folder / "target") == {"old": None}
    writer.finish(replace=True)
    assert look(receiver.folder / "target") == FILES
    assert receiver.is_clean("target")


def test_a_file_takes_no_folders_place_and_a_folder_no_files(receiver: Receiver) -> None:
    (receiver.folder / "folder").mkdir()
    (receiver.folder / "file").write_bytes(b"before")
    file, folder = receiver.writer(0, name="folder"), receiver.writer(0, name="file", is_folder=True)
    for writer, reason in ((file, "a file does not take"), (folder, "a folder takes only a folder's place")):
        writer.open(None)
        with pytest.raises(DestinationExists, match=reason):
            writer.finish(replace=True)
        writer.discard()
    assert receiver.is_clean("file", "folder")


def test_a_link_at_the_destination_is_replaced_and_not_followed(receiver: Receiver, tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    (receiver.folder / "target").symlink_to(tmp_path / "precious")
    begun(receiver.writer(5), size=5).finish(replace=True)
    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert not (receiver.folder / "target").is_symlink()


# --- what must not come -----------------------------------------------------------------------------------------------
FILE_OF_10 = FileItem("", 10)
WRONG_FILES: list[list[Item]] = [
    [b"1"],
    [FolderItem("")],
    [FileItem("name", 10)],
    [FileItem("", 9)],
    [FileItem("", 11)],
    [FileItem("", -1)],
    [FILE_OF_10, b"12345678901"],
    [FILE_OF_10, b"12345", FileItem("", 5)],
    [FILE_OF_10, b"12345", FILE_OF_10],
    [FILE_OF_10, b"1234567890", FILE_OF_10],
    [FILE_OF_10, b"1234567890", b"1"],
]
WRONG_FOLDERS: list[list[Item]] = [
    [b"1"],
    [FileItem("a", 11)],
    [FileItem("a", 10), b"12345678901"],
    [FileItem("a", 5), b"12345", FileItem("b", 6)],
    [FileItem("a", 5), FolderItem("b")],
    [FileItem("a", 5), b"1234", FileItem("b", 5)],
    [FileItem("folder/a", 1)],
    [FolderItem("x/y")],
]


@pytest.mark.parametrize("items", WRONG_FILES, ids=str)
def test_a_file_that_is_not_the_one_that_was_offered_ends_there(receiver: Receiver, items: list[Item]) -> None:
    writer = receiver.writer(10)
    writer.open(None)
    with pytest.raises(WrongTree):
        writer.write(items)
    writer.discard()
    assert receiver.is_clean()


@pytest.mark.parametrize("items", WRONG_FOLDERS, ids=str)
def test_a_folder_that_is_not_the_one_that_was_offered_ends_there(receiver: Receiver, items: list[Item]) -> None:
    writer = receiver.tree_writer()
    writer.open(None)
    with pytest.raises(WrongTree):
        writer.write([FolderItem(""), *items])
    writer.suspend()
    assert receiver.is_clean()


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../../x", "", "a\0"])
def test_no_path_leads_out_of_a_folder(receiver: Receiver, path: str) -> None:
    for item in (FileItem(path, 0), FolderItem(path or ".")):
        writer = receiver.tree_writer()
        writer.open(None)
        with pytest.raises(UnsafePath):
            writer.write([FolderItem(""), item])
        writer.discard()
    assert receiver.is_clean()


def test_entries_that_are_one_on_this_file_system_are_named(receiver: Receiver) -> None:
    for second in (FileItem("a", 1), FolderItem("a")):
        writer = receiver.tree_writer()
        writer.open(None)
        with pytest.raises(PathClash, match="'a' is there already: another entry"):
            writer.write([FolderItem(""), FileItem("a", 1), b"1", second])
        writer.suspend()
    assert receiver.is_clean()


@pytest.mark.parametrize(("first", "second"), [("Readme", "README"), ("\u00e9", "e\u0301"), ("folder/A", "folder/a")])
@pytest.mark.parametrize("kind", [lambda path: FileItem(path, 0), FolderItem], ids=["file", "folder"])
def test_names_that_differ_for_the_sender_only_are_named(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, first: str, second: str, kind: Callable[[str], Item]
) -> None:
    place = OpenFolder._place

    def without_case(folder: OpenFolder, name: str) -> Any:
        return place(folder, unicodedata.normalize("NFC", name).casefold())

    monkeypatch.setattr(OpenFolder, "_place", without_case)
    writer = receiver.tree_writer()
    writer.open(None)
    writer.write([FolderItem(""), FolderItem("folder"), kind(first)])
    with pytest.raises(PathClash, match=second.split("/")[-1]):
        writer.write([kind(second)])
    writer.discard()
    assert receiver.is_clean()


def test_there_is_an_end_to_entries_without_content(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_ENTRIES_OF_A_TREE", 5)
    writer = receiver.tree_writer()
    writer.open(None)
    with pytest.raises(WrongTree, match="more than 5 files and folders"):
        writer.write([FolderItem(str(number)) for number in range(6)])


def test_whoever_receives_may_want_fewer_entries(receiver: Receiver) -> None:
    writer = receiver.tree_writer(most_entries=2)
    writer.open(None)
    writer.write([FolderItem(""), FileItem("1", 0)])
    with pytest.raises(WrongTree, match="more than 2 files and folders"):
        writer.write([FileItem("2", 0)])


@pytest.mark.parametrize("windows_paths", [False, True])
def test_empty_folders_count_when_it_is_gone_on_with(receiver: Receiver, windows_paths: bool) -> None:
    options = {"most_entries": 6, "windows_paths": windows_paths}
    writer = receiver.tree_writer(**options)
    writer.open(None)
    last = FileItem("3\\a" if windows_paths else "3/a", 10)
    writer.write([FolderItem(""), FolderItem("1"), FolderItem("2"), FolderItem("3"), last, b"12345"])
    writer.suspend()
    again = receiver.tree_writer(**options)
    assert again.resume(receiver.only(), None, not_cancelled) is not None
    again.write([b"67890", FolderItem("4")])
    with pytest.raises(WrongTree, match="more than 6 files and folders"):
        again.write([FolderItem("5"), FolderItem("6")])


@pytest.mark.parametrize("items", [[], [FileItem("", 10)], [FileItem("", 10), b"123456789"]], ids=str)
def test_what_is_not_whole_gets_no_name(receiver: Receiver, items: list[Item]) -> None:
    writer = receiver.writer(10)
    writer.open(None)
    writer.write(items)
    with pytest.raises(WrongTree, match="10 were offered"):
        writer.finish(replace=True)
    writer.discard()
    assert receiver.is_clean()


def test_links_that_somebody_plants_meanwhile_lead_nowhere(receiver: Receiver, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    writer = receiver.tree_writer()
    writer.open(None)
    writer.write(TREE[:3])
    [part] = receiver.content()
    (receiver.folder / part / "folder").symlink_to(outside)
    (receiver.folder / part / "empty").symlink_to(outside / "made")
    with pytest.raises(PathClash):
        writer.write(TREE[3:4])
    with pytest.raises(PathClash):
        writer.write([FolderItem("folder")])
    with pytest.raises(OSError) as raised:
        writer.write([FileItem("folder/b", 0)])
    assert raised.value.errno == errno.ELOOP
    writer.discard()
    assert list(outside.iterdir()) == []
    assert receiver.is_clean()


def test_a_part_that_somebody_replaced_gets_no_name(receiver: Receiver, tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    writer = begun(receiver.writer(5), size=5)
    part = receiver.folder / receiver.content()[0]
    part.unlink()
    part.symlink_to(tmp_path / "precious")
    with pytest.raises(FileNotFoundError, match="removed or replaced"):
        writer.finish(replace=True)
    writer.suspend()
    assert receiver.is_clean()
    assert (tmp_path / "precious").read_bytes() == b"precious"


# --- interrupted ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("restarts", [False, True])
def test_an_interrupted_file_is_gone_on_with(receiver: Receiver, restarts: bool) -> None:
    begun(receiver.writer()).suspend()
    if restarts:
        receiver.restart()
    partial = receiver.partials.find(identity_of(10))
    assert partial is not None and partial.position == Position(5, "", 5)
    writer = receiver.writer()
    digest = writer.resume(partial, BLAKE2B, not_cancelled)
    assert digest == digest_of([FileItem("", 10), b"12345"], BLAKE2B)
    assert writer.position == partial.position
    writer.write([b"67890"])
    assert writer.digest() == digest_of([FileItem("", 10), b"1234567890"], BLAKE2B)
    path = writer.finish(replace=False)
    assert path.read_bytes() == b"1234567890"
    assert path.stat().st_mtime_ns == MODIFIED
    assert receiver.is_clean("target")


@pytest.mark.parametrize("first", range(4, len(TREE) + 1))
def test_an_interrupted_folder_is_gone_on_with(receiver: Receiver, first: int) -> None:
    writer = receiver.tree_writer()
    writer.open(BLAKE2B)
    writer.write(TREE[:first])
    writer.suspend()
    receiver.restart()
    partial = receiver.only()
    again = receiver.tree_writer()
    last_file = max(number for number in range(first) if isinstance(TREE[number], FileItem))
    up_to = last_file + 1
    while up_to < first and isinstance(TREE[up_to], bytes):
        up_to += 1
    assert again.resume(partial, BLAKE2B, not_cancelled) == digest_of(TREE[:up_to], BLAKE2B)
    again.write(TREE[up_to:])
    assert again.digest() == digest_of(TREE, BLAKE2B)
    path = again.finish(replace=False)
    assert look(path) == FILES
    assert (path / "a").stat().st_mode & 0o100
    assert receiver.is_clean("target")


@pytest.mark.parametrize("noted", range(3, len(TREE)))
def test_what_is_ahead_of_its_note_is_cut_back(receiver: Receiver, noted: int) -> None:
    writer = receiver.tree_writer()
    writer.open(BLAKE2B)
    writer.write(TREE[:noted])
    receiver.time += 2 * limits.JOURNAL_INTERVAL
    writer.write([])
    position = writer.position
    receiver.time += limits.JOURNAL_INTERVAL / 2
    writer.write(TREE[noted:])
    writer._close()  # As when the process is killed: the locks go, and nothing else happens.
    receiver.restart()
    assert receiver.only().position == position
    again = receiver.tree_writer()
    assert again.resume(receiver.only(), BLAKE2B, not_cancelled)
    rest = noted
    while isinstance(TREE[rest - 1], FolderItem):
        rest -= 1
    again.write(TREE[rest:])
    assert again.digest() == digest_of(TREE, BLAKE2B)
    assert look(again.finish(replace=False)) == FILES


def test_a_note_is_made_once_in_a_while(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    notes = []
    write = FolderJournals.write
    monkeypatch.setattr(FolderJournals, "write", lambda *a: (notes.append(a), write(*a)))
    writer = begun(receiver.writer(1000), size=1000)
    for _ in range(100):
        receiver.time += limits.JOURNAL_INTERVAL / 10
        writer.write([b"1"])
    assert 9 <= len(notes) <= 12
    receiver.time -= 500
    writer.write([b"1"])
    assert receiver.only().position.received == 106


def test_what_began_and_has_nothing_yet_is_not_kept(receiver: Receiver) -> None:
    begun(receiver.writer(), b"").suspend()
    writer = receiver.tree_writer()
    writer.open(None)
    writer.write([FolderItem(""), FolderItem("a")])
    writer.suspend()
    assert receiver.is_clean()


@pytest.mark.parametrize("lifetime", [0.0, -1.0])
def test_without_a_lifetime_nothing_is_kept(receiver: Receiver, lifetime: float) -> None:
    writer = begun(receiver.writer(lifetime=lifetime))
    assert receiver.partials.find(identity_of(10)) is None
    writer.suspend()
    assert receiver.is_clean()


def test_discarding_leaves_nothing(receiver: Receiver) -> None:
    begun(receiver.writer()).discard()
    tree = receiver.tree_writer()
    tree.open(None)
    tree.write(TREE)
    tree.discard()
    assert receiver.is_clean()


def test_after_the_end_nothing_happens(receiver: Receiver) -> None:
    writer = begun(receiver.writer(5), size=5)
    path = writer.finish(replace=False)
    writer.discard()
    writer.suspend()
    assert writer.finish(replace=False) == path
    assert receiver.is_clean("target")
    receiver.writer().discard()
    with pytest.raises(ValueError, match="nothing is being written"):
        writer.write([FileItem("", 5)])


def test_beginning_anew_removes_the_earlier_try(receiver: Receiver) -> None:
    begun(receiver.writer()).suspend()
    begun(receiver.writer(name="elsewhere")).suspend()
    receiver.restart()
    changed = receiver.writer(5)
    begun(changed, size=5).finish(replace=False)
    assert len(receiver.content()) == 2 and "target" in receiver.content()
    assert receiver.only().destination.name == "elsewhere"


# --- what cannot be gone on with --------------------------------------------------------------------------------------
def only_begins_anew(receiver: Receiver, writer: TreeWriter) -> bool:
    refused = writer.resume(receiver.only(), BLAKE2B, not_cancelled) is None
    writer.open(BLAKE2B)
    writer.write([FileItem("", 10), b"1234567890"])
    return refused and writer.finish(replace=True).read_bytes() == b"1234567890"


def test_a_part_that_became_shorter(receiver: Receiver) -> None:
    begun(receiver.writer()).suspend()
    os.truncate(receiver.only().part, 4)
    assert only_begins_anew(receiver, receiver.writer())
    assert receiver.is_clean("target")


def test_a_part_that_is_another_file(receiver: Receiver, tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    for plant in (os.link, os.symlink):
        begun(receiver.writer()).suspend()
        partial = receiver.only()
        partial.part.unlink()
        plant(tmp_path / "precious", partial.part)
        assert receiver.writer().resume(partial, BLAKE2B, not_cancelled) is None
        assert (tmp_path / "precious").read_bytes() == b"precious"


def test_another_destination(receiver: Receiver) -> None:
    begun(receiver.writer()).suspend()
    assert only_begins_anew(receiver, receiver.writer(name="other"))
    assert receiver.only().destination.name == "target"


def test_another_offer(receiver: Receiver) -> None:
    begun(receiver.writer()).suspend()
    assert receiver.writer(11).resume(receiver.only(), BLAKE2B, not_cancelled) is None


def test_what_somebody_is_at_work_on(receiver: Receiver) -> None:
    writer = begun(receiver.writer())
    partial = receiver.only()
    assert partial.is_in_use
    assert receiver.partials.find(identity_of(10)) is None
    assert receiver.writer().resume(partial, BLAKE2B, not_cancelled) is None
    receiver.restart()
    assert receiver.writer().resume(partial, BLAKE2B, not_cancelled) is None
    writer.write([b"67890"])
    assert writer.finish(replace=False).read_bytes() == b"1234567890"


def test_what_was_cancelled_while_it_was_read(receiver: Receiver) -> None:
    begun(receiver.writer()).suspend()
    partial = receiver.only()
    assert receiver.writer().resume(partial, BLAKE2B, lambda: True) is None
    assert receiver.writer().resume(partial, BLAKE2B, not_cancelled)


def test_a_tree_in_which_something_is_missing_or_added(receiver: Receiver) -> None:
    for change in (
        lambda part: (part / "a").unlink(),
        lambda part: (part / "folder" / "b").write_bytes(b"b"),
        lambda part: (part / "a").write_bytes(b"aaaa"),
        lambda part: (part / "empty2").symlink_to("a"),
    ):
        writer = receiver.tree_writer()
        writer.open(BLAKE2B)
        writer.write(TREE[:7])
        writer.suspend()
        partial = receiver.only()
        change(partial.part)
        assert receiver.tree_writer().resume(partial, BLAKE2B, not_cancelled) is None
        receiver.partials.purge(lambda partial: True)
    assert receiver.is_clean()


# --- foreign senders --------------------------------------------------------------------------------------------------
FOREIGN: list[Item] = [
    FolderItem("z"),
    FileItem("z\\b", 4),
    b"bbbb",
    FileItem("y\\x\\a", 5),
    b"aaaaa",
    FileItem("c", 1),
]


def test_foreign_senders_have_their_own_order_and_separators(receiver: Receiver) -> None:
    writer = receiver.tree_writer(windows_paths=True)
    writer.open(None)
    writer.write([*FOREIGN, b"c"])
    assert look(writer.finish(replace=False)) == {"z/b": b"bbbb", "y/x/a": b"aaaaa", "c": b"c"}


def test_their_folders_are_gone_on_with_where_the_note_is_exact(receiver: Receiver) -> None:
    writer = receiver.tree_writer(windows_paths=True)
    writer.open(None)
    writer.write([*FOREIGN[:4], b"aa"])
    writer.suspend()
    partial = receiver.only()
    assert not partial.is_ours and not partial.is_ordered
    again = receiver.tree_writer(windows_paths=True)
    assert again.resume(partial, BLAKE2B, not_cancelled) is None
    again = receiver.tree_writer(windows_paths=True)
    assert again.resume(partial, None, not_cancelled) == b""
    assert again.position == Position(6, "y\\x\\a", 2)
    again.write([b"aaa", FolderItem("z"), FileItem("c", 1), b"c"])
    assert look(again.finish(replace=False)) == {"z/b": b"bbbb", "y/x/a": b"aaaaa", "c": b"c"}


def test_and_not_where_more_is_there_than_was_noted(receiver: Receiver) -> None:
    writer = receiver.tree_writer(windows_paths=True)
    writer.open(None)
    writer.write(FOREIGN[:4])
    writer.suspend()
    partial = receiver.only()
    (partial.part / "more").write_bytes(b"more")
    assert receiver.tree_writer(windows_paths=True).resume(partial, None, not_cancelled) is None


# --- calamities -------------------------------------------------------------------------------------------------------
def test_no_folder_to_receive_into(receiver: Receiver) -> None:
    for writer in (receiver.writer(name="none/target"), receiver.writer(name="none/target", is_folder=True)):
        with pytest.raises(FileNotFoundError):
            writer.open(None)
    assert receiver.is_clean()


def test_a_folder_in_which_nothing_may_be_made(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any, **options: Any) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), "target")

    for name in ("create_file", "make_folder"):
        monkeypatch.setattr(making.OpenFolder, name, refuse)
    for is_folder in (False, True):
        writer = receiver.writer(is_folder=is_folder)
        with pytest.raises(PermissionError):
            writer.open(None)
    assert receiver.is_clean()


def test_a_disk_with_less_room_than_is_needed(receiver: Receiver) -> None:
    writer = receiver.writer(2**62)
    with pytest.raises(OSError, match=r"bytes are needed, \d+ are free") as raised:
        writer.open(None)
    assert raised.value.errno == errno.ENOSPC
    assert receiver.is_clean()


def test_a_folder_that_vanishes_meanwhile(receiver: Receiver) -> None:
    for ends in (TreeWriter.suspend, TreeWriter.discard):
        writer = receiver.tree_writer()
        writer.open(None)
        writer.write(TREE[:8])
        part = receiver.folder / receiver.content()[0]
        receiver.folder.rename(receiver.folder.with_name("away"))
        for path in sorted(part.parent.with_name("away").rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
        part.parent.with_name("away").rmdir()
        with pytest.raises(FileNotFoundError, match="removed while it was being received|No such file"):
            writer.write(TREE[8:])
        with pytest.raises((FileNotFoundError, WrongTree)):
            writer.finish(replace=True)
        ends(writer)
        receiver.folder.mkdir()
        assert receiver.is_clean()


class FullDisk:
    """Takes so many bytes and no more; with `journals`, notes find no room either until something is given up."""

    def __init__(self, room: int, monkeypatch: pytest.MonkeyPatch, *, journals: bool) -> None:
        self.room = room
        self._writev, self._truncate, self._journal = os.writev, os.ftruncate, FolderJournals.write
        monkeypatch.setattr(os, "writev", self.writev)
        monkeypatch.setattr(os, "ftruncate", self.truncate)
        if journals:
            monkeypatch.setattr(FolderJournals, "write", lambda journals, *what: self.journal(journals, *what))

    def writev(self, descriptor: int, pieces: list[bytes]) -> int:
        self._check(1)
        data = b"".join(pieces)[: self.room]
        self.room -= len(data)
        return self._writev(descriptor, [data])

    def truncate(self, descriptor: int, size: int) -> None:
        self.room += os.fstat(descriptor).st_size - size
        self._truncate(descriptor, size)

    def journal(self, journals: FolderJournals, name: str, data: bytes) -> None:
        self._check(500)
        self._journal(journals, name, data)

    def _check(self, needed: int) -> None:
        if self.room < needed:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("journals", [False, True])
def test_a_full_disk_leaves_what_can_be_gone_on_with(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, journals: bool
) -> None:
    monkeypatch.setattr(limits, "ROOM_FOR_A_JOURNAL", 600)
    size = 5000
    content = bytes(range(250)) * 20
    FullDisk(3000, monkeypatch, journals=journals)
    writer = begun(receiver.writer(size), b"", size)
    with pytest.raises(OSError, match="No space left on device.*part'") as raised:
        writer.write([content[:2000], content[2000:]])
    assert raised.value.errno == errno.ENOSPC
    writer.suspend()
    monkeypatch.undo()
    receiver.restart()
    partial = receiver.only()
    assert partial.position.received == (2400 if journals else 3000)
    again = receiver.writer(size)
    assert again.resume(partial, BLAKE2B, not_cancelled)
    again.write([content[partial.position.offset :]])
    assert again.finish(replace=False).read_bytes() == content
    assert receiver.is_clean("target")


def test_a_file_whose_last_byte_came_before_something_failed(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = begun(receiver.writer(), b"")
    with monkeypatch.context() as patched:
        patched.setattr(making.FileInMaking, "finish", _fail)
        with pytest.raises(OSError, match="Input/output"):
            writer.write([b"0123456789"])
    writer.suspend()
    again = receiver.writer()
    assert again.resume(receiver.only(), BLAKE2B, not_cancelled) is not None
    assert (again.position, again.missing) == (Position(10, "", 10), 0)
    path = again.finish(replace=False)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (b"0123456789", MODIFIED)


def _fail(_: object) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_a_disk_too_full_for_any_note_keeps_the_last_one(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = begun(receiver.writer(5000), b"x" * 1000, 5000)
    receiver.time += 2
    writer.write([b"x" * 1000])

    def full(*arguments: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(FolderJournals, "write", full)
    receiver.time += 2
    writer.write([b"x" * 1000])
    writer.suspend()
    monkeypatch.undo()
    assert receiver.only().position.received == 2000
    assert receiver.writer(5000).resume(receiver.only(), None, not_cancelled) == b""


def test_no_descriptor_is_left_open(receiver: Receiver) -> None:
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0

    before = descriptors()
    writer = receiver.tree_writer()
    writer.open(None)
    writer.write(TREE[:6])
    writer.suspend()
    again = receiver.tree_writer()
    again.resume(receiver.only(), None, not_cancelled)
    again.write([b"bbbBBB"])
    again.discard()
    with pytest.raises(FileNotFoundError):
        receiver.writer(name="none/x").open(None)
    assert descriptors() == before
