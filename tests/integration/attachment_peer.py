"""A client that receives or sends attachments, as a program of its own:

    attachment_peer.py ENDPOINT receive FOLDER [SECONDS_PER_WRITE]
    attachment_peer.py ENDPOINT send NAME MEGABYTES

What is sent is made as it goes: a pattern that no shift of a piece leaves the same. Both write down how it ended.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import deferLater
from twisted.logger import globalLogBeginner, textFileLogObserver
from twisted.python.failure import Failure

from esframework import ClientEngine
from esframework.errors import EsError

MEGABYTE = 1024 * 1024
clock: Any = reactor


def pattern(megabytes: int) -> Iterator[bytes]:
    """So many different megabytes, one after another."""
    base = hashlib.shake_256(b"pattern").digest(MEGABYTE)
    for number in range(megabytes):
        yield number.to_bytes(8, "little") + base[8:]


class SlowConsumer:
    """Takes its time for each write."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def write(self, data: bytes) -> Deferred[None]:
        return deferLater(clock, self._seconds, lambda: None)

    def finish(self) -> None:
        """Nothing to do."""

    def fail(self, error: Exception) -> None:
        """The event tells."""


class Receiver:
    """Keeps attachments in a folder, under names of its own; refuses what is called `refuse`."""

    def __init__(self, folder: Path, seconds: float) -> None:
        self._folder = folder
        self._seconds = seconds
        self._count = 0

    def handle_information(self, source: str | None, information_type: int, content: bytes | None) -> None:
        """The body comes first."""

    def handle_query(self, source: str | None, information_type: int, content: bytes | None) -> bytes | None:
        return content

    def attachment_offered(self, source: str | None, information_type: int, attachment: Any) -> Any:
        if attachment.name == "refuse":
            return "no thank you"
        if self._seconds:
            return SlowConsumer(self._seconds)
        self._count += 1
        return self._folder / f"attachment{self._count}"


def say(text: str) -> None:
    """To the test."""
    print(text, flush=True)


async def receive(client: ClientEngine) -> None:
    """For ever."""
    client.custom.attachment_begun.subscribe(lambda attachment: say(f"begun {attachment.name}"))
    client.custom.attachment_finished.subscribe(lambda attachment: say(f"finished {attachment.received} bytes"))
    client.custom.attachment_failed.subscribe(lambda attachment, error: say(f"failed: {error!r}"))
    say("ready")


async def send(client: ClientEngine, name: str, megabytes: int) -> None:
    """Once."""
    began = clock.seconds()
    sent = await client.custom.send_attached("receiver", 1, b"body", pattern(megabytes), name=name)
    seconds = clock.seconds() - began
    say(f"sent {sent.size} bytes to {sent.receiver} in {seconds:.1f} s: {sent.size / MEGABYTE / seconds:.0f} MiB/s")
    # Not getrusage: that remembers what this process was before it became this program.
    say(next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")))


async def main(endpoint: str, mode: str, *arguments: str) -> None:
    """Log on, and do it."""
    if mode == "receive":
        seconds = float(arguments[1]) if len(arguments) > 1 else 0.0
        client = ClientEngine(Receiver(Path(arguments[0]), seconds), reactor=clock)
        await client.log_on("receiver", "secret", endpoint)
        await receive(client)
        return
    client = ClientEngine(reactor=clock)
    await client.log_on("sender", "secret", endpoint)
    say("ready")
    try:
        await send(client, arguments[0], int(arguments[1]))
    except EsError as error:
        say(f"not sent: {error!r}")
    await client.close()
    clock.stop()


def broken(failure: Failure) -> None:
    """A mistake of this program's."""
    failure.printTraceback()
    clock.stop()


if __name__ == "__main__":
    globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stdout)], redirectStandardIO=False)
    clock.callWhenRunning(lambda: ensureDeferred(main(*sys.argv[1:])).addErrback(broken))
    clock.run()
