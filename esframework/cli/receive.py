"""`esframework receive`: files and folders from others, into one folder.

What is accepted, and what is done when a connection is lost, is in `transferring`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from esframework.cli.account import Connection, ask_password, connection_options
from esframework.cli.channelling.options import channel_options, p2p_options
from esframework.cli.transferring.options import EXIT_CODES, quiet_option
from esframework.cli.transferring.state import state_option
from esframework.wire.login_id import bare_id
from esframework.wire.types import P2PChannelMode

if TYPE_CHECKING:
    from esframework.cli.transferring.looks import Look


@click.command(short_help="Receive files and folders.", epilog=EXIT_CODES)
@click.argument("account", metavar="USER@HOST:PORT")
@click.option(
    "--into",
    "folder",
    required=True,
    type=click.Path(file_okay=False, writable=True, path_type=Path),
    metavar="FOLDER",
    help="Where they appear when they are whole; made if it is not there.",
)
@click.option("--yes", is_flag=True, help="Accept without asking.")
@click.option("--once", is_flag=True, help="End after one transfer; else at Ctrl-C.")
@click.option("--replace", is_flag=True, help="Replace what has the same name; else, with --yes, the offer is refused.")
@click.option("--from", "senders", multiple=True, metavar="USER", help="Receive from USER only; may be repeated.")
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="With --once: how long to wait for a sender who is gone in the middle.",
)
@state_option
@channel_options
@quiet_option
@connection_options
def receive(
    account: str,
    folder: Path,
    yes: bool,
    once: bool,
    replace: bool,
    senders: tuple[str, ...],
    wait: float,
    state: Path,
    mode: P2PChannelMode,
    no_p2p: bool,
    quiet: bool,
    connection: Connection,
) -> None:
    """Receive what others send to USER, into a folder.

    Each offer is shown and asked about, unless --yes is given. While something comes it has a temporary name. What is
    interrupted waits for a day, and goes on when it is sent again, also after this program was ended.
    """
    from esframework.cli.session import run_client
    from esframework.cli.transferring.looks import look_for
    from esframework.cli.transferring.receiving import Receiver, Wants
    from esframework.managers.files.options import FilesOptions

    who = connection.account(account)
    password = ask_password(who)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.UsageError(f"--into {folder}: {error.strerror}") from None

    async def take(client: Any) -> int:
        with look_for(as_json=connection.as_json, quiet=quiet) as look:
            ask = None if yes else _questioner(client, look)
            wants = Wants(folder.absolute(), ask, once, replace, frozenset(map(bare_id, senders)), wait)
            if senders:
                # Nobody else learns where this machine is.
                client.manager("p2p").answers_to = wants.senders.__contains__
            receiver = Receiver(client, look, wants)
            name = bare_id(who.user_id)
            look.note(f"waiting for what is sent to {name}, into {folder}", event="ready", user=name)
            try:
                return await receiver.enough
            finally:
                receiver.stop()

    options = connection.client_options(files=FilesOptions(state_folder=state), p2p=p2p_options(mode, no_p2p))
    click.get_current_context().exit(run_client(who, password, take, options=options, as_json=connection.as_json))


def _questioner(client: Any, look: Look) -> Any:
    from esframework.cli.transferring.asking import Questioner

    return Questioner(client.reactor, sys.stdin.fileno(), look).agrees
