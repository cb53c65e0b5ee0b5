"""`esframework transfers`: what it shows of what has been received half, and what it removes."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from esframework.cli.transfers import transfers
from esframework.filesystem.items import FileItem
from esframework.filesystem.partials import Identity, Partials
from esframework.filesystem.writing import TreeWriter

Run = Callable[..., Result]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def run(state: Path) -> Run:
    return lambda *arguments, typed=None: CliRunner().invoke(
        transfers, [*arguments, "--state", str(state)], input=typed
    )


def half(state: Path, name: str, *, sender: str = "alice", age: float = 0.0, is_folder: bool = False) -> TreeWriter:
    """Something half received so many seconds ago."""
    partials = Partials(state, lambda: time.time() - age)
    identity = Identity(sender, name, 3_400_000, 1, is_folder)
    writer = TreeWriter(partials, identity, state.parent / name, name=name, lifetime=3600)
    writer.open(None)
    writer.write([FileItem("a" if is_folder else "", 3_400_000), bytes(1_200_000)])
    return writer


def ids(run: Run) -> dict[str, str]:
    return {fact["name"]: fact["id"] for fact in map(json.loads, run("list", "--json").stdout.splitlines())}


def test_list_tells_what_from_whom_how_much_where_and_until_when(run: Run, state: Path) -> None:
    half(state, "film", sender="").suspend()
    half(state, "photos", is_folder=True, age=60).suspend()
    first, second, total = run("list").stdout.splitlines()
    folder = state.parent
    assert first[17:] == f" film from server, 1.2 MB of 3.4 MB, to {folder}/film, expires in 1:00:00"
    assert second[17:] == f" photos/ from alice, 1.2 MB of 3.4 MB, to {folder}/photos, expires in 59:00"
    assert total == "2 in all, 2.4 MB"
    assert first[:16] == ids(run)["film"]


def test_without_a_command_it_lists_the_users_own(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(state.parent))
    own = Partials(state.parent / "esframework" / "transfers", time.time)
    assert CliRunner().invoke(transfers).stdout == "nothing has been received half\n"
    writer = TreeWriter(own, Identity("alice", "o", 2, 1, False), state.parent / "x", name="x", lifetime=60)
    writer.open(None)
    writer.write([FileItem("", 2), b"1"])
    writer.suspend()
    assert "x from alice, 1 byte of 2 bytes" in CliRunner().invoke(transfers).stdout


def test_list_as_json(run: Run, state: Path) -> None:
    half(state, "film").suspend()
    [fact] = [json.loads(line) for line in run("list", "--json").stdout.splitlines()]
    assert fact["sender"] == "alice" and fact["received"] == 1_200_000 and fact["size"] == 3_400_000
    assert fact["destination"] == str(state.parent / "film") and Path(fact["part"]).stat().st_size == 1_200_000
    assert (fact["is_folder"], fact["is_expired"], fact["is_under_way"], fact["files"]) == (False, False, False, 1)
    assert fact["updated_at"] < fact["expires_at"]


def test_nothing_is_said_so_and_makes_no_folder(run: Run, state: Path) -> None:
    assert run("list").stdout == "nothing has been received half\n"
    assert run("list", "--json").stdout == ""
    assert run("purge", "--all").stdout == "0 removed\n"
    assert not state.exists()


def test_names_steer_no_terminal(run: Run, state: Path) -> None:
    partials = Partials(state, time.time)
    name = "a\x1b[2J\nb\u202e"
    writer = TreeWriter(partials, Identity("alice", "o", 2, 1, False), state.parent / "x", name=name, lifetime=60)
    writer.open(None)
    writer.write([FileItem("", 2), b"1"])
    writer.suspend()
    assert "a\\u001b[2J\\nb\\u202e from alice" in run("list").stdout


def test_what_is_under_way_is_shown_and_left_alone(run: Run, state: Path) -> None:
    writer = half(state, "film")
    assert ", under way" in run("list").stdout
    result = run("purge", ids(run)["film"])
    assert result.exit_code == 1
    assert "(film) was not removed: a program is at work on it" in result.stderr
    assert run("purge", "--all", "--yes").exit_code == 1
    writer.write([bytes(2_200_000)])
    assert writer.finish(replace=False).stat().st_size == 3_400_000


def test_purge_of_ids_and_of_their_first_digits(run: Run, state: Path) -> None:
    for name in ("one", "two", "three"):
        half(state, name).suspend()
    known = ids(run)
    assert run("purge", known["one"], known["two"][:8]).stdout == "2 removed\n"
    assert list(ids(run)) == ["three"]
    assert sorted(os.listdir(state.parent)) == [f".three.{known['three']}.part", "state"]


def test_purge_of_what_is_not_there_or_not_clear_removes_nothing(run: Run, state: Path) -> None:
    for name in ("one", "two"):
        half(state, name).suspend()
    for id, reason in (("xyz", "nothing has that id"), ("", "2 have an id that begins so")):
        result = run("purge", id)
        assert result.exit_code == 1
        assert reason in result.stderr
    result = run("purge", "xyz", "--json")
    assert json.loads(result.stdout)["cause"].startswith("xyz: nothing has that id")
    assert len(ids(run)) == 2


def test_purge_of_all_asks(run: Run, state: Path) -> None:
    half(state, "film").suspend()
    assert run("purge", "--all", typed="n\n").exit_code == 1
    assert len(ids(run)) == 1
    assert run("purge", "--all", typed="y\n").stdout.endswith("1 removed\n")
    assert os.listdir(state) == [] and os.listdir(state.parent) == ["state"]


def test_purge_of_what_has_expired(run: Run, state: Path) -> None:
    half(state, "old", age=4000).suspend()
    half(state, "new").suspend()
    assert ", expired" in run("list").stdout
    assert json.loads(run("purge", "--expired", "--json").stdout) == {"removed": 1}
    assert list(ids(run)) == ["new"]


def test_purge_wants_to_know_what(run: Run) -> None:
    for arguments in ((), ("x", "--all"), ("--all", "--expired")):
        result = run("purge", *arguments)
        assert result.exit_code == 2
        assert "what? Give one ID or more, --all or --expired" in result.stderr


def test_notes_that_cannot_be_read_are_named(run: Run, state: Path) -> None:
    half(state, "film").suspend()
    [path] = state.iterdir()
    path.write_text("{")
    result = run("list")
    assert result.exit_code == 0
    assert f"{path} is ignored: no JSON" in result.stderr
    assert run("purge", "--all", "--yes").stdout == "0 removed\n"
    assert path.exists()


def test_a_folder_that_is_none_is_told(state: Path) -> None:
    state.write_text("")
    result = CliRunner().invoke(transfers, ["list", "--state", str(state)])
    assert result.exit_code == 2
