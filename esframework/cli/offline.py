"""`esframework offline`: messages and files that wait for absent users, with or without a running server.

Works on the server's store. Shows no contents: they are between those who write and those who read.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click

from esframework.cli import kept_files
from esframework.cli.kept_files import when
from esframework.cli.store_option import database_at, tell, with_store
from esframework.interfaces import Mailbox, MessageSummary
from esframework.stores.sql.database import Database, Part
from esframework.stores.sql.offline_table import SqlOfflineRows
from esframework.stores.sql.versions import prepare

_PAGE: Final = 1000
_files = click.option("--files", "of_files", is_flag=True, help="Files instead of messages.")
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _seconds(context: click.Context, option: click.Parameter, text: str | None) -> float | None:
    """A time such as 90s, 15m, 12h or 30d, in seconds."""
    if text is None:
        return None
    match = re.fullmatch(r"([0-9]{1,9})([smhd])", text)
    if match is None:
        raise click.BadParameter(f"{text!r}: a number and s, m, h or d is expected, such as 30d")
    return int(match[1]) * _UNITS[match[2]]


@click.group(short_help="Look after waiting messages and files.")
def offline() -> None:
    """Look after the messages and files that wait for absent users.

    The server may run or not. Contents are shown to nobody.

    Exit codes: 0 done, 1 refused or failed, 2 wrong usage.
    """


@offline.command("list")
@click.argument("user", required=False)
@_files
@with_store
def list_waiting(user: str | None, of_files: bool, where: str | Path, as_json: bool) -> None:
    """List what waits, for all users or for USER."""
    with _opened(where, as_json) as database:
        if of_files:
            kept_files.list_files(database, user, as_json)
        elif user is None:
            _list_mailboxes(database, as_json)
        else:
            _list_messages(database, user, as_json)


@offline.command()
@click.argument("user", required=False)
@click.option("--everybody", is_flag=True, help="What waits for all users.")
@click.option("--older-than", callback=_seconds, metavar="AGE", help="Only what came before: 12h, 30d.")
@click.option("--yes", is_flag=True, help="Do not ask whether it is meant.")
@_files
@with_store
def purge(
    user: str | None,
    everybody: bool,
    older_than: float | None,
    yes: bool,
    of_files: bool,
    where: str | Path,
    as_json: bool,
) -> None:
    """Delete what waits for USER, or for everybody. It cannot be had back.

    The contents of files are deleted by the server, within minutes or when it is started.
    """
    kind = "files" if of_files else "messages"
    if (user is None) is not everybody:
        raise click.UsageError(f"whose {kind}? Give USER or --everybody")
    before = None if older_than is None else time.time() - older_than
    with _opened(where, as_json) as database:
        if not yes:
            whose = "everybody" if user is None else user
            click.confirm(f"Delete {'all' if before is None else 'old'} {kind} for {whose}?", abort=True, err=True)
        purge_some = kept_files.purge_some if of_files else _purge_some
        deleted = 0
        while portion := purge_some(database, user, before):
            deleted += portion
        tell(as_json, f"{deleted} {kind} deleted", deleted=deleted)


def _purge_some(database: Database, user: str | None, before: float | None) -> int:
    # A server beside us keeps what comes in between two portions.
    with database.writing(Part.OFFLINE) as connection:
        return SqlOfflineRows(connection).purge(user, before)


def _list_mailboxes(database: Database, as_json: bool) -> None:
    for box in _mailboxes(database):
        text = f"{box.target}: {box.messages} messages, {box.bytes} bytes, the oldest of {when(box.oldest_at)}"
        tell(
            as_json, text, user_id=box.target, messages=box.messages, bytes=box.bytes, oldest_at=when(box.oldest_at)
        )
    with database.reading() as connection:
        messages, size = SqlOfflineRows(connection).totals()
    if not as_json:
        click.echo(f"{messages} messages, {size} bytes in all")


def _list_messages(database: Database, user: str, as_json: bool) -> None:
    is_empty = True
    for message in _messages(database, user):
        is_empty = False
        source = message.source or "the server"
        text = (
            f"{message.number}: type {message.information_type} from {source}, {message.size} bytes,"
            f" {when(message.received_at)} until {when(message.expires_at)}, handed out {message.handed_out} times"
        )
        tell(
            as_json,
            text,
            number=message.number,
            id=message.id,
            source=message.source,
            information_type=message.information_type,
            bytes=message.size,
            received_at=when(message.received_at),
            expires_at=when(message.expires_at),
            handed_out=message.handed_out,
        )
    if is_empty and not as_json:
        click.echo(f"nothing waits for {user}")


def _mailboxes(database: Database) -> Iterator[Mailbox]:
    # A page at a time: a server beside us is never kept from writing for long.
    page: list[Mailbox] = []
    while True:
        with database.reading() as connection:
            page = SqlOfflineRows(connection).mailboxes(page[-1].target if page else None, _PAGE)
        yield from page
        if len(page) < _PAGE:
            return


def _messages(database: Database, user: str) -> Iterator[MessageSummary]:
    page: list[MessageSummary] = []
    while True:
        with database.reading() as connection:
            page = SqlOfflineRows(connection).summaries(user, page[-1].number if page else 0, _PAGE)
        yield from page
        if len(page) < _PAGE:
            return


@contextmanager
def _opened(where: str | Path, as_json: bool) -> Iterator[Database]:
    """The store, upgraded as a server would; failures end the program."""
    with database_at(where, "esframework offline", as_json) as database:
        prepare(database)
        yield database
