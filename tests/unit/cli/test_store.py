"""`esframework store`: what it does, what it prints, how it ends."""

from __future__ import annotations

import json
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from esframework.cli.store import store
from esframework.stores.sql.schema import SCHEMA_VERSION
from tests.store_files import ROWS, store_at

Run = Callable[..., Result]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return store_at(tmp_path / "stores.sqlite", is_filled=True)


@pytest.fixture
def run(path: Path) -> Run:
    """Runs a command on a filled store, or on the one at `on`."""

    def run(*arguments: str, on: Path = path, typed: str | None = None) -> Result:
        return CliRunner().invoke(store, [*arguments, "--store", str(on)], input=typed)

    return run


def test_a_sound_store_is_told_by_its_counts_and_code_0(run: Run, path: Path) -> None:
    result = run("check")
    assert result.exit_code == 0
    assert result.output.splitlines()[:2] == [f"{path}: schema version {SCHEMA_VERSION}", "         3 accounts"]


def test_a_problem_is_code_1(run: Run, path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM counters WHERE name = 'last offline message'")
    connection.close()
    result = run("check", "--json")
    assert result.exit_code == 1
    assert json.loads(result.output.splitlines()[-1]) == {
        "problem": "3 messages with numbers that may be given again"
    }


def test_looking_makes_no_file(run: Run, tmp_path: Path) -> None:
    for command in (("check",), ("export", str(tmp_path / "lines"))):
        result = run(*command, on=tmp_path / "nothing.sqlite")
        assert result.exit_code == 1
        assert "there is no store at" in result.stderr
    assert not (tmp_path / "nothing.sqlite").exists()
    assert not (tmp_path / "lines").exists()


def test_an_empty_file_holds_no_store_yet(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty.sqlite").touch()
    for command in (("check",), ("export", str(tmp_path / "lines"))):
        assert run(*command, on=tmp_path / "empty.sqlite").exit_code == 1


def test_a_newer_store_is_refused_by_every_command_with_both_versions(run: Run, path: Path, tmp_path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE esframework_version SET version_num = '0099'")
    connection.close()
    for command in (("check",), ("upgrade",), ("export", str(tmp_path / "out")), ("import", str(path))):
        result = run(*command)
        assert result.exit_code == 1
        assert "version 99" in result.stderr
        assert f"up to {SCHEMA_VERSION}" in result.stderr


def test_upgrade_says_from_which_version_to_which(run: Run, tmp_path: Path) -> None:
    old = tmp_path / "old.sqlite"
    connection = sqlite3.connect(old)
    connection.executescript(
        "CREATE TABLE accounts (user_id VARCHAR(255) PRIMARY KEY, password_hash VARCHAR(255) NOT NULL);"
        "CREATE TABLE schema_versions (part VARCHAR(64) PRIMARY KEY, version INTEGER NOT NULL);"
        "INSERT INTO schema_versions VALUES ('accounts', 1)"
    )
    connection.close()
    assert run("upgrade", on=old).output == f"{old}: schema version was 1, is now {SCHEMA_VERSION}\n"
    assert json.loads(run("upgrade", "--json", on=old).output) == {"before": SCHEMA_VERSION, "after": SCHEMA_VERSION}
    assert "was not there" in run("upgrade", on=tmp_path / "new.sqlite").output


def test_an_export_is_private_and_imported_elsewhere(run: Run, tmp_path: Path) -> None:
    lines, again = tmp_path / "lines", tmp_path / "again"
    assert run("export", str(lines)).output == f"{ROWS} rows are in {lines}\n"
    assert stat.S_IMODE(lines.stat().st_mode) == 0o600
    new = tmp_path / "new.sqlite"
    assert run("import", str(lines), on=new).output == f"{ROWS} rows are in {new}\n"
    assert run("export", str(again), on=new).exit_code == 0
    assert again.read_text() == lines.read_text()


def test_standard_input_and_output_will_do(run: Run, tmp_path: Path) -> None:
    lines = run("export", "-").output
    assert lines.count("\n") == ROWS + 2
    assert run("import", "-", on=tmp_path / "new.sqlite", typed=lines).exit_code == 0
    assert run("export", "-", on=tmp_path / "new.sqlite").output == lines


def test_an_existing_file_is_not_overwritten(run: Run, tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("dear Alice")
    result = run("export", str(tmp_path / "letter"))
    assert result.exit_code == 1
    assert "letter: cannot be made" in result.stderr
    assert (tmp_path / "letter").read_text() == "dear Alice"


def test_what_cannot_be_imported_is_one_line_and_code_1(run: Run, tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"\xff\xfe")
    for file, words in (("nothing", "cannot be read"), ("text", "not UTF-8"), ("stores.sqlite", "already")):
        on = tmp_path / ("stores.sqlite" if words == "already" else "new.sqlite")
        result = run("import", str(tmp_path / file), on=on)
        assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1)
        assert words in result.stderr


@pytest.mark.parametrize("arguments", [("export",), ("import",), ("check", "x"), ("vacuum",)])
def test_wrong_usage_is_code_2(run: Run, arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2
