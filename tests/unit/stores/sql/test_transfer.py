"""A store as lines and back: nothing is changed on the way, and what is no whole export changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from esframework.errors import StoreError
from esframework.stores.sql.database import Database, open_database
from esframework.stores.sql.transfer import TABLES, ImportRefused, exported, import_lines
from tests.store_files import ROWS, store_at


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Database]:
    database = open_database(store_at(tmp_path / "full.sqlite", is_filled=True))
    yield database
    database.close()


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Database]:
    database = open_database(store_at(tmp_path / "empty.sqlite"))
    yield database
    database.close()


def test_what_was_exported_is_imported_as_it_was(full: Database, empty: Database) -> None:
    lines = list(exported(full))
    assert import_lines(empty, lines) == ROWS == len(lines) - 2
    assert list(exported(empty)) == lines


def test_something_of_every_kind_was_tried(full: Database) -> None:
    kinds = {json.loads(line)["kind"] for line in exported(full)}
    assert kinds == {"esframework store", *TABLES, "end"}


def test_more_rows_than_one_statement_takes(full: Database, empty: Database) -> None:
    lines = list(exported(empty))
    account = {"kind": "account", "password_hash": "h", "role": 0, "profile": "{}", "created_at": 0.5}
    rows = [json.dumps(account | {"user_id": f"user{number:05}"}) for number in range(1201)]
    counter = [line for line in exported(full) if '"counter"' in line]
    end = json.dumps({"kind": "end", "rows": len(rows) + len(counter)})
    assert import_lines(empty, [lines[0], *rows, *counter, end]) == 1203
    assert len(list(exported(empty))) == 1205


def test_an_import_needs_an_empty_store(full: Database) -> None:
    before = list(exported(full))
    with pytest.raises(ImportRefused, match="account"):
        import_lines(full, before)
    assert list(exported(full)) == before


def changed(line: str, **changes: Any) -> str:
    return json.dumps({**json.loads(line), **changes})


@pytest.mark.parametrize(
    ("number", "replacement", "words"),
    [
        (0, lambda line: "", "line 1: is no JSON"),
        (0, lambda line: changed(line, kind="account"), "no export"),
        (0, lambda line: changed(line, schema_version=99), "schema_version 99"),
        (0, lambda line: changed(line, format=0), "format 0"),
        (1, lambda line: line[:-10], "line 2: is no JSON"),
        (1, lambda line: "[]", "line 2: is no JSON object"),
        (1, lambda line: changed(line, kind="planet"), "line 2: 'planet'"),
        (1, lambda line: changed(line, password="x"), "line 2: missing or unknown: password"),
        (1, lambda line: changed(line, user_id=None), "line 2: user_id cannot be None"),
        (1, lambda line: changed(line, role=[]), "line 2: role cannot be"),
        (4, lambda line: changed(line, digest="%%"), "line 5: digest is no base 64"),
        (-1, lambda line: changed(line, rows=3), "3 rows were exported"),
    ],
)  # fmt: skip
def test_what_is_no_export_is_refused_with_its_line(
    full: Database, empty: Database, number: int, replacement: Any, words: str
) -> None:
    lines = list(exported(full))
    lines[number] = replacement(lines[number])
    nothing = list(exported(empty))
    with pytest.raises(ImportRefused, match=words):
        import_lines(empty, lines)
    assert list(exported(empty)) == nothing


def test_a_file_that_was_cut_off_changes_nothing(full: Database, empty: Database) -> None:
    lines = list(exported(full))
    nothing = list(exported(empty))
    for cut in range(len(lines)):
        with pytest.raises(ImportRefused, match="cut off"):
            import_lines(empty, lines[:cut])
    with pytest.raises(ImportRefused, match="behind the end"):
        import_lines(empty, [*lines, lines[1]])
    assert list(exported(empty)) == nothing


def test_the_same_row_twice_is_refused(full: Database, empty: Database) -> None:
    lines = list(exported(full))
    with pytest.raises(StoreError, match="UNIQUE"):
        import_lines(empty, [*lines[:2], lines[1], *lines[2:]])
