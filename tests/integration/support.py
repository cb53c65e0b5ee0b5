"""What integration tests stand on: child processes that are watched, the daemon among them, and clients that talk.

Nothing here waits for a time: it waits for a line in a log, an end, an answer; time limits only end a test that
would fail anyway.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path
from random import sample
from typing import Any

import pytest
from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred, DeferredList, ensureDeferred
from twisted.internet.endpoints import clientFromString, connectProtocol
from twisted.internet.protocol import ProcessProtocol, Protocol
from twisted.internet.task import deferLater

from esframework import ClientEngine
from esframework.client.options import ClientOptions
from esframework.wire.contracts import LOG_ON, LOG_ON_REPLY, LogOnBody
from esframework.wire.frames import Frame, FrameDecoder, default_layout
from esframework.wire.types import SERVER_ID, LogonResult, MessageType

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 30.0
"""Seconds after which a test gives up; a hundred times what anything here takes."""

OURS = "esframework-python/0"
"""What a client says that passes itself off as ours."""

reactor: Any = global_reactor


def within(waiting: Deferred[Any], what: str, seconds: float = PATIENCE) -> Deferred[Any]:
    """The same Deferred, which fails the test when nothing comes of it."""
    return waiting.addTimeout(seconds, reactor, lambda *_: pytest.fail(f"waited {seconds:g} s for {what}"))


async def until(condition: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Waits until something is so that nobody tells of: what the kernel says of a process."""
    deadline = reactor.seconds() + seconds
    while not condition():
        if reactor.seconds() > deadline:
            pytest.fail(f"waited {seconds:g} s for {what}")
        await deferLater(reactor, 0.02, lambda: None)


