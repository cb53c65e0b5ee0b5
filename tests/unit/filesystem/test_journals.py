"""What is noted of something half received, and what is made of a note that somebody has changed."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from esframework import limits
from esframework.filesystem.items import FileItem, Position
from esframework.filesystem.journals import (
    FolderJournals,
    Identity,
    MemoryJournals,
    Partial,
    from_json,
    journal_name,
    new_id,
    origin_prefix,
    sender_prefix,
    to_json,
)

PARTIAL = Partial(
    id="0123456789abcdef",
    identity=Identity("alice", "hash\\name", 100, -5, True),
    name="na\nme \ud800",
    destination=Path("/home/bob/文件"),
    position=Position(50, "a/b", 20),
    file=FileItem("a/b", 40, 7, True),
    files=3,
    updated_at=1000.5,
    lifetime=300.0,
    is_ours=True,
    is_ordered=False,
    is_replacing=True,
)
SIMPLE = replace(PARTIAL, file=None, identity=Identity("", "", 0, 0, False), position=Position(), lifetime=-1.0)


@pytest.mark.parametrize("partial", [PARTIAL, SIMPLE])
def test_what_is_noted_is_read_back(partial: Partial) -> None:
    assert from_json(to_json(partial)) == partial
    assert from_json(to_json(replace(partial, is_in_use=True))) == partial


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("version", 2),
        ("id", "../../../../etc"),
        ("id", "0123456789ABCDEF"),
        ("id", "0123456789abcdef\n"),
        ("id", 5),
        ("sender", None),
        ("origin", b"".hex),
        ("size", -1),
        ("size", True),
        ("size", 1e3),
        ("size", 2**64),
        ("modified_at", "now"),
        ("is_folder", 1),
        ("name", []),
        ("destination", "relative"),
        ("destination", "/"),
        ("destination", "/a/../b"),
        ("destination", "/a\0b"),
        ("position", None),
        ("position", [1, "a"]),
        ("position", [-1, "a/b", 0]),
        ("position", [5, "a/b", 6]),
        ("position", [101, "a/b", 20]),
        ("file", [1, 2, 3, 4]),
        ("file", {}),
        ("file", ["a/b", 2**64, 7, True]),
        ("files", -1),
        ("updated_at", float("nan")),
        ("updated_at", float("inf")),
        ("updated_at", "1"),
        ("updated_at", -1.0),
        ("updated_at", 1e12),
        ("lifetime", None),
        ("is_ours", "yes"),
        ("is_ordered", None),
        ("is_replacing", 0),
    ],
)
def test_what_nobody_can_have_noted_is_refused(name: str, value: Any) -> None:
    facts = json.loads(to_json(PARTIAL))
    facts[name] = value if not callable(value) else [value.__name__]
    with pytest.raises(ValueError, match=name):
        from_json(json.dumps(facts).encode())
    del facts[name]
    if name != "file":
        with pytest.raises(ValueError, match=name):
            from_json(json.dumps(facts).encode())


@pytest.mark.parametrize("position", [[50, "other", 20], [50, "a/b", 50]])
def test_a_position_is_in_the_file_that_began_last(position: list[Any]) -> None:
    facts = json.loads(to_json(PARTIAL)) | {"position": position}
    with pytest.raises(ValueError, match="is not where"):
        from_json(json.dumps(facts).encode())


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"version": 1}'])
def test_what_is_no_journal_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        from_json(data)


def test_temporary_names_are_beside_the_destination_and_have_our_form() -> None:
    assert PARTIAL.part == Path("/home/bob/.文件.0123456789abcdef.part")
    assert PARTIAL.replaced == Path("/home/bob/.文件.0123456789abcdef.old")


@pytest.mark.parametrize("name", ["a" * 255, "ä" * 127, "文" * 85, "\udcff" * 255, "🎉" * 63])
def test_temporary_names_are_never_too_long(name: str) -> None:
    part = replace(PARTIAL, destination=Path("/x") / name).part
    assert len(os.fsencode(part.name)) <= limits.MAX_NAME_BYTES
    assert part.name.endswith(".0123456789abcdef.part")


def test_it_expires_when_nobody_goes_on_with_it_and_at_once_without_a_lifetime() -> None:
    assert PARTIAL.expires_at == 1300.5
    assert SIMPLE.expires_at == 1000.5


def test_names_of_journals_tell_nothing_and_are_found_by_their_beginning() -> None:
    identity = PARTIAL.identity
    name = journal_name(identity, PARTIAL.id)
    assert name.startswith(origin_prefix(identity)) and origin_prefix(identity).startswith(sender_prefix(identity))
    assert name.endswith(PARTIAL.id) and "alice" not in name
    assert sender_prefix(replace(identity, sender="bob")) != sender_prefix(identity)
    assert origin_prefix(replace(identity, origin="x")) != origin_prefix(identity)
    assert new_id() != new_id() and len(new_id()) == 16


def test_memory_and_folders_keep_the_same(tmp_path: Path) -> None:
    for journals in (MemoryJournals(), FolderJournals(tmp_path / "a" / "b")):
        assert journals.names() == []
        assert journals.read("x") is None
        journals.write("x", b"1")
        journals.write("x", b"2")
        journals.write("y", b"3")
        assert sorted(journals.names()) == ["x", "y"]
        assert journals.read("x") == b"2"
        journals.remove("x")
        journals.remove("x")
        journals.sweep(0.0)
        assert journals.names() == ["y"]


def test_a_folder_of_journals_is_nobody_elses_business(tmp_path: Path) -> None:
    FolderJournals(tmp_path / "state").write("x", b"1")
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "state" / "x.json").stat().st_mode & 0o777 == 0o600


def test_a_journal_that_cannot_be_written_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journals = FolderJournals(tmp_path)
    journals.write("x", b"1")

    def fail(*arguments: Any) -> None:
        raise OSError("no")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError):
        journals.write("x", b"2")
    assert journals.read("x") == b"1"
    assert os.listdir(tmp_path) == ["x.json"]


def test_what_a_killed_process_has_half_written_is_swept_later(tmp_path: Path) -> None:
    journals = FolderJournals(tmp_path)
    (tmp_path / "x.json.new").write_bytes(b"{")
    written = (tmp_path / "x.json.new").stat().st_mtime
    (tmp_path / "other").write_bytes(b"")
    assert journals.names() == []
    journals.sweep(written)
    assert len(os.listdir(tmp_path)) == 2
    journals.sweep(written + 1)
    assert os.listdir(tmp_path) == ["other"]
    FolderJournals(tmp_path / "none").sweep(0.0)


def test_a_journal_that_is_too_long_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(b" " * (limits.MAX_JOURNAL + 1))
    with pytest.raises(ValueError, match="longer than"):
        FolderJournals(tmp_path).read("x")
