"""A client of the network disk, in a terminal.

python client.py ME [HOST] [PORT]

    ls, cd PATH, mkdir PATH, rm PATH, mv PATH PATH
    put LOCAL [PATH], get PATH [LOCAL]
    share PATH USER, quota, quit
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.stdio import StandardIO
from twisted.internet.task import react
from twisted.protocols.basic import LineOnlyReceiver

from esframework import ClientEngine, ClientOptions
from esframework.errors import EsError
from esframework.managers.files.options import FilesOptions

NOTES = Path("~/.local/state/esframework-disk-example").expanduser()
"""Where it is noted what was downloaded half, so that `get` goes on after this program was ended."""


class Shell:
    """What each command does; one that fails says why."""

    def __init__(self, client: ClientEngine, done: Deferred[None]) -> None:
        self.client = client
        self.disk: Any = client.disk
        self.done = done

    async def do(self, line: str) -> None:
        try:
            word, *arguments = shlex.split(line) or [""]
            command = getattr(self, f"do_{word}", None)
            if command is None:
                show("ls, cd, mkdir, rm, mv, put, get, share, quota or quit")
            else:
                await command(*arguments)
        except (EsError, OSError) as error:
            show(f"! {error}")
        except (TypeError, ValueError) as error:
            show(f"! not so: {error}")

    async def do_ls(self, path: str = "") -> None:
        for entry in await self.disk.list_all(path):
            show(f"{entry.name}/" if entry.is_folder else f"{entry.name} {entry.size} bytes")

    async def do_cd(self, path: str = "/") -> None:
        show(f"now in {await self.disk.set_folder(path)}")

    async def do_mkdir(self, path: str) -> None:
        show(f"made {(await self.disk.make_folder(path)).path}")

    async def do_rm(self, path: str) -> None:
        removed = await self.disk.remove(path, recursive=True)
        show(f"removed {removed.files} files")

    async def do_mv(self, source: str, target: str) -> None:
        show(f"moved to {(await self.disk.move(source, target)).path}")

    async def do_put(self, local: str, path: str = "") -> None:
        await self.follow(await self.disk.upload(local, path))

    async def do_get(self, path: str, local: str = ".") -> None:
        await self.follow(await self.disk.download(path, local))

    async def follow(self, transfer: Any) -> None:
        """Show a transfer until all is there."""
        if transfer.transfer.is_resumed:
            show("going on where it was interrupted")
        async for progress in transfer.progress():
            if progress.size:
                show(f"{progress.transferred * 100 // progress.size} %")
        show(f"done: {transfer.path if transfer.is_upload else transfer.local}")

    async def do_share(self, path: str, user: str) -> None:
        show(f"{user} finds it at {(await self.disk.share(path, [user])).shared_path}")

    async def do_quota(self) -> None:
        quota = await self.disk.quota()
        show(f"{quota.used} of {quota.allowed} bytes are used")

    async def do_quit(self) -> None:
        if not self.done.called:
            self.done.callback(None)


class Keyboard(LineOnlyReceiver):
    """Lines from standard input, one after the other; its end is the program's."""

    delimiter = b"\n"

    def __init__(self, shell: Shell) -> None:
        self.shell = shell
        self.last: Deferred[Any] = Deferred()
        self.last.callback(None)

    def lineReceived(self, line: bytes) -> None:
        text = line.decode(errors="replace").strip()
        self.last.addCallback(lambda _: Deferred.fromCoroutine(self.shell.do(text)))

    def connectionLost(self, reason: Any = None) -> None:
        self.last.addCallback(lambda _: Deferred.fromCoroutine(self.shell.do("quit")))


def show(text: str) -> None:
    print(text, flush=True)


async def main(reactor: Any, me: str, host: str = "localhost", port: str = "4530") -> None:
    options = ClientOptions(files=FilesOptions(state_folder=NOTES))
    client = ClientEngine(options=options, reactor=reactor)
    try:
        await client.log_on(me, "", f"tcp:{host}:{port}")
    except EsError as error:
        sys.exit(f"{error}")
    show(f"* logged on as {me}")
    reactor.addSystemEventTrigger("before", "shutdown", client.close)  # Ctrl-C leaves in order, too
    done: Deferred[None] = Deferred()
    StandardIO(Keyboard(Shell(client, done)))
    await done
    await client.close()


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 4:
        sys.exit("usage: python client.py ME [HOST] [PORT]")
    react(main, sys.argv[1:])
