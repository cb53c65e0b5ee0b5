"""`esframework message`: one message from a script, or what comes in for one account.

Sends text as it is given, and prints what comes as `information` says; knows no commands of the chat.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from esframework.cli.account import Connection, ask_password, connection_options
from esframework.cli.information import TEXT, facts_of, line_of, name_of
from esframework.wire.login_id import bare_id

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

_LOST: Final = "the connection was lost; it comes back by itself"


@click.group()
def message() -> None:
    """Send and receive in scripts."""


@message.command(short_help="Send one message.")
@click.argument("target", metavar="TARGET")
@click.argument("text")
@click.option("--as", "account", required=True, metavar="USER@HOST:PORT", help="Who sends, by which server.")
@click.option("--acked", is_flag=True, help="Wait until TARGET's client says that it has received it.")
@click.option(
    "--type",
    "information_type",
    type=click.IntRange(-(2**31), 2**31 - 1),
    default=TEXT,
    show_default=True,
    help="Information type; chats show type 0.",
)
@connection_options
def send(
    target: str,
    text: str,
    account: str,
    acked: bool,
    information_type: int,
    connection: Connection,
) -> None:
    """Send TEXT to the user TARGET.

    Without --acked it is done when the message has left; whether TARGET is online is then not known. With it, a TARGET
    that is not online, or does not answer, ends with code 1; with code 0, when the server keeps the message for it.
    """
    from esframework.cli.session import FAILED, run_client
    from esframework.errors import KeptOffline

    who = connection.account(account)

    async def deliver(client: Any) -> int | None:
        content = text.encode("utf-8", "replace")
        facts: dict[str, Any] = {"to": target, "type": information_type, "acked": acked}
        if acked:
            try:
                await client.custom.send_acked(target, information_type, content)
            except KeptOffline:
                # No failure: a script that tries again after one would have it arrive twice.
                facts |= {"acked": False, "kept": True}
                click.echo(f"kept for {name_of(target)}; do not send it again", err=True)
        elif not await client.custom.send(target, information_type, content):
            click.echo("esframework: the connection was lost before the message had left", err=True)
            return FAILED
        if connection.as_json:
            click.echo(json.dumps(facts, ensure_ascii=False))
        return None

    options = connection.client_options(auto_reconnect=False)
    code = run_client(who, ask_password(who), deliver, options=options, as_json=connection.as_json)
    click.get_current_context().exit(code)


@message.command(short_help="Print what others send to an account.")
@click.argument("account", metavar="USER@HOST:PORT")
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="End after N messages; else at Ctrl-C.")
@connection_options
def listen(account: str, count: int | None, connection: Connection) -> None:
    """Print what others send to USER, one line a message: `alice: text`; first what has waited, with its time.

    Comes back by itself when the connection is lost. Ctrl-C ends it, with code 130.
    """
    from twisted.internet.defer import DeferredQueue
    from twisted.internet.task import deferLater

    from esframework.cli.session import run_client

    who = connection.account(account)
    inbox: DeferredQueue[_Item] = DeferredQueue()

    async def print_all(client: Any) -> None:
        click.echo(f"listening as {bare_id(who.user_id)}", err=True)
        client.connection_interrupted.subscribe(lambda: click.echo(_LOST, err=True))
        client.relogon_completed.subscribe(_tell_return)
        left = count
        while left is None or left > 0:
            item = await inbox.get()
            shown = (item.source, item.information_type, item.content, None, item.sent_at)
            click.echo(json.dumps(facts_of(*shown), ensure_ascii=False) if connection.as_json else line_of(*shown))
            if item.printed is not None:
                item.printed.callback(None)
            left = None if left is None else left - 1
        # In this turn the handler may still be about to return, in the next one the server is told what it may forget:
        # the session must not end before.
        for _ in range(2):
            await deferLater(client.reactor, 0)

    code = run_client(
        who,
        ask_password(who),
        print_all,
        handler=_Inbox(inbox),
        options=connection.client_options(offline_ready=True),
        as_json=connection.as_json,
    )
    click.get_current_context().exit(code)


def _tell_return(response: Any) -> None:
    if response.result == 0:
        click.echo("logged on again", err=True)


class _Item(NamedTuple):
    """Information to print. What waited has a time, and is acknowledged when it is `printed`."""

    source: str | None
    information_type: int
    content: bytes | None
    sent_at: float | None = None
    printed: Deferred[None] | None = None


class _Inbox:
    """An `ICustomHandler` that keeps what comes in order, and answers no question."""

    def __init__(self, inbox: Any) -> None:
        self._inbox = inbox

    def handle_information(self, source: str | None, information_type: int, content: bytes | None) -> None:
        self._inbox.put(_Item(source, information_type, content))

    def handle_offline(self, message: Any) -> Deferred[None]:
        """Handled when it is printed: the server keeps what comes behind the last one that was wanted."""
        from twisted.internet.defer import Deferred

        printed: Deferred[None] = Deferred()
        item = _Item(message.source, message.information_type, message.content, message.received_at, printed)
        self._inbox.put(item)
        return printed

    def handle_query(self, source: str | None, information_type: int, content: bytes | None) -> None:
        from esframework.managers.custom.combined import UnhandledType

        raise UnhandledType("a listener answers no queries")
