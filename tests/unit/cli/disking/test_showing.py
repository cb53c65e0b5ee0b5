"""What is on the disk, in words and as facts."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from esframework.cli.disking.showing import (
    facts_of,
    information_facts,
    information_lines,
    long_line_of,
    name_of,
    quota_lines,
    share_facts,
    share_line,
)
from esframework.managers.disk.contracts import DiskEntry, DiskInformation, DiskQuota, DiskShare

FILE = DiskEntry(
    path="/docs/letter",
    name="letter",
    is_folder=False,
    size=1234,
    modified_at=1_700_000_000_500_000_000,
    is_executable=False,
    may_write=True,
    is_shared=False,
)
FOLDER = replace(FILE, path="/docs", name="docs", is_folder=True, size=0, is_shared=True)
SHARE = DiskShare(
    owner="alice",
    path="/docs",
    shared_path="/shared/alice/docs",
    users=["bob"],
    groups=["team"],
    writing_users=["carol"],
    writing_groups=[],
    may_write=True,
)


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def test_a_folders_name_ends_in_a_slash() -> None:
    assert (name_of(FILE), name_of(FOLDER)) == ("letter", "docs/")


def test_a_name_steers_no_terminal() -> None:
    assert name_of(replace(FILE, name="a\x1b[2Jb")) == "a\\u001b[2Jb"
    assert "\x1b" not in long_line_of(replace(FILE, name="\x1b"))


def test_a_long_line_has_flags_size_time_and_name() -> None:
    assert long_line_of(FILE) == "--w-           1234  2023-11-14 22:13  letter"
    assert long_line_of(FOLDER) == "d-ws              -  2023-11-14 22:13  docs/"
    assert long_line_of(replace(FILE, is_executable=True, may_write=False, modified_at=0)).split() == [
        "-x--",
        "1234",
        "letter",
    ]


def test_scripts_get_seconds() -> None:
    facts = facts_of(FILE)
    assert facts["modified_at"] == 1_700_000_000.5
    assert (facts["path"], facts["size"], facts["is_folder"]) == ("/docs/letter", 1234, False)


def test_information_is_told_a_line_each() -> None:
    known = DiskInformation(entry=FILE, size=1234, files=1, folders=0, algorithm="", checksum=b"")
    assert information_lines(known) == [
        "/docs/letter: file",
        "  size: 1.2 kB (1234 bytes)",
        "  changed: 2023-11-14 22:13",
        "  you may: read and change it",
    ]
    assert information_facts(known) == facts_of(FILE)


def test_a_checksum_is_told_with_what_it_is_of() -> None:
    known = DiskInformation(entry=FOLDER, size=9, files=2, folders=1, algorithm="blake2b", checksum=b"\x01\xff")
    lines = information_lines(known)
    assert "  holds: 2 files, 1 folders with itself" in lines
    assert lines[-2:] == ["  shared with others", "  blake2b: 01ff"]
    facts = information_facts(known)
    assert (facts["blake2b"], facts["files"], facts["folders"], facts["size"]) == ("01ff", 2, 1, 9)


def test_a_quota_is_told() -> None:
    quota = DiskQuota(used=1000, parts=0, reserved=0, allowed=10_000, free=9_000, entries=3, allowed_entries=5)
    assert quota_lines(quota) == ["used: 1.0 kB, in 3 of 5 files and folders", "allowed: 10.0 kB", "free: 9.0 kB"]
    unlimited = DiskQuota(used=0, parts=5, reserved=7, allowed=0, free=1, entries=0, allowed_entries=0)
    assert quota_lines(unlimited) == [
        "used: 0 bytes, in 0 files and folders",
        "allowed: no limit",
        "free: 1 byte",
        "half received, waiting to go on: 5 bytes",
        "coming in now: 7 bytes",
    ]


def test_a_share_is_told_to_both_sides() -> None:
    assert share_line(SHARE, True) == "/docs  read: bob, #team; read and change: carol"
    assert share_line(SHARE, False) == "/shared/alice/docs  read and change"
    assert share_line(replace(SHARE, may_write=False), False) == "/shared/alice/docs  read"
    nobody = replace(SHARE, users=[], groups=[], writing_users=[])
    assert share_line(nobody, True) == "/docs  nobody"
    assert share_facts(replace(SHARE, path=""))["path"] is None
