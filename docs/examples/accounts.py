"""A server with accounts, and somebody who makes one, comes back without a password, and gives it up."""

from __future__ import annotations

from typing import Any

from twisted.internet import task
from twisted.internet.defer import ensureDeferred

from esframework import AccountsOptions, AccountVerifier, ClientEngine, ServerEngine, ServerOptions
from esframework.errors import LogonFailed
from esframework.stores.memory import MemoryStores

NEWCOMERS = ServerOptions(accounts=AccountsOptions(register=True))


async def live(reactor: Any, port: int = 4530) -> list[str]:
    stores = MemoryStores()
    server = ServerEngine(verifier=AccountVerifier(stores.accounts), stores=stores, options=NEWCOMERS, reactor=reactor)
    server.accounts.registered.subscribe(lambda user_id: print(user_id, "is new here"))
    await server.listen(f"tcp:{port}:interface=127.0.0.1")
    endpoint = f"tcp:127.0.0.1:{port}"

    alice = ClientEngine(reactor=reactor)
    await alice.accounts.register("alice", "correct horse", endpoint, {"city": "Rome"})
    page = await alice.accounts.who_is_online(prefix="a")
    token = alice.accounts.session_token
    await alice.close()

    # Another day, another process: the token was kept, the password was not.
    await alice.log_on("alice", token, endpoint)
    state = await alice.accounts.state("alice")
    await alice.accounts.log_out()
    try:
        await alice.log_on("alice", token, endpoint)
    except LogonFailed as refused:
        print("the server says:", refused.cause)
    await server.close()
    return [*page.users, state.profile["city"]]


if __name__ == "__main__":
    task.react(lambda reactor: ensureDeferred(live(reactor)))
