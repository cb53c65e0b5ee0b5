"""Reading a file or a folder for sending."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from esframework import limits
from esframework.errors import SourceChanged, SourceRefused
from esframework.filesystem.digests import BLAKE2B
from esframework.filesystem.items import FileItem, FolderItem, Position
from esframework.filesystem.reading import TreeReader
from tests.unit.filesystem.trees import digest_of, make, paths, read_all, read_tree

NOBODY = 65534


def never() -> bool:
    """Nobody cancels."""
    return False


def surveyed(path: Path, algorithm: str | None = None) -> TreeReader:
    """A reader that is at the beginning."""
    reader = TreeReader(path)
    reader.survey()
    reader.start(algorithm)
    return reader


def test_a_file_is_a_tree_of_one_file_without_a_path(tmp_path: Path) -> None:
    path = tmp_path / "a name"
    path.write_bytes(b"content")
    path.chmod(0o755)
    os.utime(path, ns=(5, 1_700_000_000_123_456_789))
    survey = TreeReader(path).survey()
    assert (survey.name, survey.size, survey.files, survey.folders) == ("a name", 7, 1, 0)
    assert not survey.is_folder
    assert survey.is_executable
    assert survey.modified_at == 1_700_000_000_123_456_789
    assert read_tree(path) == [FileItem("", 7, 1_700_000_000_123_456_789, True), b"content"]


def test_a_folder_comes_with_all_that_is_in_it(tmp_path: Path) -> None:
    root = make(tmp_path / "r", {"f": b"1", "empty": b"", "sub": {"g": b"22", "deeper": {}}})
    os.utime(root / "f", ns=(0, 10))
    os.utime(root / "empty", ns=(0, 12))
    os.utime(root / "sub" / "g", ns=(0, 11))
    survey = TreeReader(root).survey()
    assert (survey.name, survey.size, survey.files, survey.folders) == ("r", 3, 3, 3)
    assert survey.is_folder
    assert not survey.is_executable
    assert survey.modified_at == 12
    assert read_tree(root) == [
        FolderItem(""),
        FileItem("empty", 0, 12),
        FileItem("f", 1, 10),
        b"1",
        FolderItem("sub"),
        FileItem("sub/g", 2, 11),
        b"22",
        FolderItem("sub/deeper"),
    ]


def test_an_empty_file_and_an_empty_folder(tmp_path: Path) -> None:
    folder = make(tmp_path / "r", {})
    (tmp_path / "f").write_bytes(b"")
    assert TreeReader(folder).survey().modified_at == 0
    assert read_tree(folder) == [FolderItem("")]
    assert paths(read_tree(tmp_path / "f")) == [""]


def test_names_in_any_script(tmp_path: Path) -> None:
    names = ["файл", "文件 夹", "ملف", "é", "e\u0301", "🎉", "a\\b", "-rf", "\n"]
    root = make(tmp_path / "根", {name: name.encode() for name in names})
    assert TreeReader(root).survey().name == "根"
    items = read_tree(root)
    assert paths(items) == ["/", *sorted(names)]
    assert items[2::2] == [name.encode() for name in sorted(names)]


def test_a_deep_tree_is_read_without_recursion(tmp_path: Path) -> None:
    root = make(tmp_path / "r", {})
    places = [str(root)]
    for _ in range(sys.getrecursionlimit() + 10):
        places.append(places[-1] + "/d")
        os.mkdir(places[-1])
    os.rename(make(tmp_path / "last", {"f": b"x"}), places[-1])
    assert TreeReader(root).survey().folders == len(places)
    assert read_tree(root)[-1] == b"x"
    os.unlink(places[-1] + "/f")
    for place in reversed(places):  # pytest itself would do it by recursion
        os.rmdir(place)


def test_many_small_files_come_in_one_go_and_whole(tmp_path: Path) -> None:
    root = make(tmp_path / "r", {f"{number:03}": bytes(10) for number in range(100)})
    reader = surveyed(root)
    assert len(reader.read(1000)) == 201
    assert reader.read(1000) == []
    reader.start(None)
    assert len(reader.read(25)) == 5  # the folder, and two files with their contents
    assert isinstance(reader.read(25)[0], FileItem)


def test_a_file_is_cut_only_where_it_is_longer_than_the_budget(tmp_path: Path) -> None:
    root = make(tmp_path / "r", {"a": bytes(4), "b": bytes(25)})
    reader = surveyed(root)
    sizes = []
    while items := reader.read(10):
        sizes.append([len(item) for item in items if isinstance(item, bytes)])
    assert sizes == [[4], [10], [10], [5]]


def test_one_reading_has_a_bounded_number_of_items(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ITEMS_AT_A_TIME", 5)
    root = make(tmp_path / "r", {f"{number:03}": b"" for number in range(20)})
    reader = surveyed(root)
    assert [len(reader.read(1000)) for _ in range(4)] == [10, 10, 1, 0]


def test_a_file_of_more_than_4_gib(tmp_path: Path) -> None:
    path = tmp_path / "f"
    size = 5 * 1024**3 + 3
    with path.open("wb") as file:
        file.truncate(size)
        file.seek(size - 3)
        file.write(b"end")
    reader = TreeReader(path)
    assert reader.survey().size == size
    assert reader.resume(Position(size - 5, "", size - 5), None, never) == b""
    assert reader.read(1 << 20) == [b"\0\0end"]
    assert reader.read(1 << 20) == []


def test_what_is_appended_after_the_survey_is_not_sent(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"12345")
    reader = surveyed(path)
    with path.open("ab") as file:
        file.write(b"more")
    assert read_all(reader)[1:] == [b"12345"]


@pytest.mark.parametrize("as_folder", [False, True])
def test_a_file_that_became_shorter_is_named_with_both_sizes(tmp_path: Path, as_folder: bool) -> None:
    path = make(tmp_path / "r", {"f": b"1234567890"}) / "f"
    reader = surveyed(path.parent if as_folder else path)
    os.truncate(path, 4)
    with pytest.raises(SourceChanged, match="10 bytes when it was offered and has only 4 now") as raised:
        read_all(reader)
    assert (raised.value.path, raised.value.expected, raised.value.found) == (str(path), 10, 4)
    reader.close()


def test_a_file_that_became_shorter_while_it_was_read(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"1234567890")
    reader = surveyed(path)
    reader.read(6)
    os.truncate(path, 2)
    with pytest.raises(SourceChanged, match="only 2 now"):
        reader.read(6)
    reader.close()


def test_a_file_that_vanished_is_named(tmp_path: Path) -> None:
    root = make(tmp_path / "r", {"f": b"x", "sub": {"g": b"x"}})
    reader = surveyed(root)
    (root / "sub" / "g").unlink()
    with pytest.raises(FileNotFoundError) as raised:
        read_all(reader)
    assert raised.value.filename == str(root / "sub" / "g")
    reader.close()


def test_a_link_or_a_folder_or_a_pipe_in_the_place_of_a_file_is_not_read(tmp_path: Path) -> None:
    root = make(tmp_path / "r", {"f": b"x"})
    (tmp_path / "secret").write_bytes(b"secret")
    path = root / "f"
    reader = surveyed(root)
    path.unlink()
    path.symlink_to(tmp_path / "secret")
    with pytest.raises(OSError, match="symbolic links") as raised:
        read_all(reader)
    assert raised.value.filename == str(path)
    path.unlink()
    path.mkdir()
    reader.start(None)
    with pytest.raises(IsADirectoryError) as raised:
        read_all(reader)
    assert raised.value.filename == str(path)
    path.rmdir()
    os.mkfifo(path)
    reader.start(None)
    with pytest.raises(OSError, match="seek") as raised:
        read_all(reader)
    assert raised.value.filename == str(path)
    reader.close()


def test_what_is_not_there_or_must_not_be_looked_at_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as raised:
        TreeReader(tmp_path / "nowhere").survey()
    assert raised.value.filename == str(tmp_path / "nowhere")


@contextmanager
def somebody_ordinary() -> Iterator[Path]:
    """A folder, and not to be root meanwhile, who may read everything."""
    with tempfile.TemporaryDirectory() as folder:
        before = os.geteuid()
        if before == 0:
            os.chown(folder, NOBODY, -1)
            os.seteuid(NOBODY)
        try:
            yield Path(folder)
        finally:
            os.seteuid(before)


def test_what_may_not_be_read_is_named() -> None:
    with somebody_ordinary() as folder:
        root = make(folder / "r", {"f": b"x", "sub": {}})
        (root / "f").chmod(0)
        reader = surveyed(root)
        with pytest.raises(PermissionError) as raised:
            read_all(reader)
        assert raised.value.filename == str(root / "f")
        (root / "sub").chmod(0)
        with pytest.raises(PermissionError) as raised:
            reader.survey()
        assert raised.value.filename == str(root / "sub")
        (root / "sub").chmod(0o700)
        reader.close()


def test_a_socket_cannot_be_sent(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        with pytest.raises(SourceRefused, match="neither a file nor a folder"):
            TreeReader(tmp_path / "s").survey()


def test_a_link_that_was_named_is_followed_and_gives_its_own_name(tmp_path: Path) -> None:
    make(tmp_path / "r", {"f": b"x"})
    (tmp_path / "folder").symlink_to("r")
    (tmp_path / "file").symlink_to("r/f")
    assert TreeReader(tmp_path / "folder").survey().name == "folder"
    assert paths(read_tree(tmp_path / "folder")) == ["/", "f"]
    assert read_tree(tmp_path / "file")[1:] == [b"x"]


def test_links_inside_are_read_when_they_are_followed(tmp_path: Path) -> None:
    root = make(tmp_path / "r", {"f": b"content", "sub": {"g": b"inside"}})
    (root / "link").symlink_to("f")
    (root / "other").symlink_to("sub")
    assert paths(read_tree(root)) == ["/", "f", "sub/", "sub/g"]
    items = read_tree(root, follow_links=True)
    assert paths(items) == ["/", "f", "link", "other/", "other/g", "sub/", "sub/g"]
    assert items.count(b"content") == 2
    assert items.count(b"inside") == 2


def test_a_path_keeps_its_meaning_when_the_process_goes_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path / "r", {"sub": {}})
    monkeypatch.chdir(tmp_path / "r")
    by_name, here, above = TreeReader("sub"), TreeReader("."), TreeReader("sub/..")
    monkeypatch.chdir("/")
    assert by_name.survey().name == "sub"
    assert here.survey().name == above.survey().name == "r"


def test_the_digest_is_that_of_what_was_read(tmp_path: Path) -> None:
    root = make(tmp_path / "r", {"a": b"12", "sub": {"b": b""}})
    reader = surveyed(root, BLAKE2B)
    assert reader.digest() == digest_of([], BLAKE2B)
    items = read_all(reader, 1)
    assert reader.digest() == digest_of(items, BLAKE2B)
    reader.start(None)
    assert reader.digest() == b""


@pytest.mark.parametrize(
    "position",
    [
        Position(3, "f", 2),  # not so many bytes before it
        Position(9, "f", 9),  # longer than the file
        Position(-1, "f", -1),
        Position(0, "nowhere", 0),
        Position(1, "", 1),
        Position(0, "sub", 0),
    ],
)
def test_a_position_that_is_not_in_the_tree_cannot_be_gone_on_from(tmp_path: Path, position: Position) -> None:
    root = make(tmp_path / "r", {"f": b"1234", "sub": {}})
    for algorithm in (None, BLAKE2B):
        assert surveyed(root).resume(position, algorithm, never) is None


def test_from_the_beginning_everything_is_read(tmp_path: Path) -> None:
    root = make(tmp_path / "r", {"f": b"1234"})
    reader = surveyed(root)
    assert reader.resume(Position(), BLAKE2B, never) == digest_of([], BLAKE2B)
    assert paths(read_all(reader)) == ["/", "f"]


def test_verifying_can_be_cancelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "VERIFYING_SLICE", 2)
    root = make(tmp_path / "r", {"f": b"1234567890"})
    answers = iter([False, False, False, True])
    assert surveyed(root).resume(Position(10, "f", 10), BLAKE2B, lambda: next(answers)) is None


def test_nothing_stays_open(tmp_path: Path) -> None:
    root = make(tmp_path / "r", {"f": b"1234567890"})
    before = os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else []
    reader = surveyed(root)
    reader.read(3)
    reader.close()
    reader.close()
    after = os.listdir("/proc/self/fd") if before else []
    assert len(after) == len(before)
