"""Which database a command works on: `--store`, or the file in the data folder; and what its errors look like.

Works on the database itself, as the server does beside it; speaks to no server and knows no protocol.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
import platformdirs

from esframework.errors import EsError
from esframework.stores.sql.database import FILE_NAME, Database, open_database

F = TypeVar("F", bound=Callable[..., Any])

FAILED = 1
"""The exit code of what was refused or failed."""


def with_store(command: F) -> F:
    """The options `--data`, `--store` and `--json` for a click command."""
    data = click.option(
        "--data",
        type=click.Path(file_okay=False, path_type=Path),
        default=lambda: Path(platformdirs.user_data_dir("esframework")),
        show_default="the platform's folder for user data",
        help="The server's data folder.",
    )
    store = click.option(
        "--store",
        metavar="URL",
        help="The server's database, where it is not in the data folder: postgresql://user@host/name or a path.",
    )
    as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
    return data(store(as_json(command)))


@contextmanager
def database_of(program: str, data: Path, store: str | None, as_json: bool) -> Iterator[Database]:
    """The database that the options mean; what fails inside ends the program with code 1 and one line."""
    database: Database | None = None
    try:
        database = open_database(store or data / FILE_NAME)
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


def tell(as_json: bool, text: str, **facts: Any) -> None:
    """One line of the answer, for people or as JSON."""
    click.echo(json.dumps(facts, ensure_ascii=False) if as_json else text)
