"""A server of your own that keeps accounts, contacts, groups and messages in a database.

`python stored_server.py WHERE PORT`; WHERE is a path or a URL. It makes an account for alice at its first start.
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from esframework import ServerEngine
from esframework.errors import AccountExists, StoreError
from esframework.stores.sql import SqlStores
from esframework.stores.verifier import AccountVerifier


async def main(reactor: Any, where: str = "stores.sqlite", port: str = "4530") -> None:
    try:
        stores = SqlStores(where)
        server = ServerEngine(verifier=AccountVerifier(stores.accounts), stores=stores, reactor=reactor)
        await server.listen(f"tcp:{port}:interface=127.0.0.1")  # opens the stores first
    except StoreError as error:
        sys.exit(f"no store: {error}")
    try:
        await stores.accounts.add("alice", "wonderland")
    except AccountExists:
        print("alice is known already", flush=True)
    if await stores.groups.group("tea-party") is None:
        await stores.groups.create("tea-party", owner="alice", members=["hatter", "hare"])
    print("groups of alice:", await stores.groups.groups_of("alice"), flush=True)
    await Deferred()  # until Ctrl-C


if __name__ == "__main__":
    react(main, sys.argv[1:])
