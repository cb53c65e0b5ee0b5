"""One tree on the disk: what is shown, changed and counted, and that nothing outside of it is ever reached."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from esframework import limits
from esframework.errors import UnsafePath
from esframework.filesystem.beneath import OpenFolder
from esframework.managers.disk.machine.quota import Amount
from esframework.managers.disk.machine.refusals import Conflict, InvalidPath, NoSuchPath
from esframework.managers.disk.storage import Measure, Names, Storage


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    """A tree with `a.txt` (3 bytes), `docs/b.txt` (5) and `docs/deep/c.txt` (7); beside it a secret."""
    made = Storage(tmp_path / "files", tmp_path / "uploads", {"hidden"})
    made.prepare()
    (made.root / "docs" / "deep").mkdir(parents=True)
    (made.root / "a.txt").write_bytes(b"aaa")
    (made.root / "docs" / "b.txt").write_bytes(b"bbbbb")
    (made.root / "docs" / "deep" / "c.txt").write_bytes(b"ccccccc")
    (tmp_path / "secret").write_bytes(b"secret")
    return made


def names(storage: Storage, folder: Names = ()) -> list[str]:
    return [found.name for found in storage.page(folder, None, 100)[0]]


# --- looking ----------------------------------------------------------------------------------------------------------
def test_a_file_is_what_it_is(storage: Storage) -> None:
    os.utime(storage.root / "a.txt", ns=(5, 1_700_000_000_123_456_789))
    (storage.root / "a.txt").chmod(0o755)
    found = storage.find(("a.txt",))
    assert (found.name, found.is_folder, found.size, found.is_executable) == ("a.txt", False, 3, True)
    assert found.modified_at == 1_700_000_000_123_456_789


def test_a_folder_has_no_size(storage: Storage) -> None:
    assert (storage.find(("docs",)).is_folder, storage.find(("docs",)).size) == (True, 0)
    assert storage.find(()).is_folder
    assert not storage.find(("docs",)).is_executable


@pytest.mark.parametrize(
    "path", [("x",), ("x", "y"), ("a.txt", "x"), ("docs", "deep", "x"), ("..",), ("docs", ".."), ("",)]
)
def test_nothing_is_where_nothing_is(storage: Storage, path: Names) -> None:
    with pytest.raises(NoSuchPath):
        storage.find(path)


def test_a_list_is_in_the_order_of_names_and_in_pages(storage: Storage) -> None:
    for name in ("ä", "Z", "b"):
        (storage.root / name).touch()
    assert names(storage) == ["Z", "a.txt", "b", "docs", "ä"]
    page, has_more = storage.page((), "a.txt", 2)
    assert ([found.name for found in page], has_more) == (["b", "docs"], True)


def test_a_file_is_no_list(storage: Storage) -> None:
    with pytest.raises(NoSuchPath):
        storage.page(("a.txt",), None, 10)


def test_links_pipes_and_what_no_text_names_are_not_shown(storage: Storage, tmp_path: Path) -> None:
    (storage.root / "link").symlink_to(tmp_path / "secret")
    (storage.root / "folder-link").symlink_to(tmp_path)
    os.mkfifo(storage.root / "pipe")
    Path(os.fsdecode(os.fsencode(storage.root) + b"/\xff")).touch()
    (storage.root / "hidden").touch()
    assert names(storage) == ["a.txt", "docs"]


# --- nothing outside ------------------------------------------------------------------------------------------------
TRIES: list[Callable[[Storage], object]] = [
    lambda storage: storage.find(("link",)),
    lambda storage: storage.find(("out", "secret")),
    lambda storage: storage.page(("out",), None, 10),
    lambda storage: storage.measure(("out",)),
    lambda storage: list(storage.slices(("link",), 100)),
    lambda storage: list(storage.slices(("out",), 100)),
    lambda storage: list(storage.slices(("out", "secret"), 100)),
    lambda storage: storage.make_folder(("out", "new"), False),
    lambda storage: storage.make_folder(("out", "new"), True),
    lambda storage: storage.move(("out", "secret"), storage, ("mine",), False),
    lambda storage: storage.move(("a.txt",), storage, ("out", "mine"), False),
    lambda storage: storage.move(("link",), storage, ("mine",), False),
    lambda storage: storage.receive("done", ("out", "mine"), True),
    lambda storage: storage.remove(("out", "secret"), True),
    lambda storage: storage.remove(("out",), True),
    lambda storage: storage.remove(("link",), True),
]


@pytest.mark.parametrize("attempt", TRIES)
def test_no_link_leads_out(storage: Storage, tmp_path: Path, attempt: Callable[[Storage], object]) -> None:
    (storage.root / "link").symlink_to(tmp_path / "secret")
    (storage.root / "out").symlink_to(tmp_path)
    (storage.uploads / "done").touch()
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(NoSuchPath):
        attempt(storage)
    assert sorted(os.listdir(tmp_path)) == before
    assert (tmp_path / "secret").read_bytes() == b"secret"


def test_a_link_in_a_folder_that_is_removed_goes_and_what_it_leads_to_stays(storage: Storage, tmp_path: Path) -> None:
    (storage.root / "docs" / "out").symlink_to(tmp_path)
    assert storage.remove(("docs",), True) == Measure(12, 2, 2, 2)
    assert (tmp_path / "secret").exists()


def test_a_file_does_not_replace_a_link(storage: Storage, tmp_path: Path) -> None:
    (storage.root / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(NoSuchPath):
        storage.move(("a.txt",), storage, ("link",), True)
    assert (tmp_path / "secret").read_bytes() == b"secret"


def test_a_link_planted_between_two_steps_is_not_followed(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder becomes a link after it was looked at and before something is put there."""
    put = Storage._put

    def planted(self: Storage, *arguments: object) -> Measure:
        (self.root / "docs").rename(self.root / "elsewhere")
        (self.root / "docs").symlink_to(tmp_path)
        return put(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Storage, "_put", planted)
    storage.move(("a.txt",), storage, ("docs", "a.txt"), False)
    assert not (tmp_path / "a.txt").exists()
    assert (storage.root / "elsewhere" / "a.txt").exists()


