"""`esframework offline`: what it shows of waiting messages, and what it deletes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from esframework.cli.offline import offline
from esframework.interfaces import FileQuota, Quota, StoredFile, StoredMessage
from esframework.stores.sql.database import FILE_NAME, Part, open_database
from esframework.stores.sql.offline_file_table import SqlOfflineFileRows
from esframework.stores.sql.offline_table import SqlOfflineRows
from esframework.stores.sql.versions import prepare

Run = Callable[..., Result]
NOW = time.time()
DAY = 86400.0


@pytest.fixture
def data(tmp_path: Path) -> Path:
    database = open_database(tmp_path / FILE_NAME)
    prepare(database)
    kept = [
        ("m1", "bob", b"secret", 1_800_000_000.5),
        ("m2", "bob", b"more", NOW),
        ("m3", "carol", None, NOW - 2 * DAY),
    ]
    with database.writing(Part.OFFLINE) as connection:
        SqlOfflineRows(connection).keep_all(
            [
                (StoredMessage(id, target, "alice", 8, 7, content, at, at + DAY), Quota(0, 0))
                for id, target, content, at in kept
            ]
        )
    database.close()
    return tmp_path


@pytest.fixture
def run(data: Path) -> Run:
    return lambda *arguments, typed=None: CliRunner().invoke(offline, [*arguments, "--data", str(data)], input=typed)


def test_list_tells_for_whom_how_much_waits_and_since_when(run: Run) -> None:
    lines = run("list").stdout.splitlines()
    assert lines[0].startswith("bob: 2 messages, 10 bytes, the oldest of ")
    assert lines[1].startswith("carol: 1 messages, 0 bytes, the oldest of ")
    assert lines[2:] == ["3 messages, 10 bytes in all"]


def test_looking_makes_no_store(tmp_path: Path) -> None:
    for command in (("list",), ("purge", "bob", "--yes")):
        result = CliRunner().invoke(offline, [*command, "--data", str(tmp_path / "typo")])
        assert result.exit_code == 1
        assert "there is no store at" in result.stderr
    assert not (tmp_path / "typo").exists()


def test_list_as_json(run: Run) -> None:
    boxes = [json.loads(line) for line in run("list", "--json").stdout.splitlines()]
    assert [(box["user_id"], box["messages"], box["bytes"]) for box in boxes] == [("bob", 2, 10), ("carol", 1, 0)]


def test_list_of_a_user_tells_of_each_message_and_nothing_of_its_content(run: Run) -> None:
    result = run("list", "bob")
    first, second = result.stdout.splitlines()
    assert first == (
        "1: type 7 from alice, 6 bytes, 2027-01-15T08:00:00Z until 2027-01-16T08:00:00Z, handed out 0 times"
    )
    assert "secret" not in result.output
    [one, _] = [json.loads(line) for line in run("list", "bob", "--json").stdout.splitlines()]
    assert (one["number"], one["id"], one["source"], one["bytes"]) == (1, "m1", "alice", 6)


def test_more_than_a_page_is_listed_once(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("esframework.cli.offline._PAGE", 1)
    assert len(run("list").stdout.splitlines()) == 3
    assert len(run("list", "bob").stdout.splitlines()) == 2


def test_nothing_that_waits_is_said(run: Run) -> None:
    run("purge", "--everybody", "--yes")
    assert run("list").stdout == "0 messages, 0 bytes in all\n"
    assert run("list", "zoe").stdout == "nothing waits for zoe\n"
    assert run("list", "zoe", "--json").stdout == ""


def test_purge_asks_first(run: Run) -> None:
    refused = run("purge", "bob", typed="n\n")
    assert refused.exit_code == 1 and "Delete all messages for bob?" in refused.output
    assert run("purge", "bob", typed="y\n").stdout == "2 messages deleted\n"
    assert [line.split(":")[0] for line in run("list").stdout.splitlines()[:-1]] == ["carol"]


def test_purge_of_what_is_old(run: Run) -> None:
    assert run("purge", "--everybody", "--older-than", "1d", "--yes").stdout == "1 messages deleted\n"
    assert json.loads(run("purge", "--everybody", "--yes", "--json").stdout) == {"deleted": 2}


@pytest.mark.parametrize(
    "arguments", [["purge", "--yes"], ["purge", "bob", "--everybody", "--yes"], ["purge", "bob", "--older-than", "1x"]]
)
def test_purge_wants_to_know_whose_and_how_old(run: Run, arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


def test_a_store_that_is_none_ends_with_one_line(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("no database at all, but long enough to be taken for one" * 100)
    result = CliRunner().invoke(offline, ["list", "--data", str(tmp_path)])
    assert result.exit_code == 1
    assert result.output.startswith("esframework offline: ") and result.output.count("\n") == 1


# --- files ----------------------------------------------------------------------------------------------------------
@pytest.fixture
def files(data: Path, run: Run) -> Run:
    """The same with files that wait."""
    database = open_database(data / FILE_NAME)
    with database.writing(Part.OFFLINE) as connection:
        rows = SqlOfflineFileRows(connection)
        for number, (target, size, at) in enumerate((("bob", 5, 1_800_000_000.5), ("bob", 7, NOW), ("carol", 0, NOW))):
            told = StoredFile(
                id=f"f{number}",
                target=target,
                source=None if number else "alice",
                source_device=8,
                name="报告.pdf",
                is_folder=number > 0,
                size=size,
                files=number + 1,
                modified_at=0,
                comment="secret",
                blob=f"b{number}",
                received_at=at,
                expires_at=at + DAY,
            )
            rows.add(told, FileQuota())
    database.close()
    return run


def test_list_of_files_tells_for_whom_how_much_is_kept(files: Run) -> None:
    lines = files("list", "--files").stdout.splitlines()
    assert lines[0].startswith("bob: 2 files, 12 bytes, the oldest of ")
    assert lines[1].startswith("carol: 1 files, 0 bytes, the oldest of ")
    assert lines[2:] == ["3 files, 12 bytes in all"]
    boxes = [json.loads(line) for line in files("list", "--files", "--json").stdout.splitlines()]
    assert [(box["user_id"], box["files"], box["bytes"]) for box in boxes] == [("bob", 2, 12), ("carol", 1, 0)]


def test_list_of_a_user_s_files_tells_of_each(files: Run) -> None:
    first, second = files("list", "bob", "--files").stdout.splitlines()
    assert first == (
        "1: file '报告.pdf' from alice, 5 bytes, 2027-01-15T08:00:00Z until 2027-01-16T08:00:00Z, offered 0 times"
    )
    assert second.startswith("2: folder of 2 files '报告.pdf' from the server, 7 bytes, ")
    one, _ = [json.loads(line) for line in files("list", "bob", "--files", "--json").stdout.splitlines()]
    assert (one["id"], one["source"], one["name"], one["is_folder"], one["offered"]) == (
        "f0", "alice", "报告.pdf", False, 0,
    )  # fmt: skip
    assert files("list", "nobody", "--files").stdout == "no file waits for nobody\n"


def test_more_files_than_a_page_are_listed_once(files: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("esframework.cli.kept_files._PAGE", 1)
    assert len(files("list", "--files").stdout.splitlines()) == 3
    assert len(files("list", "bob", "--files").stdout.splitlines()) == 2


def test_purging_files_leaves_messages_alone(files: Run) -> None:
    assert files("purge", "bob", "--files", typed="y\n").stdout == "2 files deleted\n"
    assert files("list", "--files").stdout.splitlines()[-1] == "1 files, 0 bytes in all"
    assert files("list").stdout.splitlines()[-1] == "3 messages, 10 bytes in all"
    assert files("purge", "--everybody", "--files", "--older-than", "1h", "--yes").stdout == "0 files deleted\n"
    assert "whose files?" in files("purge", "--files").stderr
