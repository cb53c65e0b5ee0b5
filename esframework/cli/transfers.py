"""`esframework transfers`: what this user's programs, or a server, have received half; with or without them running.

Makes no connection. Names come from others: on a terminal they steer nothing.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import click

from esframework.cli.information import name_of, printable
from esframework.cli.store_option import FAILED, tell
from esframework.cli.transferring.figures import size_of, time_of
from esframework.cli.transferring.state import default_state_folder, state_option
from esframework.filesystem.partials import Partial, Partials


@click.group(invoke_without_command=True, short_help="Look after what has been received half.")
@click.pass_context
def transfers(context: click.Context) -> None:
    """Look after files and folders of which only a part has come.

    They go on when the sender offers the same again, and expire by themselves. Programs may run meanwhile. A server
    notes them in the folder "transfers" of its data: --state DATA/transfers. Without a command: list.

    Exit codes: 0 done, 1 refused or failed, 2 wrong usage.
    """
    if context.invoked_subcommand is None:
        context.invoke(list_partials, state=default_state_folder(), as_json=False)


@transfers.command("list")
@state_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def list_partials(state: Path, as_json: bool) -> None:
    """List what has been received half.

    From whom it is, how much has come, where it will be, and until when it waits.
    """
    partials = Partials(state, time.time)
    found = _read(partials, as_json)
    now = time.time()
    for partial in found:
        tell(as_json, _line_of(partial, now), **_facts_of(partial, now))
    if not as_json and not found:
        click.echo("nothing has been received half")
    elif not as_json:
        size = sum(partial.position.received for partial in found)
        click.echo(f"{len(found)} in all, {size_of(size)}")
    for path, why in partials.broken():
        click.echo(f"esframework transfers: {path} is ignored: {printable(why)}", err=True)


@transfers.command()
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Everything that nobody is at work on.")
@click.option("--expired", is_flag=True, help="What waits for too long already.")
@click.option("--yes", is_flag=True, help="With --all: do not ask whether it is meant.")
@state_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def purge(ids: tuple[str, ...], everything: bool, expired: bool, yes: bool, state: Path, as_json: bool) -> None:
    """Remove what has been received half.

    Each ID may be shortened. What is sent again begins anew; what a program is at work on is left alone.
    """
    if bool(ids) + everything + expired != 1:
        raise click.UsageError("what? Give one ID or more, --all or --expired")
    partials = Partials(state, time.time)
    found = _read(partials, as_json)
    if everything and not yes and found:
        click.confirm(f"Remove all {len(found)} that were received half?", abort=True, err=True)
    chosen = [partial for partial in found if everything or not partial.is_in_use]
    if ids:
        chosen = [_chosen(found, id, as_json) for id in ids]
    elif expired:
        chosen = [partial for partial in chosen if partial.expires_at <= time.time()]
    removed = sum(_remove(partials, partial, as_json) for partial in chosen)
    partials.expire()
    tell(as_json, f"{removed} removed", removed=removed)
    if removed < len(chosen):
        raise click.exceptions.Exit(FAILED)


def _read(partials: Partials, as_json: bool) -> list[Partial]:
    try:
        return partials.all(also_expired=True)
    except OSError as error:
        raise _failed(str(error), as_json) from error


def _chosen(found: list[Partial], id: str, as_json: bool) -> Partial:
    matching = [partial for partial in found if partial.id.startswith(id)]
    if len(matching) == 1:
        return matching[0]
    why = f"{len(matching)} have an id that begins so" if matching else "nothing has that id"
    raise _failed(f"{printable(id)}: {why}; see: esframework transfers list", as_json)


def _remove(partials: Partials, partial: Partial, as_json: bool) -> bool:
    try:
        if partials.remove(partial):
            return True
        why = "a program is at work on it"
    except OSError as error:
        why = str(error)
    _complain(f"{partial.id} ({printable(partial.name)}) was not removed: {printable(why)}", as_json)
    return False


def _failed(text: str, as_json: bool) -> click.exceptions.Exit:
    _complain(text, as_json)
    return click.exceptions.Exit(FAILED)


def _complain(text: str, as_json: bool) -> None:
    if as_json:
        tell(as_json, "", error="Failed", cause=text)
    else:
        click.echo(f"esframework transfers: {text}", err=True)


def _line_of(partial: Partial, now: float) -> str:
    name = printable(partial.name) + ("/" if partial.identity.is_folder else "")
    extent = f"{size_of(partial.position.received)} of {size_of(partial.identity.size)}"
    sender, where = name_of(partial.identity.sender or None), printable(str(partial.destination))
    return f"{partial.id}: {name} from {sender}, {extent}, to {where}, {_state(partial, now)}"


def _state(partial: Partial, now: float) -> str:
    if partial.is_in_use:
        return "under way"
    left = partial.expires_at - now
    return f"expires in {time_of(left)}" if left > 0 else "expired"


def _facts_of(partial: Partial, now: float) -> dict[str, object]:
    return {
        "id": partial.id,
        "name": _text(partial.name),
        "is_folder": partial.identity.is_folder,
        "sender": _text(partial.identity.sender),
        "size": partial.identity.size,
        "received": partial.position.received,
        "files": partial.files,
        "destination": _text(str(partial.destination)),
        "part": _text(str(partial.part)),
        "updated_at": _when(partial.updated_at),
        "expires_at": _when(partial.expires_at),
        "is_expired": partial.expires_at <= now and not partial.is_in_use,
        "is_under_way": partial.is_in_use,
    }


def _text(text: str) -> str:
    """What can be printed: halves of characters, as in paths that are no UTF-8, become question marks."""
    return text.encode(errors="replace").decode()


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
