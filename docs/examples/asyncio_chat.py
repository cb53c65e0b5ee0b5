"""A server and two clients in one asyncio program; the handlers are asyncio's coroutines."""

from __future__ import annotations

import asyncio
import sys

from esframework import aio


class Echo:
    """Takes its time with every answer."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def handle_information(self, source: str | None, information_type: int, content: bytes) -> None:
        await asyncio.sleep(0.01)
        print(f"{self.name} was told {content.decode()!r} by {source}", flush=True)

    async def handle_query(self, source: str | None, information_type: int, content: bytes) -> bytes:
        await asyncio.sleep(0.01)
        return content + b" yourself, says " + self.name.encode()


async def main(port: int = 4530) -> None:
    async with aio.ServerEngine(Echo("the server")) as server:
        await server.listen(f"tcp:{port}:interface=127.0.0.1")
        async with aio.ClientEngine(Echo("alice")) as alice, aio.ClientEngine(Echo("bob")) as bob:
            await alice.log_on("alice", "secret", f"tcp:localhost:{port}")
            await bob.log_on("bob", "secret", f"tcp:localhost:{port}")

            await alice.custom.send_acked("bob", 1, b"hello")
            answers = await asyncio.gather(
                alice.custom.query("bob", 2, b"ask"),
                alice.custom.query(None, 2, b"serve"),
                server.custom.query("alice", 2, b"log on"),
            )
            print(*(answer.decode() for answer in answers), sep="\n")
            print("online:", await bob.basic.all_online_users())


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))
