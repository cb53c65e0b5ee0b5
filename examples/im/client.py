"""A client of a small messenger, in a terminal.

python client.py ME [HOST] [PORT]

    bob: hello      say something to bob
    /shake bob      shake bob's window
    /send bob PATH  offer bob a file or a folder
    /take bob       take what bob offers, into this folder or /take bob FOLDER; /refuse bob does not
    /stop bob       interrupt what goes to bob or comes from him
    /ask TEXT       ask the server
    /contacts       who is online, and by which way you talk to them
    /quit           leave
"""

from __future__ import annotations

import sys
from typing import Any

from file_desk import FileDesk
from information_types import CHAT, CLIENT_CALLS_SERVER, VIBRATION
from twisted.internet.defer import Deferred
from twisted.internet.stdio import StandardIO
from twisted.internet.task import LoopingCall, react
from twisted.protocols.basic import LineOnlyReceiver
from ways import Ways

from esframework import ClientEngine, LogonResponse, LogonResult
from esframework.errors import EsError, NotLoggedOn, RequestError, TargetAbsent

LOOK_EVERY = 2.0
"""Seconds between two looks at who is online."""


class Window:
    """What is shown of what others send: the client's handler."""

    def handle_information(self, source: str | None, information_type: int, content: bytes | None) -> None:
        if information_type == CHAT:
            show(f"{source}: {(content or b'').decode(errors='replace')}")
        elif information_type == VIBRATION:
            show(f"~~~ {source} shakes your window ~~~")

    def handle_query(self, source: str | None, information_type: int, content: bytes | None) -> bytes:
        raise LookupError("this client answers no queries")


class Messenger:
    """One user's side: contacts, what is typed, and what becomes of the connection."""

    def __init__(self, client: ClientEngine, done: Deferred[None]) -> None:
        self.client = client
        self.contacts: set[str] = set()
        self.done = done
        self.desk = FileDesk(client, show)
        self.ways = Ways(client, show)
        client.connection_interrupted.subscribe(lambda: show("* the connection is lost"))
        client.rebuild_started.subscribe(lambda: show("* connecting again"))
        client.relogon_completed.subscribe(self.relogon_completed)
        client.basic.being_pushed_out.subscribe(lambda: self.leave("* you logged on elsewhere"))
        client.basic.being_kicked_out.subscribe(lambda: self.leave("* you were kicked out"))

    async def look(self) -> None:
        """Everybody online is a contact; tells who came and who went."""
        if not self.client.connected:
            return
        try:
            online = set(await self.client.basic.all_online_users())
        except RequestError:
            return  # the connection was lost meanwhile, which is shown already
        online.discard(self.client.current_user_id or "")
        for name in sorted(online - self.contacts):
            show(f"+ {name}")
        for name in sorted(self.contacts - online):
            show(f"- {name}")
        self.contacts = online

    async def typed(self, line: str) -> None:
        """Do what a line says; what goes wrong is shown."""
        word, _, rest = line.partition(" ")
        try:
            if word == "/quit":
                self.leave("* bye")
            elif word == "/contacts":
                shown = [f"{name} ({self.ways.way_to(name)})" for name in sorted(self.contacts)]
                show("contacts: " + (", ".join(shown) or "nobody"))
            elif word == "/shake" and rest:
                await self.client.custom.send_acked(rest.strip(), VIBRATION, None)
            elif word in ("/send", "/take", "/refuse", "/stop") and rest:
                await self.about_files(word, rest.strip())
            elif word == "/ask":
                answer = await self.client.custom.query(None, CLIENT_CALLS_SERVER, rest.encode())
                show(f"server: {answer.decode()}")
            elif word[1:].endswith(":") and rest:
                await self.client.custom.send_acked(word[:-1], CHAT, rest.encode())
                self.ways.talked_to(word[:-1])
            elif line:
                show("! NAME: TEXT, /shake NAME, /send NAME PATH, /take NAME, /refuse NAME, /stop NAME, /ask TEXT,")
                show("! /contacts or /quit")
        except NotLoggedOn:
            show("! not connected; not sent")
        except TargetAbsent as error:
            show(f"! {error.target} is not online; not sent")
        except EsError as error:
            show(f"! {error}")

    async def about_files(self, word: str, rest: str) -> None:
        name, _, path = rest.partition(" ")
        if word == "/send":
            await self.desk.send(name, path.strip())
        elif word == "/take":
            self.desk.take(name, path.strip())
        elif word == "/refuse":
            self.desk.refuse(name)
        else:
            self.desk.stop(name)

    def relogon_completed(self, response: LogonResponse) -> None:
        if response.result == LogonResult.SUCCEED:
            show("* logged on again")
        else:
            self.leave(f"* the server does not let you in again: {response.cause}")

    def leave(self, why: str) -> None:
        show(why)
        if not self.done.called:
            self.done.callback(None)


class Keyboard(LineOnlyReceiver):
    """Lines from standard input; its end is the program's."""

    delimiter = b"\n"

    def __init__(self, messenger: Messenger) -> None:
        self.messenger = messenger

    def lineReceived(self, line: bytes) -> None:
        Deferred.fromCoroutine(self.messenger.typed(line.decode(errors="replace").strip()))

    def connectionLost(self, reason: Any = None) -> None:
        if not self.messenger.done.called:
            self.messenger.done.callback(None)


def show(text: str) -> None:
    print(text, flush=True)


async def main(reactor: Any, me: str, host: str = "localhost", port: str = "4530") -> None:
    client = ClientEngine(Window(), reactor=reactor)
    try:
        await client.log_on(me, "", f"tcp:{host}:{port}")
    except EsError as error:
        sys.exit(f"{error}")
    show(f"* logged on as {me}")
    reactor.addSystemEventTrigger("before", "shutdown", client.close)  # Ctrl-C leaves in order, too
    messenger = Messenger(client, Deferred())
    looking = LoopingCall(lambda: Deferred.fromCoroutine(messenger.look()))
    looking.start(LOOK_EVERY)
    StandardIO(Keyboard(messenger))
    await messenger.done
    looking.stop()
    await client.close()


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 4:
        sys.exit("usage: python client.py ME [HOST] [PORT]")
    react(main, sys.argv[1:])