# --- processes ------------------------------------------------------------------------------------------------------
class Child(ProcessProtocol):
    """A child process, as somebody at its terminal sees it. `shown` is what it has written, `exit` its exit code."""

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str] | None = None,
        *,
        python: str = sys.executable,
        path: str = str(ROOT),
        terminal: bool = False,
    ) -> None:
        """`path` is where modules are found besides what `python` has installed: the checkout, or nowhere. With
        `terminal` it runs on one of its own instead of on pipes.
        """
        self.shown = ""
        self.exit: int | None = None
        self.ended: Deferred[int] = Deferred()
        self._looking: list[tuple[re.Pattern[str], int, Deferred[re.Match[str]]]] = []
        variables = {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **(environment or {})}
        self.process = reactor.spawnProcess(self, python, [python, *arguments], variables, "/", usePTY=terminal)

    @property
    def pid(self) -> int:
        """Its process id."""
        return int(self.process.pid)

    async def shows(self, pattern: str, times: int = 1) -> re.Match[str]:
        """Waits until it has written this so many times; the last match. Fails when it ends before."""
        looking: Deferred[re.Match[str]] = Deferred()
        self._looking.append((re.compile(pattern, re.MULTILINE), times, looking))
        self._look()
        try:
            match: re.Match[str] = await within(looking, f"{pattern!r}")
        except BaseException:
            print(self.shown)
            raise
        return match

    def tell(self, number: signal.Signals) -> None:
        """Sends a signal."""
        self.process.signalProcess(number)

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Tells it to end, if it still runs, and waits for its exit code (negative: the signal it died of)."""
        if self.exit is None:
            self.tell(number)
            try:
                await self.over()
            except BaseException:
                self.tell(signal.SIGKILL)
                raise
        assert self.exit is not None
        return self.exit

    async def over(self) -> int:
        """Waits until it has ended by itself; its exit code."""
        if self.exit is None:
            watching: Deferred[int] = Deferred()
            self.ended.chainDeferred(watching)
            await within(watching, f"the end of the process, which said: {self.shown}")
        assert self.exit is not None
        return self.exit

    def outReceived(self, data: bytes) -> None:
        self.shown += data.decode(errors="replace")
        self._look()

    errReceived = outReceived

    def processEnded(self, reason: Any) -> None:
        self.exit = -reason.value.signal if reason.value.signal else reason.value.exitCode
        self._look()
        self.ended.callback(self.exit)
        for pattern, _, looking in self._looking:
            looking.errback(AssertionError(f"the process ended without {pattern.pattern!r}:\n{self.shown}"))

    def _look(self) -> None:
        for entry in list(self._looking):
            pattern, times, looking = entry
            matches = list(pattern.finditer(self.shown))
            if len(matches) >= times:
                self._looking.remove(entry)
                looking.callback(matches[-1])


SERVE = ("-c", "from esframework.cli.main import main; main(prog_name='esframework')", "serve")
TWISTD = ("-c", "from twisted.scripts.twistd import run; run()", "-n", "--pidfile=")
COMMAND = SERVE[:2]


def port_with_room() -> int:
    """A port of loopback behind which the next two are free as well, where a server has its P2P server.

    Not one of those that the system gives away by itself: any connection of another test might have the next one.
    """
    for first in sample(range(10_000, 32_000), 100):
        try:
            for number, kind in product(range(first, first + 3), (socket.SOCK_STREAM, socket.SOCK_DGRAM)):
                with socket.socket(socket.AF_INET, kind) as tried:
                    tried.bind(("127.0.0.1", number))
        except OSError:
            continue
        return first
    raise AssertionError("none of a hundred ports of loopback is free with the next two")


class Daemon(Child):
    """`esframework serve`, or with `program` another way to start the same service."""

    def __init__(
        self,
        data: Path,
        *flags: str,
        program: Sequence[str] = SERVE,
        listen: str | None = None,
        config: str = "",
        **how: Any,
    ) -> None:
        if listen is None:
            listen = f"tcp:{port_with_room()}:interface=127.0.0.1:backlog=1024"
        self.data = data
        data.mkdir(parents=True, exist_ok=True)
        arguments = [*program, "--data", str(data), *(("--listen", listen) if listen else ())]
        if config:
            file = data / "es.toml"
            file.write_text(config)
            arguments += ["--config", str(file)]
        super().__init__([*arguments, *flags], **how)
        self.port = 0

    async def ready(self) -> Daemon:
        """Waits until it listens; `port` is where."""
        match = await self.shows(r"clients are served at .*?(?::(\d+))?$")
        self.port = int(match[1] or 0)
        return self

    @property
    def endpoint(self) -> str:
        """Where clients find it."""
        return f"tcp:127.0.0.1:{self.port}"

    @property
    def resident(self) -> int:
        """Bytes of memory that it holds now."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024  # type: ignore[index]

    @property
    def descriptors(self) -> int:
        """File descriptors that it has open now."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))


# --- clients --------------------------------------------------------------------------------------------------------
class Echo:
    """An application's handler that answers with what it was asked, and keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[str | None, int, bytes | None]] = []

    def handle_information(self, source: str | None, information_type: int, content: bytes | None) -> None:
        self.told.append((source, information_type, content))

    def handle_query(self, source: str | None, information_type: int, content: bytes | None) -> bytes | None:
        return content


async def logged_on(
    user_id: str, endpoint: str, handler: Any = None, password: str = "secret", **options: Any
) -> ClientEngine:
    """A client of ours that has logged on."""
    client = ClientEngine(handler or Echo(), options=ClientOptions(**options), reactor=reactor)
    await within(client.log_on(user_id, password, endpoint), f"the log-on of {user_id}")
    return client


