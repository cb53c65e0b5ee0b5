"""One account on two devices: both are online, both get what is sent to the account, each knows of the other."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import react

from esframework import ClientEngine, ServerEngine
from esframework.wire.devices import device_name


class Chat:
    def __init__(self, place: str) -> None:
        self.place = place

    def handle_information(self, source: Any, information_type: int, content: bytes) -> None:
        # The source compares and prints as the bare id; the device is beside it.
        print(f"{self.place}: {source} says {content.decode()!r} from {device_name(source.device)}")

    def handle_query(self, source: Any, information_type: int, content: bytes) -> bytes:
        return self.place.encode()


async def talk(reactor: Any, port: int = 4530) -> list[str]:
    server = ServerEngine(reactor=reactor)
    await server.listen(f"tcp:{port}:interface=127.0.0.1")
    engines = {}
    for login_id, place in (("4#alice", "alice's phone"), ("9#alice", "alice's desktop"), ("5#bob", "bob's phone")):
        client = engines[login_id] = ClientEngine(handler=Chat(place), reactor=reactor)
        await client.log_on(login_id, "secret", f"tcp:localhost:{port}")

    bob, phone = engines["5#bob"], engines["4#alice"]
    await bob.custom.send("alice", 1, b"to all your devices")
    await bob.custom.send("4#alice", 1, b"to your phone alone")
    answer = await bob.custom.query("9#alice", 2, b"where are you?")  # b"alice's desktop"
    devices = [device_name(device) for device in await phone.basic.my_devices()]  # ["ios", "linux"]

    for client in engines.values():
        await client.close()
    await server.stopService()
    return [*devices, answer.decode()]


if __name__ == "__main__":
    react(talk)
