"""What is in a folder that is to be sent."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from esframework import limits
from esframework.errors import SourceRefused
from esframework.filesystem.listing import Listing, list_folder
from tests.unit.filesystem.trees import make


def listing_of(folder: Path, *, follow_links: bool = False) -> Listing:
    """Of a folder, without anybody who cancels."""
    return list_folder(str(folder), follow_links, lambda: False)


def test_a_folder_comes_before_its_files_and_these_before_its_folders(tmp_path: Path) -> None:
    root = make(tmp_path / "r", {"b": b"", "z": {}, "a": {"d": b"", "c": {"e": b""}}, "ä": b"", "Z": b""})
    listing = listing_of(root)
    assert listing.folders == ["", "a", "a/c", "z"]
    assert listing.names == ["Z", "b", "ä", "d", "e"]
    assert list(listing.ends) == [3, 4, 5, 5]


def test_files_are_found_by_their_paths(tmp_path: Path) -> None:
    listing = listing_of(make(tmp_path / "r", {"b": b"", "a": {"b": b"", "c": b""}, "x": {}}))
    assert listing.find("b") == (0, 0)
    assert listing.find("a/c") == (1, 2)
    for path in ("", "a", "c", "a/a", "a/d", "x/b", "y/b", "/b", "b/"):
        assert listing.find(path) is None, path


def test_what_is_no_file_and_no_folder_is_left_out_and_counted(tmp_path: Path) -> None:
    root = make(tmp_path / "r", {"file": b"x", "folder": {}})
    os.mkfifo(root / "pipe")
    (root / "link").symlink_to("file")
    (root / "link of a folder").symlink_to("folder")
    (root / "link to nowhere").symlink_to("nowhere")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(root / "socket"))
        listing = listing_of(root)
    assert listing.names == ["file"]
    assert listing.folders == ["", "folder"]
    assert listing.left_out == 5


def test_links_are_followed_when_asked_for(tmp_path: Path) -> None:
    root = make(tmp_path / "r", {"file": b"xyz", "folder": {"inside": b""}})
    (root / "link").symlink_to("file")
    (root / "other").symlink_to("folder")
    listing = listing_of(root, follow_links=True)
    assert listing.names == ["file", "link", "inside", "inside"]
    assert list(listing.sizes) == [3, 3, 0, 0]
    assert listing.folders == ["", "folder", "other"]
    assert listing.left_out == 0


def test_a_link_that_leads_nowhere_is_an_error_when_links_are_followed(tmp_path: Path) -> None:
    root = make(tmp_path / "r", {})
    (root / "link").symlink_to("nowhere")
    with pytest.raises(FileNotFoundError) as raised:
        listing_of(root, follow_links=True)
    assert raised.value.filename == str(root / "link")


@pytest.mark.parametrize("target", [".", "..", "../b"])
def test_a_link_to_a_folder_around_it_is_found(tmp_path: Path, target: str) -> None:
    root = make(tmp_path / "r", {"a": {"b": {}}})
    (root / "a" / "b" / "link").symlink_to(target)
    with pytest.raises(SourceRefused, match="a/b/link' leads to a folder that it is in"):
        listing_of(root, follow_links=True)
    assert listing_of(root).left_out == 1


def test_two_folders_that_link_to_each_other_are_found(tmp_path: Path) -> None:
    root = make(tmp_path / "r", {"a": {}, "b": {}})
    (root / "a" / "to b").symlink_to("../b")
    (root / "b" / "to a").symlink_to("../a")
    with pytest.raises(SourceRefused, match="a/to b/to a"):
        listing_of(root, follow_links=True)


def test_too_many_entries_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make(tmp_path / "r", {"a": b"", "b": {"c": b""}})
    monkeypatch.setattr(limits, "MAX_ENTRIES_OF_A_TREE", 4)
    assert len(listing_of(root).names) == 2
    (root / "b" / "d").write_bytes(b"")
    with pytest.raises(SourceRefused, match="more than 4 files and folders"):
        listing_of(root)


def test_what_is_left_out_counts_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make(tmp_path / "r", {})
    for number in range(4):
        (root / str(number)).symlink_to("nowhere")
    monkeypatch.setattr(limits, "MAX_ENTRIES_OF_A_TREE", 3)
    with pytest.raises(SourceRefused, match="more than 3"):
        listing_of(root)


def test_a_name_that_is_no_unicode_is_refused_and_named(tmp_path: Path) -> None:
    root = make(tmp_path / "r", {"a": {}})
    (Path(os.fsdecode(os.fsencode(root) + b"/a/\xff.txt"))).write_bytes(b"")
    with pytest.raises(SourceRefused, match=r"xff\.txt.* no name in Unicode"):
        listing_of(root)


def test_looking_can_be_given_up_between_any_two_entries(tmp_path: Path) -> None:
    root = make(tmp_path / "r", {"a": b"", "b": b""})
    answers = iter([False, True])
    with pytest.raises(SourceRefused, match="given up"):
        list_folder(str(root), False, lambda: next(answers))


def test_times_outside_the_range_of_the_wire_become_its_bounds(tmp_path: Path) -> None:
    listing = Listing()
    listing.add("a", 0, 2**63, 0)
    listing.add("b", 0, -(2**64), 0o100)
    assert list(listing.times) == [2**63 - 1, 1 - 2**63]
    assert listing.executables == b"\0\1"
