"""`esframework contract-format`: a contract's bytes as a table (manual, technique 08).

Only finds classes and prints; what their bytes are is `wire.compact`'s knowledge.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import sys
from types import ModuleType

import click

from esframework.errors import ContractError
from esframework.wire.compact import MILLISECONDS, TICKS, FieldFormat, describe

_TITLES = ("FieldName", "Type", "StartOffset", "Length")


@click.command("contract-format", short_help="Print how a contract lies in bytes.")
@click.argument("path", metavar="MODULE:[CLASS]")
@click.option("--suffix", default="Contract", show_default=True, help="What listed classes' names end with.")
@click.option(
    "--generation",
    type=click.Choice(["6", "7"]),
    default="6",
    show_default=True,
    help="Generation of the protocol that the other end speaks; they write dates differently.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def contract_format(path: str, suffix: str, generation: str, as_json: bool) -> None:
    """Print how a contract (a dataclass) travels: each part, its type, its offset and its length in bytes.

    MODULE: without a class lists the module's contracts. A module in the current folder is found too.
    """
    module_name, colon, class_name = path.partition(":")
    if not (module_name and colon):
        raise click.BadParameter(
            f"{path!r} is not of the form module:Class, or module: for a list of its contracts; "
            "for example mygame.contracts:LoginContract or mygame.contracts:"
        )
    module = _import(module_name)
    if not class_name:
        names = _contracts(module, suffix)
        if not names:
            click.echo(
                f"module {module_name!r} has no dataclass whose name ends in {suffix!r}; --suffix names another end",
                err=True,
            )
        _print_names(names, as_json)
        return
    try:
        rows = describe(_find(module, class_name), dates=TICKS if generation == "6" else MILLISECONDS)
    except ContractError as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(row) for row in rows], indent=2))
    else:
        _print_table(rows)


def _import(name: str) -> ModuleType:
    # Unlike `python -m`, a console script does not look into the current folder, where the user's module is.
    sys.path.insert(0, "")
    try:
        return importlib.import_module(name)
    except Exception as error:
        # Whatever the module raises while it is imported, it is the named module that is wrong.
        raise click.BadParameter(f"module {name!r} cannot be imported: {error}") from error
    finally:
        sys.path.remove("")


def _find(module: ModuleType, name: str) -> type:
    found = getattr(module, name, None)
    if not isinstance(found, type):
        raise click.BadParameter(f"module {module.__name__!r} has no class {name!r}")
    if not dataclasses.is_dataclass(found):
        raise click.BadParameter(f"{module.__name__}:{name} is no dataclass")
    return found


def _contracts(module: ModuleType, suffix: str) -> list[str]:
    return sorted(
        name
        for name, value in vars(module).items()
        if isinstance(value, type) and dataclasses.is_dataclass(value) and name.endswith(suffix)
    )


def _print_names(names: list[str], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(names, indent=2))
    else:
        for name in names:
            click.echo(name)


def _print_table(rows: list[FieldFormat]) -> None:
    lines = [
        _TITLES,
        *((row.field_name, row.type, _cell(row.start_offset), _cell(row.length)) for row in rows),
    ]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_TITLES))]
    for name, kind, offset, length in lines:
        click.echo(f"{name:<{widths[0]}}  {kind:<{widths[1]}}  {offset:>{widths[2]}}  {length:>{widths[3]}}")


def _cell(number: int | None) -> str:
    return "varies" if number is None else str(number)
