"""A program with the real client engine, which does what it is told and says what happens: one person of the lab.

    python -m tests.nat.person '{"user_id": "alice", "endpoint": "tcp:203.0.113.1:4530"}'

A line of standard input is a command, a JSON object whose "do" names a method below and whose other members are its
arguments; a line of standard output is an event, with "at", a time of the clock that all processes of a machine share.
At the end of its input it ends. What becomes of it all somewhere else decides.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from twisted.internet import reactor as global_reactor
from twisted.internet.defer import ensureDeferred
from twisted.internet.stdio import StandardIO
from twisted.internet.task import LoopingCall
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure

from esframework import ClientEngine
from esframework.client.options import ClientOptions
from esframework.errors import ConnectionFailed, EsError, NotLoggedOn
from esframework.managers.p2p.client_options import ClientP2POptions
from esframework.wire.types import P2PChannelMode

reactor: Any = global_reactor
TALK = 1
LONG_EACH = 50
LONG = 20_000
"""Bytes of each fiftieth message; the others have eight and a name."""


def tell(event: str, **what: Any) -> None:
    """Says that something happened."""
    sys.stdout.write(json.dumps({"event": event, "at": time.monotonic(), **what}) + "\n")
    sys.stdout.flush()


class Heard:
    """What one other person said so far: messages are numbered from 1, and each must be the next one."""

    def __init__(self) -> None:
        self.count = 0
        self.wrong: list[tuple[int, int]] = []
        self.longest_silence = 0.0
        self._last_at: float | None = None

    def listen_anew(self) -> None:
        """No silence so far."""
        self.longest_silence, self._last_at = 0.0, None

    def hear(self, number: int) -> None:
        """A message came."""
        now = time.monotonic()
        if self._last_at is not None:
            self.longest_silence = max(self.longest_silence, now - self._last_at)
        self._last_at = now
        if number != self.count + 1:
            self.wrong.append((self.count + 1, number))
        self.count = number


class Person:
    """What a person can be told to do."""

    def __init__(self, user_id: str, endpoint: str, mode: str = "TCP_AND_UDP", **options: Any) -> None:
        p2p = ClientP2POptions(mode=P2PChannelMode[mode], **options)
        self.client = ClientEngine(self, options=ClientOptions(p2p=p2p), reactor=reactor)
        self._user_id = user_id
        self._endpoint = endpoint
        self._heard: dict[str, Heard] = {}
        self._said: dict[str, int] = {}
        self._talks: dict[str, LoopingCall] = {}
        self._transfer: Any = None
        self._began_at = 0.0

    async def log_on(self) -> None:
        """Begins."""
        self.client.connection_interrupted.subscribe(lambda: tell("server lost"))
        self.client.relogon_completed.subscribe(lambda _: tell("server back"))
        await self.client.log_on(self._user_id, "", self._endpoint)
        p2p = self.client.p2p
        p2p.channel_opened.subscribe(lambda state: tell("opened", **shown(state)))
        p2p.channel_closed.subscribe(lambda state: tell("closed", **shown(state)))
        p2p.connect_failed.subscribe(lambda user_id, error: tell("connect failed", user=user_id, why=str(error)))
        p2p.all_channels_closed.subscribe(lambda: tell("all closed"))
        tell("logged on")

    # --- channels ---------------------------------------------------------------------------------------------------
    async def connect(self, to: str, mode: str) -> None:
        """Opens a channel; says "connected" or "not connected", and after how many seconds."""
        self.client.p2p.mode = P2PChannelMode[mode]
        began = time.monotonic()
        try:
            state = await self.client.p2p.connect(to)
        except EsError as error:
            tell("not connected", seconds=time.monotonic() - began, why=str(error))
        else:
            tell("connected", seconds=time.monotonic() - began, **shown(state))

    def disconnect(self, to: str) -> None:
        """Closes the channels, and wants none any more."""
        self.client.p2p.disconnect(to)

    def use(self, mode: str) -> None:
        """Takes and makes only channels of these kinds from now on; says "used"."""
        self.client.p2p.mode = P2PChannelMode[mode]
        tell("used")

    def move(self) -> None:
        """Tells the engine that this machine is in another network now."""
        self.client.p2p.network_changed()

    def state(self, of: str) -> None:
        """Says which channel there is."""
        state = self.client.p2p.channel_state(of)
        tell("state", **({} if state is None else shown(state)))

    # --- talking ----------------------------------------------------------------------------------------------------
    def talk(self, to: str, every: float) -> None:
        """Says something every so many seconds until told to hush."""
        call = self._talks[to] = LoopingCall(self._say, to)
        call.start(every).addErrback(lambda failure: tell("broken", why=failure.getTraceback()))

    def _say(self, to: str) -> None:
        number = self._said.get(to, 0) + 1
        filling = b"x" * (LONG if number % LONG_EACH == 0 else 0)
        try:
            self.client.custom.post(to, TALK, number.to_bytes(8, "big") + filling)
        except NotLoggedOn:
            return
        self._said[to] = number

    def hush(self, to: str) -> None:
        """Says no more; "hushed" says how much was said."""
        self._talks.pop(to).stop()
        tell("hushed", said=self._said.get(to, 0))

    def report(self, of: str) -> None:
        """Says what was heard of somebody; silence is that since the last report, and that between both does not
        count."""
        heard = self._heard.setdefault(of, Heard())
        tell("report", heard=heard.count, wrong=heard.wrong[:20], silence=heard.longest_silence)
        heard.listen_anew()

    def handle_information(self, source: str | None, information_type: int, content: bytes | None) -> None:
        assert source is not None and content is not None
        self._heard.setdefault(source, Heard()).hear(int.from_bytes(content[:8], "big"))

    def handle_query(self, source: str | None, information_type: int, content: bytes | None) -> bytes | None:
        return content

    # --- files ------------------------------------------------------------------------------------------------------
    def receive_into(self, folder: str) -> None:
        """Takes every file that is offered."""
        self.client.files.offered.subscribe(lambda offer: offer.accept_into(Path(folder)))

    async def send_file(self, to: str, path: str) -> None:
        """Sends a file; says "file sent" or "file not sent" in the end."""
        began = time.monotonic()
        try:
            self._transfer = await self.client.files.send(to, Path(path))
            tell("file begun")
            await self._transfer.done()
        except EsError as error:
            tell("file not sent", why=repr(error))
        else:
            tell("file sent", seconds=time.monotonic() - began)

    def progress(self) -> None:
        """Says how many bytes of the file have been sent."""
        tell("progress", bytes=self._transfer.transferred)


def shown(state: Any) -> dict[str, Any]:
    """A channel as it is told of."""
    return {
        "protocol": state.protocol,
        "address": list(state.address),
        "round_trip": state.round_trip,
        "messages": state.messages_sent,
        "facts": {name: value for name, value in state.facts.items() if isinstance(value, (int, float, str))},
    }


class Commands(LineReceiver):
    """Standard input."""

    delimiter = b"\n"

    def __init__(self, person: Person) -> None:
        self._person = person

    def lineReceived(self, line: bytes) -> None:
        command = json.loads(line)
        doing = getattr(self._person, command.pop("do"))(**command)
        if doing is not None:
            ensureDeferred(doing).addErrback(broken)

    def connectionLost(self, reason: Any = None) -> None:
        reactor.stop()


def broken(failure: Failure) -> None:
    """Something failed that must not."""
    tell("broken", why=failure.getTraceback())


def main() -> None:
    """Runs until the end of standard input."""
    person = Person(**json.loads(sys.argv[1]))
    StandardIO(Commands(person))

    def not_logged_on(failure: Failure) -> None:
        failure.trap(ConnectionFailed)
        reactor.callLater(0.2, begin)

    def begin() -> None:
        ensureDeferred(person.log_on()).addErrback(not_logged_on).addErrback(broken)

    reactor.callWhenRunning(begin)
    reactor.run()


if __name__ == "__main__":
    main()
