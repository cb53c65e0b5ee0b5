"""Contents lie in folders of their own, and nothing but these is looked at."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from esframework import limits
from esframework.managers.offline_files.blobs import Blobs


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "data" / "offline-files")


def test_a_place_is_made_and_removed_with_all_that_is_in_it(blobs: Blobs) -> None:
    assert blobs.names() == []
    blobs.make("one")
    blobs.make("one")
    place = blobs.place("one")
    (place / "inner").mkdir(parents=True)
    (place / "inner" / "file").write_bytes(b"x")
    assert blobs.names() == ["one"]
    blobs.remove("one")
    blobs.remove("one")
    assert blobs.names() == []


def test_nobody_else_can_look_into_the_folder(blobs: Blobs) -> None:
    blobs.make("one")
    assert blobs.folder.stat().st_mode & 0o077 == blobs.place("one").parent.stat().st_mode & 0o077 == 0


def test_only_what_is_empty_is_removed_as_empty(blobs: Blobs) -> None:
    for blob in ("empty", "full"):
        blobs.make(blob)
    (blobs.place("full")).write_bytes(b"")
    for blob in ("empty", "full", "gone"):
        blobs.remove_if_empty(blob)
    assert blobs.names() == ["full"]


def test_a_place_knows_its_blob_and_other_places_none(blobs: Blobs) -> None:
    assert blobs.blob_of(blobs.place("one")) == "one"
    for elsewhere in (blobs.folder, blobs.folder / "content", blobs.place("a/b"), Path("/content"), Path("/a/content")):
        assert blobs.blob_of(elsewhere) is None


def test_files_and_links_in_the_folder_are_nobodys_contents(blobs: Blobs, tmp_path: Path) -> None:
    blobs.make("one")
    (blobs.folder / "file").write_bytes(b"x")
    (blobs.folder / "link").symlink_to(tmp_path, target_is_directory=True)
    assert blobs.names() == ["one"]


def test_some_of_the_disk_is_the_servers(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs.make("one")
    free = limits.ROOM_OF_THE_SERVER + 7
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    assert blobs.free == 7
    free = 7
    assert blobs.free == 0


def test_one_server_alone_holds_the_folder(blobs: Blobs) -> None:
    assert blobs.hold(), "there is nothing to be held"
    other = Blobs(blobs.folder)
    blobs.make("one")
    assert blobs.hold()
    assert blobs.hold()
    assert not other.hold()
    blobs.let_go()
    blobs.let_go()
    assert other.hold()
    other.let_go()
