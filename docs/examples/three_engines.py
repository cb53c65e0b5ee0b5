"""A server and two clients in one program: the code of the README, whole and runnable."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import react

from esframework import ClientEngine, ServerEngine


class Chat:
    def handle_information(self, source: str | None, information_type: int, content: bytes) -> None:
        print(source, "says", content.decode())

    async def handle_query(self, source: str | None, information_type: int, content: bytes) -> bytes:
        return content.upper()


async def talk(reactor: Any, port: int = 4530) -> bytes:
    server = ServerEngine(handler=Chat(), reactor=reactor)
    await server.listen(f"tcp:{port}:interface=127.0.0.1")

    bob = ClientEngine(handler=Chat(), reactor=reactor)
    await bob.log_on("bob", "secret", f"tcp:localhost:{port}")

    alice = ClientEngine(handler=Chat(), reactor=reactor)
    await alice.log_on("alice", "secret", f"tcp:localhost:{port}")  # raises LogonFailed(result, cause)
    await alice.custom.send("bob", 1, b"hello")
    answer = await alice.custom.query("bob", 100, b"ping")  # b"PING"

    await alice.close()
    await bob.close()
    await server.stopService()
    return answer


if __name__ == "__main__":
    react(talk)
