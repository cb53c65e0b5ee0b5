"""`esframework p2p`: tests of the channel between two terminals, one that answers and one that asks.

What the two say to each other, and what is measured, is in `channelling`.
"""

from __future__ import annotations

from typing import Any

import click

from esframework.cli.account import Connection, ask_password, connection_options
from esframework.cli.channelling.options import mode_option
from esframework.cli.information import name_of
from esframework.managers.p2p.client_options import ClientP2POptions
from esframework.wire.login_id import bare_id
from esframework.wire.types import P2PChannelMode

EXIT_CODES = (
    "Exit codes: 0 done, 1 refused or failed (USER is not online, the channel was lost in the middle), 2 wrong usage, "
    "3 no connection to the server, 5 no channel could be opened (messages go by the server), 130 ended by Ctrl-C."
)


@click.group(short_help="Test channels straight to somebody.")
def p2p() -> None:
    """Test the channel between two users, straight from one program to the other.

    In one terminal `esframework p2p answer bob@HOST:PORT`, in another, on the same machine or far away,
    `esframework p2p test bob --as alice@HOST:PORT`.
    """


@p2p.command(short_help="Answer tests.")
@click.argument("account", metavar="USER@HOST:PORT")
@click.option("--from", "senders", multiple=True, metavar="USER", help="Answer USER only; may be repeated.")
@mode_option
@connection_options
def answer(account: str, senders: tuple[str, ...], mode: P2PChannelMode, connection: Connection) -> None:
    """Log on as USER and take part in the tests of others, until Ctrl-C; prints what happens.

    Whoever tests learns the addresses of this machine: that is how channels are found. --from says who may.
    """
    from twisted.internet.defer import Deferred

    from esframework.cli.channelling.answering import Answerer
    from esframework.cli.channelling.telling import Teller
    from esframework.cli.session import run_client

    who = connection.account(account)
    teller = Teller(connection.as_json)
    answerer = Answerer(teller, frozenset(map(bare_id, senders)))

    async def wait(client: Any) -> None:
        answerer.begin(client)
        lost = "the connection was lost; it comes back by itself"
        client.connection_interrupted.subscribe(lambda: teller.remark(lost))
        client.relogon_completed.subscribe(lambda _: teller.remark("logged on again"))
        name = bare_id(who.user_id)
        if connection.as_json:
            teller.tell("", event="ready", user=name)
        teller.remark(f"answering tests as {name_of(name)}; Ctrl-C ends")
        if client.p2p is None:
            teller.remark("this server offers no P2P; whoever tests is told so")
        await Deferred()

    options = connection.client_options(p2p=ClientP2POptions(mode=mode))
    code = run_client(who, ask_password(who), wait, handler=answerer, options=options, as_json=connection.as_json)
    click.get_current_context().exit(code)


@p2p.command(short_help="Open a channel, and measure it.", epilog=EXIT_CODES)
@click.argument("user", metavar="USER")
@click.option("--as", "account", required=True, metavar="USER@HOST:PORT", help="Who tests, by which server.")
@mode_option
@click.option(
    "--megabytes",
    type=click.FloatRange(0, 10_000),
    default=20.0,
    show_default=True,
    metavar="N",
    help="How much is sent over the channel, to be received whole; 0: nothing. A megabyte is 1000000 bytes.",
)
@connection_options
def test(user: str, account: str, mode: P2PChannelMode, megabytes: float, connection: Connection) -> None:
    """Open a channel to USER, who runs `esframework p2p answer`, and measure it.

    Tells the kind of the channel, both addresses, how long it took to open, the round trip by it and by the server, and
    the throughput. When none can be opened, it says why as far as both ends know their NATs.
    """
    from esframework.cli.channelling.measuring import Tester
    from esframework.cli.channelling.telling import Teller
    from esframework.cli.session import run_client

    who = connection.account(account)
    teller = Teller(connection.as_json)
    handler = _Handler()

    async def measure(client: Any) -> int:
        tester = handler.tester = Tester(client, teller, user, int(megabytes * 1_000_000))
        return await tester.run()

    options = connection.client_options(
        auto_reconnect=False, p2p=ClientP2POptions(mode=mode, answers=True, keeps_trying=False)
    )
    code = run_client(who, ask_password(who), measure, handler=handler, options=options, as_json=connection.as_json)
    teller.clear()
    click.get_current_context().exit(code)


class _Handler:
    """An `ICustomHandler` that has a tester once there is a session."""

    tester: Any = None

    def handle_information(self, source: Any, information_type: int, content: bytes | None) -> None:
        """For the tester."""
        if self.tester is not None:
            self.tester.handle_information(source, information_type, content)

    def handle_query(self, source: Any, information_type: int, content: bytes | None) -> None:
        """Fail as a program without a handler does."""
        from esframework.managers.custom.combined import UnhandledType

        raise UnhandledType("a test answers no queries")
