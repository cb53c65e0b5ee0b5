"""Where everything is on the server's disk, and shares that survive a restart."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from esframework.errors import StoreError
from esframework.managers.disk.folders import DiskFolder
from esframework.managers.disk.machine.shares import Right, Share
from esframework.managers.disk.options import PublicFolder

PLANS = Share("alice", "plans", ("work", "plans"), {"bob": Right.READ}, {"team": Right.WRITE})


@pytest.mark.parametrize("user_id", ["alice", "..", ".", "a/b", "../bob", "/etc", "%", "Ünïcode", "x" * 255])
def test_no_users_name_leads_anywhere_else(tmp_path: Path, user_id: str) -> None:
    folder = DiskFolder(tmp_path)
    storage = folder.storage_of(user_id)
    storage.prepare()
    home = storage.root.parent
    assert home.parent == tmp_path / "users"
    assert os.listdir(tmp_path / "users") == [home.name]


def test_names_that_differ_in_case_only_are_two_folders_everywhere(tmp_path: Path) -> None:
    folder = DiskFolder(tmp_path)
    first, second = folder.storage_of("Alice").root, folder.storage_of("alice").root
    assert str(first).lower() != str(second).lower()


def test_shares_are_there_after_a_restart(tmp_path: Path) -> None:
    DiskFolder(tmp_path).write_shares("alice", [PLANS])
    DiskFolder(tmp_path).write_shares("b/ob", [Share("b/ob", "x", ("x",), {"alice": Right.WRITE}, {})])
    assert DiskFolder(tmp_path).read_shares() == [PLANS, Share("b/ob", "x", ("x",), {"alice": Right.WRITE}, {})]
    DiskFolder(tmp_path).write_shares("alice", [])
    assert len(DiskFolder(tmp_path).read_shares()) == 1


def test_shares_are_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = DiskFolder(tmp_path)
    folder.write_shares("alice", [PLANS])

    def full(*_: object, **__: object) -> None:
        raise OSError("full")

    monkeypatch.setattr(json, "dump", full)
    with pytest.raises(OSError, match="full"):
        folder.write_shares("alice", [])
    assert folder.read_shares() == [PLANS]
    assert os.listdir(tmp_path / "users" / "alice") == ["shares.json"]


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"version": 2, "owner": "alice", "shares": []}', "\xff"])
def test_shares_that_cannot_be_understood_are_an_error_and_not_no_shares(tmp_path: Path, text: str) -> None:
    folder = DiskFolder(tmp_path)
    folder.write_shares("alice", [PLANS])
    (tmp_path / "users" / "alice" / "shares.json").write_text(text, encoding="latin-1")
    with pytest.raises(StoreError, match=r"shares\.json"):
        folder.read_shares()


def test_the_next_of_a_name_finds_nothing_of_the_one_before(tmp_path: Path) -> None:
    folder = DiskFolder(tmp_path)
    storage = folder.storage_of("alice")
    storage.prepare()
    (storage.root / "letter").touch()
    folder.write_shares("alice", [PLANS])
    name = folder.set_aside("alice")
    assert name is not None
    assert folder.read_shares() == []
    folder.storage_of("alice").prepare()
    assert folder.storage_of("alice").page((), None, 10) == ([], False)
    assert (tmp_path / "deleted" / name / "files" / "letter").exists()
    folder.remove_deleted()
    assert os.listdir(tmp_path / "deleted") == []


def test_of_somebody_who_had_nothing_nothing_is_set_aside(tmp_path: Path) -> None:
    assert DiskFolder(tmp_path).set_aside("nobody") is None
    DiskFolder(tmp_path / "none").remove_deleted()


def test_uploads_to_a_public_folder_are_received_in_it_and_not_shown(tmp_path: Path) -> None:
    public = tmp_path / "music"
    storage = DiskFolder(tmp_path).public_storage(PublicFolder(path=public, is_writable=True))
    storage.prepare()
    assert storage.uploads.parent == storage.root == public
    assert storage.page((), None, 10) == ([], False)
