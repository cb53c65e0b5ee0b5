"""An application that knows its groups; a member broadcasts to one of them, and so does the server."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import react
from zope.interface import implementer

from esframework import ClientEngine, ServerEngine
from esframework.interfaces import IContacts


@implementer(IContacts)
class Club:
    def __init__(self) -> None:
        self.members = {"chess": ["alice", "bob", "carol"]}

    def contacts_of(self, user_id: str) -> list[str]:
        return [other for group in self.members.values() if user_id in group for other in group if other != user_id]

    def members_of(self, group_id: str) -> list[str]:
        return self.members.get(group_id, [])


async def play(reactor: Any, port: int = 4530) -> list[Any]:
    server = ServerEngine(contacts=Club(), reactor=reactor)
    server.contacts.broadcast_failed.subscribe(lambda user_id, broadcast: print(user_id, "is not there to hear it"))
    await server.listen(f"tcp:{port}:interface=127.0.0.1")
    heard: list[Any] = []

    def hear(broadcaster: str | None, group_id: str, information_type: int, content: bytes, tag: str) -> None:
        heard.append((broadcaster, content))
        print(f"bob hears in {group_id}: {broadcaster or 'the server'} says {content[:20]!r}")

    alice, bob = ClientEngine(reactor=reactor), ClientEngine(reactor=reactor)
    bob.contacts.broadcast_received.subscribe(hear)
    for client, name in ((alice, "alice"), (bob, "bob")):
        await client.log_on(name, "secret", f"tcp:localhost:{port}")

    report = await alice.contacts.broadcast("chess", 1, b"e2-e4")  # reached 1, absent 1
    await alice.contacts.broadcast_blob("chess", 2, bytes(1_000_000))
    await server.contacts.broadcast("chess", 1, b"the tournament begins")
    mates = await bob.contacts.group_members("chess")  # online alice and bob, offline carol

    await alice.close()
    await bob.close()
    await server.stopService()
    return [report.reached, report.absent, mates.offline, len(heard)]


if __name__ == "__main__":
    react(play)
