"""`esframework chat`: on a terminal a chat to type in, on a pipe a tool that sends lines and prints what comes.

Chooses between the two and builds them; what lines mean and do is in `chatting`.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

import click

from esframework.cli.account import Account, Connection, ask_password, connection_options
from esframework.cli.channelling.options import channel_options, p2p_options
from esframework.wire.types import P2PChannelMode

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred, DeferredSemaphore

    from esframework.cli.chatting.line_screen import LineSource
    from esframework.cli.chatting.room import ChatRoom
    from esframework.client.options import ClientOptions
    from esframework.managers.p2p.client_options import ClientP2POptions

_MOST_UNANSWERED: Final = 64
"""Lines of a pipe that are under way at once; the next one is read when one of them is done."""

_HAND_OVER: Final = 5.0
"""Seconds from the beginning within which what waited is expected; what comes no sooner stays with the server."""


@click.command(short_help="Talk to others, also when they are away.")
@click.argument("account", metavar="USER@HOST:PORT")
@channel_options
@connection_options
def chat(account: str, mode: P2PChannelMode, no_p2p: bool, connection: Connection) -> None:
    """Talk to others, also when they are away.

    On a terminal: write `bob: hello`, or /help. With a pipe as its input: each line `bob: hello` is sent and
    acknowledged, what others send is printed as `alice: hello`; ends with its input and when all that waited has
    been printed, with code 1 if a line failed.

    On a terminal a channel is opened straight to whomever you talk to, where NATs let it; with a pipe only by
    /p2p NAME. Whoever has a channel with you learns this machine's addresses; --no-p2p has none.

    At the prompt Ctrl-C leaves with code 0, elsewhere with 130.
    """
    who = connection.account(account)
    password = ask_password(who)
    options = _options(connection, p2p_options(mode, no_p2p))
    on_terminal = sys.stdin.isatty() and sys.stdout.isatty() and not connection.as_json
    if on_terminal and find_spec("prompt_toolkit") is not None:
        code = _on_terminal(who, password, options)
    else:
        if on_terminal:
            click.echo("a line to edit and its history: pip install 'esframework[terminal]'", err=True)
        code = _in_lines(who, password, options, connection.as_json)
    click.get_current_context().exit(code)


def _on_terminal(who: Account, password: str, options: ClientOptions) -> int:
    import asyncio

    from twisted.internet import asyncioreactor

    # Before anything imports the reactor: prompt_toolkit runs on asyncio only.
    asyncioreactor.install(asyncio.new_event_loop())

    from esframework.cli.chatting.room import ChatRoom
    from esframework.cli.chatting.terminal import TerminalScreen, talk_on_terminal
    from esframework.cli.chatting.visitor import Visitor
    from esframework.cli.session import run_client

    screen = TerminalScreen()

    async def talk(client: Any) -> None:
        room = ChatRoom(client, screen, opens_channels=True)
        try:
            await talk_on_terminal(client.current_user_id, room)
        finally:
            room.leave()

    return run_client(who, password, talk, handler=Visitor(who.user_id, screen), options=options)


def _in_lines(who: Account, password: str, options: ClientOptions, as_json: bool) -> int:
    from twisted.internet.defer import Deferred

    from esframework.cli.chatting.line_screen import LineScreen, LineSource
    from esframework.cli.chatting.room import ChatRoom
    from esframework.cli.chatting.visitor import Visitor
    from esframework.cli.session import run_client

    unread: list[OSError] = []
    talking: list[Deferred[int]] = []

    def broken(error: OSError) -> None:
        unread.append(error)
        for conversation in talking:
            conversation.cancel()

    screen = LineScreen(as_json, broken)

    async def talk(client: Any) -> int:
        room = ChatRoom(client, screen, opens_channels=sys.stdin.isatty())
        source = LineSource(client.reactor, sys.stdin.fileno())
        talking.append(Deferred.fromCoroutine(_talk_in_lines(room, source, _handed_over(client))))
        try:
            return await talking[0]
        finally:
            room.leave()
            if unread:
                raise unread[0]

    return run_client(who, password, talk, handler=Visitor(who.user_id, screen), options=options, as_json=as_json)


def _options(connection: Connection, p2p: ClientP2POptions) -> ClientOptions:
    from esframework.cli.transferring.state import default_state_folder
    from esframework.managers.files.options import FilesOptions

    files = FilesOptions(state_folder=default_state_folder())
    return connection.client_options(offline_ready=True, files=files, p2p=p2p)


def _handed_over(client: Any) -> Deferred[None]:
    """Fires when what waited has been printed, at once where the server keeps nothing; waits `_HAND_OVER` at most."""
    from twisted.internet.defer import Deferred

    handed_over: Deferred[None] = Deferred()

    def done() -> None:
        subscription.cancel()
        limit.cancel()
        handed_over.callback(None)

    def given_up() -> None:
        subscription.cancel()
        handed_over.callback(None)

    subscription = client.offline.caught_up.subscribe(done)
    limit = client.reactor.callLater(_HAND_OVER, given_up)
    if not client.basic.server_has("offline"):
        done()
    return handed_over


async def _talk_in_lines(room: ChatRoom, source: LineSource, handed_over: Deferred[None]) -> int:
    """Do what each line says, in order; returns the exit code when the input has ended and all is done."""
    from twisted.internet.defer import DeferredSemaphore

    from esframework.cli.chatting.wishes import Quit, ReceiveFile, Say, SendFile, Who
    from esframework.cli.session import DONE, FAILED

    under_way = DeferredSemaphore(_MOST_UNANSWERED)
    if sys.stdin.isatty():
        await room.begin(Who())
    has_left = False
    while not has_left and (lines := await source.read()) is not None:
        for line in lines:
            wish = room.wish(line.decode("utf-8", "replace"))
            has_left = isinstance(wish, Quit)
            if has_left:
                break
            if wish is not None:
                await under_way.acquire()
                room.begin(wish).addBoth(lambda _: under_way.release())
            if not isinstance(wish, (Say, SendFile, ReceiveFile)):
                # What is said arrives in order by itself, and files take their time; what any other command changes
                # must hold for the line after it.
                await _all_done(under_way)
    await _all_done(under_way)
    if not has_left:
        await handed_over
    return FAILED if room.failures else DONE


async def _all_done(under_way: DeferredSemaphore) -> None:
    """Wait until nothing is under way."""
    for _ in range(_MOST_UNANSWERED):
        await under_way.acquire()
    for _ in range(_MOST_UNANSWERED):
        under_way.release()
