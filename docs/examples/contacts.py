"""Two users become contacts; one hears that the other goes and comes back."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from esframework import ClientEngine, ServerEngine, ServerOptions


def once(event: Any) -> Deferred[tuple[Any, ...]]:
    """Fires with the arguments of an event, the next time that it happens."""
    happened: Deferred[tuple[Any, ...]] = Deferred()

    def tell(*arguments: Any) -> None:
        subscription.cancel()
        happened.callback(arguments)

    subscription = event.subscribe(tell)
    return happened


async def meet(reactor: Any, port: int = 4530) -> list[Any]:
    # Not open: contacts are those that users make, and not simply everybody.
    server = ServerEngine(options=ServerOptions(open=False), reactor=reactor)
    await server.listen(f"tcp:{port}:interface=127.0.0.1")
    place = f"tcp:localhost:{port}"
    alice, bob = ClientEngine(reactor=reactor), ClientEngine(reactor=reactor)
    await alice.log_on("alice", "secret", place)
    await bob.log_on("bob", "secret", place)

    asked = once(bob.contacts.contact_requested)
    await alice.contacts.add("bob", "we met at the chess club")
    who, text = await asked
    print(f"bob is asked by {who}: {text}")

    seen = once(alice.contacts.contact_online)
    await bob.contacts.accept(who)
    print("alice sees that", *await seen, "is online")
    contacts, online = await alice.contacts.contacts(), await alice.contacts.online_contacts()

    gone = once(alice.contacts.contact_offline)
    await bob.close()
    print("alice sees that", *await gone, "is gone")

    await alice.close()
    await server.stopService()
    return [who, contacts, online]


if __name__ == "__main__":
    react(meet)
