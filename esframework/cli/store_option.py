"""Which database a command works on, by the options and rules of the server; and what its errors look like.

Works on the database itself, as the server does beside it; speaks to no server and knows no protocol.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from esframework.config import ConfigError, load_config
from esframework.errors import EsError, StoreError
from esframework.stores.sql.database import FILE_NAME, Database, open_database
from esframework.stores.sql.versions import version_of

F = TypeVar("F", bound=Callable[..., Any])

FAILED = 1
"""The exit code of what was refused or failed."""

_OPTIONS = (
    click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="The server's configuration file."),
    click.option(
        "--data",
        metavar="DIR",
        show_default="the platform's folder for user data",
        help="The server's data folder.",
    ),
    click.option(
        "--store",
        metavar="URL",
        help="The server's database, where it is not in the data folder: postgresql://user@host/name or a path.",
    ),
    click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line."),
)


def with_store(command: F) -> F:
    """Give a click command the options of the server's store; it is called with `where` the store is, and `as_json`."""

    @wraps(command)
    def resolved(config: Path | None, data: str | None, store: str | None, **others: Any) -> Any:
        try:
            loaded = load_config(config, {"data": data, "store": store})
        except ConfigError as error:
            raise click.UsageError("\n".join(error.problems)) from None
        return command(where=loaded.store or loaded.data / FILE_NAME, **others)

    function: Any = resolved
    for option in reversed(_OPTIONS):
        function = option(function)
    decorated: F = function
    return decorated


@contextmanager
def database_at(where: str | Path, program: str, as_json: bool, *, makes: bool = False) -> Iterator[Database]:
    """The database there; what fails inside ends the program with code 1 and one line.

    Unless the command `makes` a store, one must be there: a typing error in an option must not become a new store.
    """
    database: Database | None = None
    try:
        database = open_database(where)
        if not makes:
            _require_there(database)
        yield database
    except EsError as error:
        if as_json:
            tell(as_json, "", error=type(error).__name__, cause=str(error))
        else:
            click.echo(f"{program}: {error}", err=True)
        raise click.exceptions.Exit(FAILED) from error
    finally:
        if database is not None:
            database.close()


def _require_there(database: Database) -> None:
    is_there = database.file is None or database.file.exists()
    if is_there:
        with database.reading() as connection:
            is_there = version_of(connection) is not None
    if not is_there:
        raise StoreError(
            f"there is no store at {database.name}; say where the server keeps it: --data DIR, --store URL or"
            " --config FILE (the server makes it, and so does: esframework user add NAME)"
        )


def tell(as_json: bool, text: str, **facts: Any) -> None:
    """One line of the answer, for people or as JSON."""
    click.echo(json.dumps(facts, ensure_ascii=False) if as_json else text)
