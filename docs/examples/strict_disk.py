"""A network disk without films, on which bob removes nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from esframework import DiskOptions, ServerEngine, ServerOptions


def permit(action: str, user_id: str, target: str | None) -> bool | None:
    return False if (action, user_id) == ("disk_remove", "bob") else None


def no_films(task: Any) -> str | None:
    return "no films, please" if task.path.endswith((".mkv", ".mp4")) else None


async def main(reactor: Any, port: str = "4530", folder: str = "disk") -> None:
    options = ServerOptions(disk=DiskOptions(folder=Path(folder)))
    server = ServerEngine(options=options, permit=permit, reactor=reactor)
    server.disk.before_upload.subscribe(no_films)
    server.disk.changed.subscribe(lambda change: print(change.user_id, change.operation, change.path, flush=True))
    await server.listen(f"tcp:{port}:interface=127.0.0.1")
    print("serving", flush=True)
    await Deferred()


if __name__ == "__main__":
    react(main, sys.argv[1:])
