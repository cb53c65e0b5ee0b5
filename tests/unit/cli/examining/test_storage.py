"""The data folder, private and writable; its accounts, readable and of a known version. Nothing is changed."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from esframework.cli.examining.finding import Finding, Status
from esframework.cli.examining.storage import check_accounts, check_data_folder
from esframework.interfaces import Account
from esframework.stores.sql.account_table import SqlAccountRows
from esframework.stores.sql.database import Database, Part, open_database
from esframework.stores.sql.versions import prepare


def opened(folder: Path) -> Database:
    database = open_database(folder / "accounts.sqlite")
    prepare(database)
    return database


def add(database: Database, name: str) -> None:
    with database.writing(Part.ACCOUNTS) as connection:
        SqlAccountRows(connection).add(Account(name), "hash")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with two accounts."""
    database = opened(tmp_path / "data")
    add(database, "alice")
    add(database, "bob")
    database.close()
    return tmp_path / "data"


def only(findings: Iterator[Finding]) -> Finding:
    [finding] = findings
    return finding


def test_a_private_folder_is_well(folder: Path) -> None:
    assert check_data_folder(folder).status is Status.OK


def test_a_folder_that_is_not_there_is_made_by_the_first_start(tmp_path: Path) -> None:
    finding = check_data_folder(tmp_path / "a" / "b")
    assert finding.status is Status.OK
    assert "first start" in finding.text


def test_a_folder_that_cannot_be_made_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    finding = check_data_folder(tmp_path / "a")
    assert finding.status is Status.FAIL
    assert str(tmp_path) in finding.text


def test_a_folder_that_this_user_cannot_write_fails(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)
    assert check_data_folder(folder).status is Status.FAIL


def test_a_file_in_its_place_fails(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    assert "no folder" in check_data_folder(tmp_path / "data").text


def test_a_folder_that_others_may_read_is_mended_by_chmod(folder: Path) -> None:
    folder.chmod(0o755)
    finding = check_data_folder(folder)
    assert (finding.status, finding.mend) == (Status.WARN, f"chmod 700 {folder}")


def test_accounts_are_counted(folder: Path) -> None:
    finding = only(check_accounts(folder, True))
    assert finding.status is Status.OK
    assert finding.text.startswith("2 in ")


def test_looking_leaves_no_file_behind(folder: Path) -> None:
    before = sorted(folder.iterdir())
    list(check_accounts(folder, True))
    assert sorted(folder.iterdir()) == before


def test_what_a_running_server_has_just_written_is_seen(folder: Path) -> None:
    server = opened(folder)
    add(server, "carol")
    assert only(check_accounts(folder, True)).text.startswith("3 in ")
    server.close()


def test_no_accounts_mean_that_nobody_can_log_on(tmp_path: Path, folder: Path) -> None:
    for empty in (tmp_path / "nothing", folder):
        if empty == folder:
            database = opened(folder)
            with database.writing(Part.ACCOUNTS) as connection:
                for name in ("alice", "bob"):
                    SqlAccountRows(connection).remove(name)
            database.close()
        finding = only(check_accounts(empty, True))
        assert finding.status is Status.WARN
        assert finding.mend == f"esframework user add NAME --data {empty}"


def test_accounts_that_are_not_used_are_not_missed(tmp_path: Path) -> None:
    assert only(check_accounts(tmp_path, False)).status is Status.OK


def test_accounts_in_another_database_are_not_looked_for_here(tmp_path: Path) -> None:
    finding = only(check_accounts(tmp_path, True, "postgresql://es:hidden@host/es"))
    assert finding.status is Status.OK
    assert "postgresql://es:***@host/es" in finding.text


def test_accounts_of_the_first_release_are_counted(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "accounts.sqlite")
    connection.executescript(
        "CREATE TABLE accounts (user_id); CREATE TABLE schema_versions (part, version);"
        "INSERT INTO schema_versions VALUES ('accounts', 1); INSERT INTO accounts VALUES ('alice');"
    )
    connection.close()
    (tmp_path / "accounts.sqlite").chmod(0o600)
    finding = only(check_accounts(tmp_path, True))
    assert (finding.status, finding.text.startswith("1 in ")) == (Status.OK, True)


def test_a_file_that_others_may_read_is_mended_by_chmod(folder: Path) -> None:
    file = folder / "accounts.sqlite"
    file.chmod(0o644)
    warning, finding = check_accounts(folder, True)
    assert (warning.status, warning.mend) == (Status.WARN, f"chmod 600 {file}")
    assert finding.status is Status.OK


def test_a_newer_schema_fails(folder: Path) -> None:
    connection = sqlite3.connect(folder / "accounts.sqlite")
    connection.execute("UPDATE esframework_version SET version_num = '0099'")
    connection.commit()
    connection.close()
    finding = only(check_accounts(folder, True))
    assert finding.status is Status.FAIL
    assert "version 99" in finding.text


def test_a_file_that_is_no_database_fails(folder: Path) -> None:
    (folder / "accounts.sqlite").write_bytes(b"this is no database at all, but a text" * 100)
    finding = only(check_accounts(folder, True))
    assert finding.status is Status.FAIL
    assert "cannot be read" in finding.text


def test_an_empty_file_holds_no_accounts_yet(tmp_path: Path) -> None:
    (tmp_path / "accounts.sqlite").touch(mode=0o600)
    finding = only(check_accounts(tmp_path, True))
    assert finding.status is Status.WARN
    assert "no accounts yet" in finding.text
