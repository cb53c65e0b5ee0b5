"""Files that wait for absent users, as `esframework offline` lists and deletes them. Knows no option and no content."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import click

from esframework.cli.store_option import tell
from esframework.interfaces import FileMailbox, StoredFile
from esframework.stores.sql.database import Database, Part
from esframework.stores.sql.offline_file_table import SqlOfflineFileRows

_PAGE: Final = 1000


def when(seconds: float) -> str:
    """A time in UTC, to the second."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def list_files(database: Database, user: str | None, as_json: bool) -> None:
    """For all users how many files wait, or each of those for one."""
    if user is None:
        _list_mailboxes(database, as_json)
    else:
        _list_of(database, user, as_json)


def purge_some(database: Database, user: str | None, before: float | None) -> int:
    """Delete a portion of them; 0 when none is left."""
    with database.writing(Part.OFFLINE) as connection:
        return SqlOfflineFileRows(connection).purge(user, before)


def _list_mailboxes(database: Database, as_json: bool) -> None:
    for box in _mailboxes(database):
        oldest_at = when(box.oldest_at)
        text = f"{box.target}: {box.files} files, {box.bytes} bytes, the oldest of {oldest_at}"
        tell(as_json, text, user_id=box.target, files=box.files, bytes=box.bytes, oldest_at=oldest_at)
    with database.reading() as connection:
        files, size = SqlOfflineFileRows(connection).totals()
    if not as_json:
        click.echo(f"{files} files, {size} bytes in all")


def _list_of(database: Database, user: str, as_json: bool) -> None:
    is_empty = True
    for file in _files(database, user):
        is_empty = False
        kind = f"folder of {file.files} files" if file.is_folder else "file"
        text = (
            f"{file.number}: {kind} {file.name!r} from {file.source or 'the server'}, {file.size} bytes,"
            f" {when(file.received_at)} until {when(file.expires_at)}, offered {file.handed_out} times"
        )
        tell(
            as_json,
            text,
            number=file.number,
            id=file.id,
            source=file.source,
            name=file.name,
            is_folder=file.is_folder,
            files=file.files,
            bytes=file.size,
            received_at=when(file.received_at),
            expires_at=when(file.expires_at),
            offered=file.handed_out,
        )
    if is_empty and not as_json:
        click.echo(f"no file waits for {user}")


def _mailboxes(database: Database) -> Iterator[FileMailbox]:
    # A page at a time: a server beside us is never kept from writing for long.
    page: list[FileMailbox] = []
    while True:
        with database.reading() as connection:
            page = SqlOfflineFileRows(connection).mailboxes(page[-1].target if page else None, _PAGE)
        yield from page
        if len(page) < _PAGE:
            return


def _files(database: Database, user: str) -> Iterator[StoredFile]:
    page: list[StoredFile] = []
    while True:
        with database.reading() as connection:
            page = SqlOfflineFileRows(connection).waiting(user, page[-1].number if page else 0, _PAGE)
        yield from page
        if len(page) < _PAGE:
            return
