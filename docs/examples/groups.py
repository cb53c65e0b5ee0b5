"""A server on which two people make a group, talk in it, and come back into it."""

from __future__ import annotations

from typing import Any

from twisted.internet import task
from twisted.internet.defer import Deferred, ensureDeferred

from esframework import ClientEngine, ServerEngine

SAY = 1


async def talk(reactor: Any, port: int = 4530) -> list[str]:
    server = ServerEngine(reactor=reactor)
    server.groups.created.subscribe(lambda group, owner: print(owner, "made", group))
    await server.listen(f"tcp:{port}:interface=127.0.0.1")
    endpoint = f"tcp:127.0.0.1:{port}"

    alice, bob = ClientEngine(reactor=reactor), ClientEngine(reactor=reactor)
    await alice.log_on("alice", "", endpoint)
    await bob.log_on("bob", "", endpoint)

    heard: Deferred[bytes] = Deferred()
    bob.contacts.broadcast_received.subscribe(lambda source, group, kind, content, tag: heard.callback(content))
    await alice.groups.create("chess", tag="Sundays at five")
    group = await bob.groups.join("chess")
    await alice.contacts.broadcast("chess", SAY, b"who plays white?")
    said = (await heard).decode()

    # What a client is in, it comes back into by itself.
    returned: Deferred[list[str]] = Deferred()
    bob.groups.groups_rejoined.subscribe(lambda rejoined, lost: returned.callback(rejoined))
    bob.close_connection(reconnect_now=True)
    groups = await returned

    await alice.groups.dissolve("chess")
    for engine in (alice, bob, server):
        await engine.close()
    return [*group.members, group.tag, said, *groups]


if __name__ == "__main__":
    task.react(lambda reactor: ensureDeferred(talk(reactor)))