# --- changing ---------------------------------------------------------------------------------------------------------
def test_a_folder_is_made(storage: Storage) -> None:
    assert storage.make_folder(("docs", "new"), False) == 1
    assert storage.find(("docs", "new")).is_folder


def test_folders_on_the_way_are_made_when_asked_for(storage: Storage) -> None:
    with pytest.raises(NoSuchPath):
        storage.make_folder(("x", "y", "z"), False)
    assert storage.make_folder(("x", "y", "z"), True) == 3
    assert storage.make_folder(("x", "y", "z"), True) == 0
    assert storage.make_folder(("x", "y", "w"), True) == 1


def test_a_name_that_is_taken_is_refused(storage: Storage) -> None:
    with pytest.raises(Conflict):
        storage.make_folder(("docs",), False)
    with pytest.raises(Conflict):
        storage.make_folder(("a.txt",), True)
    with pytest.raises(Conflict):
        storage.move(("a.txt",), storage, ("docs",), False)


@pytest.mark.parametrize("name", ["a\x01b", "a\u202eb", "n" * 256])
def test_a_name_that_no_file_may_have_is_refused(storage: Storage, name: str) -> None:
    for attempt in (
        lambda: storage.make_folder((name,), True),
        lambda: storage.move(("a.txt",), storage, (name,), True),
        lambda: storage.receive("x", (name,), True),
    ):
        with pytest.raises(UnsafePath):
            attempt()


def test_what_the_disk_means_otherwise_is_no_name(storage: Storage) -> None:
    with pytest.raises(InvalidPath):
        storage.make_folder(("hidden",), True)
    with pytest.raises(InvalidPath):
        storage.move(("a.txt",), storage, ("hidden", "x"), True)
    with pytest.raises(NoSuchPath):
        storage.find(("hidden",))
    storage.make_folder(("docs", "hidden"), False)


def test_a_file_gets_another_name_and_place(storage: Storage) -> None:
    assert storage.move(("a.txt",), storage, ("docs", "x.txt"), False) == Measure()
    assert names(storage, ("docs",)) == ["b.txt", "deep", "x.txt"]
    assert storage.move(("docs",), storage, ("papers",), False) == Measure()
    assert names(storage) == ["papers"]
    assert storage.move(("papers",), storage, ("papers",), False) == Measure(), "to itself is nothing"


