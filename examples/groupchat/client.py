"""A client of a group chat, in a terminal.

python client.py ME [HOST] [PORT]

    /create GROUP       make a group, and be its owner
    /join GROUP         come into a group that is there
    /invite NAME        invite somebody into the group
    /who                who is in the group, and who of them is online
    /leave              leave the group
    /dissolve           end the group, for everybody
    /drop               lose the connection, and come back
    /quit               end the program
    anything else       say it in the group

The group is the one that was made or joined last.
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.stdio import StandardIO
from twisted.internet.task import react
from twisted.protocols.basic import LineOnlyReceiver

from esframework import ClientEngine
from esframework.errors import EsError, NotLoggedOn

GROUP_CHAT = 100  # the information type of what is said, as in the manual's demo


class GroupChat:
    """One user's side: the group it talks in, and what happens in groups."""

    def __init__(self, client: ClientEngine, done: Deferred[None]) -> None:
        self.client = client
        self.group = ""
        self.done = done
        self.listen(client.groups)
        client.contacts.broadcast_received.subscribe(self.heard)
        client.connection_interrupted.subscribe(lambda: show("* the connection is lost"))

    def listen(self, groups: Any) -> None:
        """Show what happens in groups."""
        groups.groupmate_joined.subscribe(lambda group, user: show(f"[{group}] + {user}"))
        groups.groupmate_quit.subscribe(lambda group, user: show(f"[{group}] - {user}"))
        groups.dissolved.subscribe(lambda group, operator: show(f"[{group}] was dissolved by {operator}"))
        groups.invited.subscribe(lambda group, operator: show(f"* {operator} invites you: /join {group}"))
        groups.groups_rejoined.subscribe(self.came_back)

    def heard(self, source: str | None, group: str, information_type: int, content: bytes | None, tag: Any) -> None:
        if information_type == GROUP_CHAT:
            show(f"[{group}] {source}: {(content or b'').decode(errors='replace')}")

    def came_back(self, rejoined: list[str], lost: list[str]) -> None:
        show("* back in: " + (", ".join(rejoined) or "no group"))
        if lost:
            show("* not there any more: " + ", ".join(lost))

    async def typed(self, line: str) -> None:
        """Do what a line says; what goes wrong is shown."""
        word, _, rest = line.partition(" ")
        try:
            if word.startswith("/"):
                await self.command(word, rest.strip())
            elif line and self.group:
                report = await self.client.contacts.broadcast(self.group, GROUP_CHAT, line.encode())
                if report is not None and not report.reached:
                    show("! nobody else is there")
            elif line:
                show("! /create GROUP or /join GROUP first")
        except NotLoggedOn:
            show("! not connected")
        except EsError as error:
            show(f"! {error}")

    async def command(self, word: str, rest: str) -> None:
        groups = self.client.groups
        if word in ("/create", "/join") and rest:
            joined = await (groups.create(rest) if word == "/create" else groups.join(rest))
            self.group = rest
            show(f"[{rest}] here are: {', '.join(joined.members)}")
        elif word == "/invite" and rest:
            invited = await groups.invite(self.group, [rest])
            show(f"[{self.group}] {rest} is invited" if invited else f"! {rest} is not online, or here already")
        elif word == "/who":
            mates = await self.client.contacts.group_members(self.group)
            show(f"[{self.group}] online: {', '.join(mates.online)}; away: {', '.join(mates.offline) or 'nobody'}")
        elif word == "/leave":
            await groups.quit(self.group)
            show(f"[{self.group}] you left")
        elif word == "/dissolve":
            await groups.dissolve(self.group)
            show(f"[{self.group}] you dissolved it")
        elif word == "/drop":
            self.client.close_connection()
        elif word == "/quit":
            self.leave("* bye")
        else:
            show("! /create, /join, /invite, /who, /leave, /dissolve, /drop or /quit")

    def leave(self, why: str) -> None:
        show(why)
        if not self.done.called:
            self.done.callback(None)


class Keyboard(LineOnlyReceiver):
    """Lines from standard input, one after the other; its end is the program's."""

    delimiter = b"\n"

    def __init__(self, chat: GroupChat) -> None:
        self.chat = chat
        self.last: Deferred[None] = Deferred()
        self.last.callback(None)

    def lineReceived(self, line: bytes) -> None:
        text = line.decode(errors="replace").strip()
        self.last.addCallback(lambda _: Deferred.fromCoroutine(self.chat.typed(text)))

    def connectionLost(self, reason: Any = None) -> None:
        if not self.chat.done.called:
            self.chat.done.callback(None)


def show(text: str) -> None:
    print(text, flush=True)


async def main(reactor: Any, me: str, host: str = "localhost", port: str = "4530") -> None:
    client = ClientEngine(reactor=reactor)
    try:
        await client.log_on(me, "", f"tcp:{host}:{port}")
    except EsError as error:
        sys.exit(f"{error}")
    show(f"* logged on as {me}")
    reactor.addSystemEventTrigger("before", "shutdown", client.close)  # Ctrl-C leaves in order, too
    chat = GroupChat(client, Deferred())
    StandardIO(Keyboard(chat))
    await chat.done
    await client.close()


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 4:
        sys.exit("usage: python client.py ME [HOST] [PORT]")
    react(main, sys.argv[1:])
