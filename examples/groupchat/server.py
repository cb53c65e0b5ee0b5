"""The server of a group chat: anybody may log on, make groups, join those that are there, and talk in them.

python server.py [PORT]

The rules are those of the manual's demo: to join a group that is not there fails, and who loses the connection has left
its groups. All the rest is the engine's.
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from esframework import GroupsOptions, ServerEngine, ServerOptions

RULES = ServerOptions(open=False, groups=GroupsOptions(join_creates=False, away_grace=0))


async def main(reactor: Any, port: str = "4530") -> None:
    server = ServerEngine(options=RULES, reactor=reactor)
    groups = server.groups
    groups.created.subscribe(lambda group, owner: print(f"{owner} made {group}", flush=True))
    groups.joined.subscribe(lambda group, user: print(f"{user} joined {group}", flush=True))
    groups.quit.subscribe(lambda group, user: print(f"{user} left {group}", flush=True))
    groups.dissolved.subscribe(lambda group, members, operator: print(f"{group} is no more", flush=True))
    reactor.addSystemEventTrigger("before", "shutdown", server.close)
    await server.listen(f"tcp:{port}:interface=127.0.0.1")
    print(f"listening on port {port}", flush=True)
    await Deferred()  # until Ctrl-C


if __name__ == "__main__":
    react(main, sys.argv[1:])
