"""`esframework store`: look after the database in which a server keeps everything."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click

from esframework.cli.store_option import FAILED, database_at, tell, with_store
from esframework.errors import LocalError
from esframework.stores.sql.checking import counts, problems
from esframework.stores.sql.transfer import exported, import_lines
from esframework.stores.sql.versions import check_version, prepare, version_of
from esframework.stores.sql.versions import upgrade as upgrade_schema

PROGRAM = "esframework store"
STANDARD = "-"


class StoreCommandFailed(LocalError):
    """A command cannot be done; says why."""


@click.group(short_help="Upgrade, check, export or import a server's store.")
def store() -> None:
    """Look after the database of accounts, contacts, groups, offline messages and files.

    Exit codes: 0 done or sound, 1 refused, failed or not sound, 2 wrong usage.
    """


@store.command(short_help="Bring the tables to this release's form.")
@with_store
def upgrade(where: str | Path, as_json: bool) -> None:
    """Bring the tables to the form that this release needs, in one transaction.

    Stop the server and make a backup first. A server does this by itself with an SQLite file and an empty database.
    """
    with database_at(where, PROGRAM, as_json, makes=True) as database:
        before, after = upgrade_schema(database)
        what = "is" if before == after else f"was {before or 'not there'}, is now"
        tell(as_json, f"{database.name}: schema version {what} {after}", before=before, after=after)


@store.command(short_help="Say whether the store is sound, and what is in it.")
@with_store
def check(where: str | Path, as_json: bool) -> None:
    """Look whether the store is sound, and count what is in it. Changes nothing."""
    with database_at(where, PROGRAM, as_json) as database:
        with database.snapshot() as connection:
            version = version_of(connection) or 0
            check_version(database.name, version)
            found, numbers = list(problems(database, connection)), counts(connection)
        tell(as_json, f"{database.name}: schema version {version}", store=database.name, schema_version=version)
        for name, number in numbers.items():
            tell(as_json, f"{number:>10,} {name}", kind=name, count=number)
        for problem in found:
            tell(as_json, f"PROBLEM: {problem}", problem=problem)
        if found:
            raise click.exceptions.Exit(FAILED)


@store.command("export", short_help="Write everything as lines of JSON.")
@click.argument("file", metavar="FILE")
@with_store
def export_store(file: str, where: str | Path, as_json: bool) -> None:
    """Write everything to FILE (`-`: standard output) as lines of JSON.

    The server may run. FILE is for you alone, as password hashes are in it; an existing one is not overwritten.
    """
    with database_at(where, PROGRAM, as_json) as database:
        with database.reading() as connection:
            check_version(database.name, version_of(connection) or 0)
        lines = 0
        with _new_file(file) as output:
            for line in exported(database):
                output.write(line + "\n")
                lines += 1
        if file != STANDARD:
            rows = lines - 2  # without the first and the last line
            tell(as_json, f"{rows:,} rows are in {file}", rows=rows, file=file)


@store.command("import", short_help="Read what `export` has written.")
@click.argument("file", metavar="FILE")
@with_store
def import_store(file: str, where: str | Path, as_json: bool) -> None:
    """Read FILE (`-`: standard input), written by `export`, into an empty store: all of it, or nothing."""
    with database_at(where, PROGRAM, as_json, makes=True) as database:
        prepare(database)
        with _old_file(file) as source:
            number = import_lines(database, source)
        tell(as_json, f"{number:,} rows are in {database.name}", rows=number, store=database.name)


@contextmanager
def _new_file(name: str) -> Iterator[IO[str]]:
    """A file for this user alone, on the disk when the block ends, and gone when it raises."""
    if name == STANDARD:
        yield sys.stdout
        return
    try:
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise StoreCommandFailed(f"{name}: cannot be made ({error.strerror})") from error
    try:
        with open(descriptor, "w", encoding="utf-8") as output:
            yield output
            output.flush()
            os.fsync(descriptor)
    except BaseException as error:
        os.unlink(name)
        if isinstance(error, OSError):
            raise StoreCommandFailed(f"{name}: cannot be written ({error.strerror})") from error
        raise


@contextmanager
def _old_file(name: str) -> Iterator[IO[str]]:
    try:
        with click.open_file(name, encoding="utf-8") as source:
            yield source
    except OSError as error:
        raise StoreCommandFailed(f"{name}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise StoreCommandFailed(f"{name}: is not UTF-8 ({error})") from error
