"""All stores as lines of JSON, and back: for moving between databases, and for backups that any program can read.

The first line says what this is, the last one how many there were between: a file that was cut off is noticed. Each
other line is one row, bytes in base 64. Rows are streamed; memory does not grow with the store. Everything here blocks.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from sqlalchemy import Connection, LargeBinary, Table, insert, select

from esframework.errors import StoreRefusal
from esframework.stores.sql.account_table import accounts, tokens
from esframework.stores.sql.contact_table import relations
from esframework.stores.sql.counter_table import counters
from esframework.stores.sql.database import Database, Part
from esframework.stores.sql.group_table import groups, members
from esframework.stores.sql.offline_file_table import files
from esframework.stores.sql.offline_table import messages
from esframework.stores.sql.schema import PORTION, SCHEMA_VERSION

FORMAT: Final = 1
TABLES: Final = {
    "account": accounts,
    "token": tokens,
    "relation": relations,
    "group": groups,
    "member": members,
    "message": messages,
    "file": files,
    "counter": counters,
}
_PORTION_BYTES: Final = 4 * 1024 * 1024
"""Text of lines that are gathered for one statement."""


class ImportRefused(StoreRefusal):
    """A file is no export, or not for this store; names the line and what is wrong. Nothing was imported."""


def exported(database: Database) -> Iterator[str]:
    """The lines, without their ends, of one state of the store, however long reading takes."""
    number = 0
    with database.snapshot() as connection:
        yield json.dumps({"kind": "esframework store", "format": FORMAT, "schema_version": SCHEMA_VERSION})
        for kind, table in TABLES.items():
            for row in _streamed(connection, table):
                number += 1
                yield json.dumps({"kind": kind} | row, ensure_ascii=False)
    yield json.dumps({"kind": "end", "rows": number})


def import_lines(database: Database, lines: Iterable[str]) -> int:
    """Write all rows into an empty store, in one transaction; returns their number. Raises `ImportRefused`."""
    with database.writing(*Part) as connection:
        for kind, table in TABLES.items():
            if connection.execute(select(table).limit(1)).first() is not None:
                raise ImportRefused(
                    f"{database.name}: something is in it already (kind {kind!r}); an import needs an empty store"
                )
        return _Import(connection).run(lines)


class _Import:
    """The rows of one kind that are gathered for the next statement."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._kind = ""
        self._rows: list[dict[str, Any]] = []
        self._size = 0
        self._number = 0

    def run(self, lines: Iterable[str]) -> int:
        is_ended = False
        for line_number, line in enumerate(lines, 1):
            if is_ended:
                raise ImportRefused(f"line {line_number}: there is more behind the end")
            is_ended = self._take(line_number, _parsed(line_number, line), len(line))
        if not is_ended:
            raise ImportRefused("the file was cut off: its last line is missing")
        return self._number

    def _take(self, line_number: int, row: dict[str, Any], size: int) -> bool:
        """One line; whether it was the last."""
        kind = row.pop("kind", None)
        if line_number == 1:
            _check_header(kind, row)
        elif kind == "end":
            self._write()
            exported_rows = row.get("rows")
            if exported_rows != self._number:
                raise ImportRefused(f"line {line_number}: {exported_rows} rows were exported, {self._number} are here")
            return True
        elif kind in TABLES:
            self._gather(kind, _values(line_number, TABLES[kind], row), size)
        else:
            raise ImportRefused(f"line {line_number}: {kind!r} is nothing that stores keep")
        return False

    def _gather(self, kind: str, values: dict[str, Any], size: int) -> None:
        if kind != self._kind or len(self._rows) >= PORTION or self._size + size > _PORTION_BYTES:
            self._write()
        self._kind = kind
        self._rows.append(values)
        self._size += size
        self._number += 1

    def _write(self) -> None:
        if self._rows:
            self._connection.execute(insert(TABLES[self._kind]), self._rows)
        self._rows, self._size = [], 0


def _streamed(connection: Connection, table: Table) -> Iterator[dict[str, Any]]:
    query = select(table).order_by(*table.primary_key)
    for row in connection.execution_options(yield_per=PORTION).execute(query):
        yield {
            name: base64.b64encode(value).decode("ascii") if isinstance(value, (bytes, memoryview)) else value
            for name, value in row._mapping.items()
        }


def _parsed(line_number: int, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise ImportRefused(f"line {line_number}: is no JSON ({error})") from None
    if not isinstance(row, dict):
        raise ImportRefused(f"line {line_number}: is no JSON object")
    return row


def _check_header(kind: object, row: dict[str, Any]) -> None:
    if kind != "esframework store":
        raise ImportRefused("line 1: this is no export of a store")
    for what, known in (("format", FORMAT), ("schema_version", SCHEMA_VERSION)):
        if row.get(what) != known:
            raise ImportRefused(f"line 1: {what} {row.get(what)!r} cannot be imported, this release knows {known}")


def _values(line_number: int, table: Table, row: dict[str, Any]) -> dict[str, Any]:
    if row.keys() != set(table.c.keys()):
        different = ", ".join(sorted(row.keys() ^ set(table.c.keys())))
        raise ImportRefused(f"line {line_number}: missing or unknown: {different}")
    for column in table.c:
        value = row[column.name]
        if isinstance(column.type, LargeBinary) and value is not None:
            row[column.name] = _bytes(line_number, column.name, value)
        elif not isinstance(value, (str, int, float, type(None))) or (value is None and not column.nullable):
            raise ImportRefused(f"line {line_number}: {column.name} cannot be {value!r}")
    return row


def _bytes(line_number: int, name: str, value: object) -> bytes:
    try:
        return base64.b64decode(str(value), validate=True)
    except binascii.Error as error:
        raise ImportRefused(f"line {line_number}: {name} is no base 64 ({error})") from None
