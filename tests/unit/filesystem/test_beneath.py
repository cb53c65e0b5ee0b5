"""What is beneath an open folder, with and without descriptors of folders."""

from __future__ import annotations

import errno
import inspect
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from esframework.filesystem import beneath
from esframework.filesystem.beneath import OpenFolder


@pytest.fixture(params=["descriptors", "checked paths"], autouse=True)
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every test runs as on systems that open folders, and as on Windows."""
    if request.param == "checked paths":
        monkeypatch.setattr(beneath, "HAS_DESCRIPTORS", False)
    return str(request.param)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("secret")
    inside = tmp_path / "root"
    (inside / "a" / "b").mkdir(parents=True)
    (inside / "a" / "file").write_text("content")
    (inside / "out").symlink_to(tmp_path / "outside")
    (inside / "in").symlink_to("a")
    (inside / "secret").symlink_to(tmp_path / "outside" / "secret")
    return inside


@pytest.fixture
def top(root: Path) -> Iterator[OpenFolder]:
    with OpenFolder.at(root) as folder:
        yield folder


def is_link(raised: pytest.ExceptionInfo[OSError]) -> bool:
    return raised.value.errno == errno.ELOOP and "links are not followed" in str(raised.value)


def test_a_folder_is_reached_name_by_name(top: OpenFolder, root: Path) -> None:
    with top.folder(["a"]) as folder:
        assert sorted(entry.name for entry in folder.entries()) == ["b", "file"]
        assert folder.path == root / "a"
    with top.folder() as same:
        assert same.has("a")


@pytest.mark.parametrize("names", [["out"], ["in"], ["in", "b"], ["a", "b", "..", ".."]])
def test_no_link_and_no_step_up_is_taken(top: OpenFolder, names: list[str]) -> None:
    with pytest.raises((OSError, ValueError)):
        top.folder(names)


def test_a_link_is_named_as_one(top: OpenFolder) -> None:
    with pytest.raises(OSError) as raised:
        top.folder(["out"])
    assert is_link(raised)
    with pytest.raises(OSError) as raised:
        os.close(top.open_file("secret"))
    assert is_link(raised)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/", "a\0"])
def test_only_names_of_entries_are_taken(top: OpenFolder, name: str) -> None:
    for act in (top.status, top.open_file, top.create_file, top.make_folder, top.remove, top.remove_tree):
        with pytest.raises(ValueError, match="no name of an entry"):
            act(name)


def test_what_is_no_folder_and_what_is_not_there_say_so(top: OpenFolder, root: Path) -> None:
    with pytest.raises(NotADirectoryError):
        top.folder(["a", "file"])
    with pytest.raises(FileNotFoundError):
        top.folder(["none"])
    with pytest.raises(NotADirectoryError):
        OpenFolder.at(root / "a" / "file")


def test_a_status_is_the_links_own(top: OpenFolder) -> None:
    assert stat.S_ISLNK(top.status("out").st_mode)
    assert top.has("out") and not top.has("none")


def test_files_are_opened_and_nothing_else_is(top: OpenFolder, root: Path) -> None:
    with top.folder(["a"]) as folder:
        descriptor = folder.open_file("file")
        assert os.read(descriptor, 100) == b"content"
        os.close(descriptor)
        with pytest.raises(IsADirectoryError):
            folder.open_file("b")
    os.mkfifo(root / "pipe")
    with pytest.raises(OSError, match="neither a file nor a folder"):
        top.open_file("pipe")


def test_what_is_made_takes_nobodys_place(top: OpenFolder, root: Path) -> None:
    os.close(top.create_file("new"))
    top.make_folder("folder")
    assert (root / "new").read_bytes() == b"" and (root / "folder").is_dir()
    (root / "dangling").symlink_to(root.parent / "made")
    for name in ("new", "folder", "secret", "dangling"):
        with pytest.raises(FileExistsError):
            top.create_file(name)
        with pytest.raises(FileExistsError):
            top.make_folder(name)
    assert not (root.parent / "made").exists()


def test_a_free_name_is_given(top: OpenFolder, root: Path) -> None:
    with top.folder(["a"]) as folder, folder.folder(["b"]) as below:
        folder.rename("file", below, "renamed")
        top.rename("a", top, "c")
    assert (root / "c" / "b" / "renamed").read_text() == "content"


def test_a_taken_name_is_given_only_when_it_may_be(top: OpenFolder, root: Path) -> None:
    (root / "one").write_text("1")
    (root / "two").write_text("2")
    (root / "empty").mkdir()
    for taken in ("two", "secret", "empty"):
        with pytest.raises(FileExistsError):
            top.rename("one", top, taken)
    with pytest.raises(FileExistsError):
        top.rename("a", top, "empty")
    top.rename("one", top, "two", replace=True)
    assert (root / "two").read_text() == "1"
    assert not (root / "one").exists()


def test_two_change_places(top: OpenFolder, root: Path) -> None:
    (root / "other").mkdir()
    if top.exchange("a", top, "other"):
        assert (root / "other" / "file").exists()
        assert not list((root / "a").iterdir())
    else:
        assert (root / "a" / "file").exists()


def test_a_tree_is_removed_and_what_its_links_show_is_not(top: OpenFolder, root: Path) -> None:
    (root / "a" / "b" / "link").symlink_to(root.parent / "outside")
    (root / "a" / "b" / "more").write_text("123")
    assert top.remove_tree("a") == len("content" + "123")
    top.remove_tree("out")
    assert sorted(os.listdir(root)) == ["in", "secret"]
    assert (root.parent / "outside" / "secret").read_text() == "secret"


def test_the_rest_of_a_tree_goes_where_something_cannot(
    top: OpenFolder, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "xyz":
        (root / "a" / name).write_text("")
    unlink = os.unlink

    def stubborn(path: str, *, dir_fd: int | None = None) -> None:
        if os.path.basename(path) == "y":
            raise PermissionError(errno.EACCES, "no", path)
        unlink(path, dir_fd=dir_fd)

    monkeypatch.setattr(os, "unlink", stubborn)
    with pytest.raises(PermissionError):
        top.remove_tree("a")
    assert os.listdir(root / "a") == ["y"]


def test_a_deep_tree_is_removed_without_recursion(top: OpenFolder, root: Path) -> None:
    (root / "/".join(["d"] * 80)).mkdir(parents=True)
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 150)
    try:
        top.remove_tree("d")
    finally:
        sys.setrecursionlimit(before)
    assert not (root / "d").exists()


def test_closing_twice_is_harmless_and_leaves_no_descriptor(root: Path, system: str) -> None:
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    folder = OpenFolder.at(root)
    folder.folder(["a", "b"]).close()
    with pytest.raises(OSError):
        folder.folder(["a", "none"])
    if system == "checked paths":
        assert folder.descriptor is None
    else:
        assert folder.descriptor is not None and os.fstat(folder.descriptor).st_ino == root.stat().st_ino
    folder.close()
    folder.close()
    assert folder.descriptor is None
    assert before == (len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0)
