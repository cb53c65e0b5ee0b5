"""`esframework send`: files and folders to somebody, from a terminal or a script.

What is done when a connection is lost, and how it looks, is in `transferring`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from esframework.cli.account import Connection, ask_password, connection_options
from esframework.cli.channelling.options import channel_options, p2p_options
from esframework.cli.transferring.options import EXIT_CODES, quiet_option, rate
from esframework.wire.types import P2PChannelMode


@click.command(short_help="Send files and folders.", epilog=EXIT_CODES)
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="PATH...")
@click.argument("user")
@click.option("--as", "account", required=True, metavar="USER@HOST:PORT", help="Who sends, by which server.")
@click.option("--comment", metavar="TEXT", help="What USER is told with the offer.")
@click.option("--follow-links", is_flag=True, help="Send what symbolic links lead to; else they are left out.")
@click.option("--rate-limit", callback=rate, metavar="BYTES", help="At most so many bytes a second: 500k, 1.5M.")
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="How long to wait for a USER who is not online.  [default: not at all, and 60 once something has been sent]",
)
@click.option("--offline", is_flag=True, help="Leave it with the server, when USER is not online.")
@channel_options
@quiet_option
@connection_options
def send(
    paths: tuple[Path, ...],
    user: str,
    account: str,
    comment: str | None,
    follow_links: bool,
    rate_limit: int | None,
    wait: float | None,
    offline: bool,
    mode: P2PChannelMode,
    no_p2p: bool,
    quiet: bool,
    connection: Connection,
) -> None:
    """Send each PATH, a file or a whole folder, to USER, who accepts it or not.

    It is done when USER's program has all of it, checked, under its name. It goes straight to USER where NATs let it,
    else by the server; the last line says which. When a connection is lost it waits, and goes on where it was. Ctrl-C
    interrupts; the same command goes on later with what USER has already.
    """
    from esframework.cli.session import run_client
    from esframework.cli.transferring.looks import look_for
    from esframework.cli.transferring.sending import Sender, Shipment
    from esframework.managers.files.options import SendingParameters

    who = connection.account(account)
    parameters = SendingParameters(rate_limit=rate_limit or 0)
    shipment = Shipment(user, comment, follow_links, parameters, wait, offline, by_channel=not no_p2p)

    async def deliver(client: Any) -> int:
        with look_for(as_json=connection.as_json, quiet=quiet) as look:
            return await Sender(client, look, shipment).send_all(paths)

    options = connection.client_options(p2p=p2p_options(mode, no_p2p))
    code = run_client(who, ask_password(who), deliver, options=options, as_json=connection.as_json)
    click.get_current_context().exit(code)
