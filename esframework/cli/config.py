"""`esframework config`: look at a configuration without starting anything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from esframework.config import ConfigError, ServiceConfig, check_exposure, exposure_warnings, load_config, oddities
from esframework.config.service import TABLES


@click.group(short_help="Check a configuration file.")
def config() -> None:
    """Look at the service's configuration."""


@config.command(short_help="Check FILE and print what would be in force.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def check(file: Path, as_json: bool) -> None:
    """Check FILE and print what would be in force, defaults included, as a configuration file.

    Warnings go to standard error. Exit codes: 0 valid, 1 not valid (every problem is printed), 2 wrong usage.
    """
    try:
        loaded = load_config(file)
        _check_as_a_server(loaded)
    except ConfigError as error:
        if as_json:
            click.echo(json.dumps({"valid": False, "problems": error.problems}, ensure_ascii=False))
        for problem in error.problems:
            click.echo(problem, err=True)
        raise click.exceptions.Exit(1) from error
    for warning in (*exposure_warnings(loaded), *oddities(loaded)):
        click.echo(f"warning: {warning}", err=True)
    if as_json:
        tables = {table: dict(_values(loaded, table)) for table in TABLES}
        in_force = tables.pop("") | tables
        click.echo(json.dumps({"valid": True, "in_force": in_force}, ensure_ascii=False))
    else:
        click.echo("\n".join(_toml(loaded)))


def _check_as_a_server(loaded: ServiceConfig) -> None:
    """What a server would refuse before it opens anything; raises ConfigError."""
    from twisted.internet import reactor

    from esframework.daemon import check_places
    from esframework.tap import make_checkers

    check_exposure(loaded)
    check_places(reactor, loaded)
    make_checkers(loaded, None)


def _toml(loaded: ServiceConfig) -> Iterator[str]:
    """The configuration as a file that gives the same one again; what is unset or secret is a comment."""
    for table in TABLES:
        if table:
            yield f"\n[{table}]"
        for key, value in _values(loaded, table):
            if value is None:
                yield f"# {key} is not set"
            elif isinstance(value, str) and value.startswith("("):
                yield f"# {key} {value}"
            else:
                yield f"{key} = {json.dumps(value, ensure_ascii=False)}"


def _values(loaded: ServiceConfig, table: str) -> Iterator[tuple[str, Any]]:
    """Keys and values of a table as TOML and JSON know them."""
    part: Any = getattr(loaded, table) if table else loaded
    for option in fields(part):
        if "rule" not in option.metadata:
            continue
        value = getattr(part, option.name)
        if option.metadata["secret"]:
            value = _hidden(value)
        yield option.name, _plain(value)


def _hidden(value: Any) -> Any:
    """What is shown of a secret: whether it is there."""
    if isinstance(value, tuple):
        return f"({len(value)} given, not shown)" if value else []
    return value and "(given, not shown)"


def _plain(value: Any) -> Any:
    """A value as it would be written in a file."""
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, range):
        return value.start if len(value) == 1 else f"{value.start}-{value.stop - 1}"
    return str(value) if isinstance(value, Path) else value