def test_a_file_replaces_a_file_when_asked_to(storage: Storage) -> None:
    assert storage.move(("a.txt",), storage, ("docs", "b.txt"), True) == Measure(5, 1)
    assert (storage.root / "docs" / "b.txt").read_bytes() == b"aaa"


@pytest.mark.parametrize("can_exchange", [True, False])
def test_a_folder_replaces_a_folder_whole(
    storage: Storage, can_exchange: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not can_exchange:
        monkeypatch.setattr(OpenFolder, "exchange", lambda *_: False)
    storage.make_folder(("new",), False)
    (storage.root / "new" / "n").write_bytes(b"n")
    assert storage.move(("new",), storage, ("docs",), True) == Measure(12, 2, 2, 2)
    assert names(storage) == ["a.txt", "docs"]
    assert names(storage, ("docs",)) == ["n"]


def test_when_a_folder_cannot_have_its_place_the_old_one_is_back(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.make_folder(("new",), False)
    rename = OpenFolder.rename
    monkeypatch.setattr(OpenFolder, "exchange", lambda *_: False)

    def failing(self: OpenFolder, name: str, folder: OpenFolder, new_name: str, **more: bool) -> None:
        if name == "new" and not folder.has(new_name):
            raise OSError(errno.EIO, "broken")
        rename(self, name, folder, new_name, **more)

    monkeypatch.setattr(OpenFolder, "rename", failing)
    with pytest.raises(OSError, match="broken"):
        storage.move(("new",), storage, ("docs",), True)
    assert names(storage) == ["a.txt", "docs", "new"]
    assert names(storage, ("docs",)) == ["b.txt", "deep"]


def test_a_file_and_a_folder_do_not_replace_each_other(storage: Storage) -> None:
    with pytest.raises(Conflict):
        storage.move(("a.txt",), storage, ("docs",), True)
    with pytest.raises(Conflict):
        storage.move(("docs",), storage, ("a.txt",), True)
    assert names(storage) == ["a.txt", "docs"]


@pytest.mark.parametrize(("source", "target"), [(("docs",), ("docs", "deep", "x")), (("docs", "deep"), ("docs",))])
def test_nothing_is_moved_into_itself_or_over_what_it_is_in(storage: Storage, source: Names, target: Names) -> None:
    with pytest.raises(InvalidPath):
        storage.move(source, storage, target, True)
    assert storage.measure(()) == Measure(15, 3, 2, 3)


def test_nothing_gets_deeper_by_moving_than_anything_may_be(storage: Storage) -> None:
    deep = ("x",) * (limits.MAX_PATH_DEPTH - 2)
    storage.make_folder(deep, parents=True)
    storage.move(("docs",), storage, (*deep[:-1], "docs"), False)
    assert storage.measure(()).depth == limits.MAX_PATH_DEPTH
    storage.move((*deep[:-1], "docs"), storage, ("docs",), False)
    with pytest.raises(InvalidPath, match="within each other"):
        storage.move(("docs",), storage, (*deep, "docs"), False)
    assert names(storage, ("docs",)) == ["b.txt", "deep"]


def test_nothing_gets_too_deep_in_another_tree(storage: Storage, tmp_path: Path) -> None:
    other = Storage(tmp_path / "other", tmp_path / "others uploads")
    other.prepare()
    deep = ("x",) * (limits.MAX_PATH_DEPTH - 2)
    other.make_folder(deep, parents=True)
    with pytest.raises(InvalidPath, match="within each other"):
        storage.move(("docs",), other, (*deep, "docs"), False)


def test_another_file_system_is_told_of(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    def far(*_: object, **__: object) -> None:
        raise OSError(errno.EXDEV, "far")

    monkeypatch.setattr(OpenFolder, "rename", far)
    with pytest.raises(InvalidPath, match="another file system"):
        storage.move(("a.txt",), storage, ("b.txt",), False)


def test_a_file_is_removed(storage: Storage) -> None:
    assert storage.remove(("a.txt",), False) == Measure(3, 1)
    assert names(storage) == ["docs"]
    with pytest.raises(NoSuchPath):
        storage.remove(("a.txt",), False)


def test_a_folder_that_is_not_empty_is_removed_only_when_that_is_meant(storage: Storage) -> None:
    with pytest.raises(Conflict, match="not empty"):
        storage.remove(("docs",), False)
    assert storage.remove(("docs",), True) == Measure(12, 2, 2, 2)
    storage.make_folder(("empty",), False)
    assert storage.remove(("empty",), False) == Measure(folders=1)


# --- counting ---------------------------------------------------------------------------------------------------------
def test_all_that_is_there_is_counted(storage: Storage) -> None:
    (storage.root / "hidden").mkdir()
    (storage.root / "hidden" / "x").touch()
    assert storage.measure(()) == Measure(15, 3, 2, 3)
    assert storage.measure(()).amount == Amount(15, 5)
    assert storage.measure(("a.txt",)) == Measure(3, 1)
    assert storage.measure(("docs",)) == Measure(12, 2, 2, 2)


def test_contents_come_in_the_order_in_which_trees_are_sent(storage: Storage) -> None:
    pieces = list(storage.slices((), 4))
    assert pieces == [
        ("", None, b""),
        ("a.txt", 3, b""),
        ("", None, b"aaa"),
        ("docs", None, b""),
        ("docs/b.txt", 5, b""),
        ("", None, b"bbbb"),
        ("", None, b"b"),
        ("docs/deep", None, b""),
        ("docs/deep/c.txt", 7, b""),
        ("", None, b"cccc"),
        ("", None, b"ccc"),
    ]
    assert list(storage.slices(("a.txt",), 100)) == [("", 3, b""), ("", None, b"aaa")]


# --- uploads ----------------------------------------------------------------------------------------------------------
def test_an_upload_gets_its_place(storage: Storage) -> None:
    (storage.uploads / "done").write_bytes(b"new")
    assert storage.received("done") == Measure(3, 1)
    with pytest.raises(Conflict):
        storage.receive("done", ("a.txt",), False)
    assert storage.receive("done", ("a.txt",), True) == Measure(3, 1)
    assert (storage.root / "a.txt").read_bytes() == b"new"
    assert os.listdir(storage.uploads) == []


def test_what_is_half_received_is_counted(storage: Storage) -> None:
    (storage.uploads / ".one.x.part").write_bytes(b"12345")
    (storage.uploads / ".two.y.part").mkdir()
    (storage.uploads / ".two.y.part" / "f").write_bytes(b"123")
    assert storage.parts() == Amount(8, 3)
    assert storage.part_of("two") == Amount(3, 2)
    assert storage.part_of("three") == Amount()


def test_an_upload_that_cannot_have_its_place_is_removed(storage: Storage) -> None:
    (storage.uploads / "done").mkdir()
    (storage.uploads / "done" / "x").touch()
    storage.discard("done")
    storage.discard("done")
    assert os.listdir(storage.uploads) == []


def test_what_a_killed_server_has_left_is_removed_and_what_can_be_gone_on_with_stays(storage: Storage) -> None:
    (storage.uploads / "complete").touch()
    (storage.uploads / ".new.x.part").touch()
    (storage.uploads / ".old.y.part").touch()
    os.utime(storage.uploads / ".old.y.part", (0, 0))
    storage.prepare()
    assert os.listdir(storage.uploads) == [".new.x.part"]


def test_some_of_the_disk_is_the_servers(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    free = limits.ROOM_OF_THE_SERVER + 7
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    assert storage.free == 7
    free = 7
    assert storage.free == 0


def test_the_folders_are_for_this_program_alone(storage: Storage) -> None:
    for folder in storage.root, storage.uploads:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_large_folder_is_listed_a_page_at_a_time(storage: Storage) -> None:
    storage.make_folder(("many",), False)
    for number in range(200):
        (storage.root / "many" / f"{number:05}").touch()
    seen: list[str] = []
    has_more = True
    while has_more:
        page, has_more = storage.page(("many",), seen[-1] if seen else None, 60)
        seen += [found.name for found in page]
    assert seen == [f"{number:05}" for number in range(200)]


def test_blake2_of_the_slices_is_that_of_the_file(storage: Storage) -> None:
    content = b"".join(data for _, _, data in storage.slices(("docs", "b.txt"), 2))
    assert hashlib.blake2b(content).digest() == hashlib.blake2b(b"bbbbb").digest()