class Conversation:
    """Two good clients that ask each other without a pause until they are told to end; any failure fails the test."""

    def __init__(self, first: ClientEngine, second: ClientEngine) -> None:
        self._clients = (first, second)
        self._ending = False
        self.rounds = 0
        self._over = ensureDeferred(self._talk())

    @classmethod
    async def begun(cls, endpoint: str, **options: Any) -> Conversation:
        """Both log on, and talk."""
        return cls(await logged_on("good-one", endpoint, **options), await logged_on("good-two", endpoint, **options))

    async def goes_on(self) -> None:
        """Waits for an exchange that began after this was called."""
        aim = self.rounds + 2
        await until(lambda: self.rounds >= aim or self._over.called, "the good clients' next exchange")
        if self._over.called:
            await self._over

    async def end(self) -> int:
        """Ends, and tells how many exchanges there were."""
        self._ending = True
        await within(self._over, "the last exchange")
        await DeferredList([client.close() for client in self._clients])
        return self.rounds

    async def _talk(self) -> None:
        first, second = self._clients
        while not self._ending:
            question = b"%d" % self.rounds
            assert await first.custom.query(second.current_user_id, 1, question) == question
            assert await second.custom.query(first.current_user_id, 1, question) == question
            self.rounds += 1
            await deferLater(reactor, 0.005, lambda: None)


class Raw(Protocol):
    """A peer that writes what it likes, and keeps the frames that come. `closed` fires with why the connection ended.

    It reads in the header's size of our own clients.
    """

    def __init__(self) -> None:
        self.layout = default_layout()
        self.frames: list[Frame] = []
        self.closed: Deferred[Exception] = Deferred()
        self._decoder = FrameDecoder(self.layout)
        self._waiting: dict[int, Deferred[bytes]] = {}

    @classmethod
    async def connected(cls, endpoint: str) -> Raw:
        """A connection."""
        return await connectProtocol(clientFromString(reactor, endpoint), cls())

    @classmethod
    async def logged_on(cls, endpoint: str, user_id: str, password: str = "", program: str = "raw") -> Raw:
        """A connection whose log-on was accepted, of a client that says it is this `program` (`OURS`)."""
        peer = await cls.connected(endpoint)
        peer.write(peer.log_on_frame(user_id, password, program))
        assert LOG_ON_REPLY.decode(await peer.receives(MessageType.LOG_ON)).logon_result == LogonResult.SUCCEED
        return peer

    def write(self, data: bytes) -> None:
        """Writes bytes."""
        self._socket.write(data)

    def frame(self, message_type: int, body: bytes, source: str, target: str = SERVER_ID, number: int = 0) -> bytes:
        """A frame of generation 6."""
        layout = self.layout
        return layout.encode(message_type, body, layout.field(source), layout.field(target), number)

    def log_on_frame(self, user_id: str, password: str = "", program: str = "raw") -> bytes:
        """A log-on."""
        return self.frame(MessageType.LOG_ON, LOG_ON.encode(LogOnBody(program, password, "")), user_id, number=1)

    async def receives(self, message_type: int) -> bytes:
        """Waits for a frame of this type; its body. One that has come already counts."""
        for frame in self.frames:
            if frame[0] == message_type:
                return self._body(frame)
        self._waiting[message_type] = waiting = Deferred()
        return await within(waiting, f"a frame of type {message_type}")

    async def is_closed(self, seconds: float = PATIENCE) -> Exception:
        """Waits until the other end has closed; why."""
        return await within(self.closed, "the end of a connection", seconds)

    def stop_reading(self) -> None:
        """Leaves what comes in the kernel's hands."""
        self._socket.pauseProducing()

    def read_on(self) -> None:
        """Reads again."""
        self._socket.resumeProducing()

    def finish(self) -> None:
        """Closes the connection after what has been written."""
        self._socket.loseConnection()

    def leave(self) -> None:
        """Cuts the connection."""
        self._socket.abortConnection()

    @property
    def _socket(self) -> Any:
        return self.transport

    def _body(self, frame: Frame) -> bytes:
        return frame[4][self.layout.header_size :]

    def dataReceived(self, data: bytes) -> None:
        for frame in self._decoder.feed(data):
            self.frames.append(frame)
            waiting = self._waiting.pop(frame[0], None)
            if waiting is not None:
                waiting.callback(self._body(frame))

    def connectionLost(self, reason: Any = None) -> None:
        self.closed.callback(reason.value)
        for message_type, waiting in self._waiting.items():
            waiting.errback(AssertionError(f"closed without a frame of type {message_type}: {reason.value}"))
