"""What nobody can prevent: the server is killed in the middle of traffic, and the machine's clock is set anew."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred, DeferredList, gatherResults

from esframework import ClientEngine
from esframework.errors import EsError
from esframework.wire.types import LogonResult
from tests.integration.support import TWISTD, Child, Daemon, Raw, logged_on, reactor, within

pytestmark = pytest.mark.integration
Start = Callable[..., Daemon]
CLIENTS = 30


class Returning:
    """A client and when it tried to come back, and did."""

    def __init__(self, client: ClientEngine) -> None:
        self.client = client
        self.first_try: float | None = None
        self.interrupted: Deferred[None] = Deferred()
        self.back: Deferred[Any] = Deferred()
        client.connection_interrupted.subscribe(lambda: self.interrupted.callback(None))
        client.rebuild_started.subscribe(self._tries)
        client.relogon_completed.subscribe(self.back.callback)

    def _tries(self) -> None:
        if self.first_try is None:
            self.first_try = reactor.seconds()


@pytest_twisted.ensureDeferred
async def test_after_a_kill_the_clients_come_back_by_themselves_and_spread_out(start: Start, tmp_path: Path) -> None:
    daemon = await start("--open", data=tmp_path).ready()
    come = [logged_on(f"client{number}", daemon.endpoint, reconnect_first_delay=2.0) for number in range(CLIENTS)]
    returning = [Returning(client) for client in await gatherResults([Deferred.fromCoroutine(one) for one in come])]
    asked = [one.client.custom.query("client0", 1, bytes(10_000)) for one in returning for _ in range(20)]
    await asked[0]
    daemon.tell(signal.SIGKILL)
    assert await daemon.over() == -signal.SIGKILL
    answers = await within(DeferredList(asked, consumeErrors=True), "the end of all queries")
    assert all(succeeded or result.check(EsError) for succeeded, result in answers)
    for one in returning:
        await within(one.interrupted, "the interruption")
    restarted = await start("--open", data=tmp_path, listen=f"tcp:{daemon.port}:interface=127.0.0.1").ready()
    for one in returning:
        assert (await within(one.back, "a client's return")).result is LogonResult.SUCCEED
    tries = sorted(one.first_try for one in returning if one.first_try is not None)
    assert len(tries) == CLIENTS
    assert tries[-1] - tries[0] > 0.5
    assert max(later - earlier for earlier, later in zip(tries, tries[1:], strict=False)) < 1.5
    assert await returning[1].client.custom.query("client2", 1, b"again") == b"again"
    assert len(await returning[1].client.basic.all_online_users()) == CLIENTS
    await DeferredList([one.client.close() for one in returning])
    assert "Traceback" not in restarted.shown


CLOCK = """
import signal, time
wall, offset = time.time, [0.0]
time.time = lambda: wall() + offset[0]
def jump(seconds):
    offset[0] += seconds
    print(f"clock set to {time.time():.0f}", flush=True)
signal.signal(signal.SIGUSR1, lambda *_: jump(3600.0))
signal.signal(signal.SIGUSR2, lambda *_: jump(-3600.0))
"""


@pytest.mark.parametrize(
    ("kind", "jump"),
    [("epoll", signal.SIGUSR1), ("epoll", signal.SIGUSR2), ("asyncio", signal.SIGUSR2)],
    ids=["an hour forth", "an hour back", "an hour back under asyncio"],
)
@pytest_twisted.ensureDeferred
async def test_a_clock_that_jumps_ends_no_session_and_stops_no_timer(
    start: Start, kind: str, jump: signal.Signals
) -> None:
    program = ("-c", CLOCK + TWISTD[1], *TWISTD[2:], f"--reactor={kind}", "esframework")
    config = "[session]\nheartbeat_timeout = 3.0\nlog_on_timeout = 1.0\n"
    daemon = await start("--open", program=program, config=config).ready()
    steady = await logged_on("steady", daemon.endpoint, heartbeat_interval=0.3)
    interrupted: list[None] = []
    steady.connection_interrupted.subscribe(lambda: interrupted.append(None))
    daemon.tell(jump)
    await daemon.shows("clock set to")
    assert await steady.custom.query("steady", 1, b"there?") == b"there?"

    # Timers still fire, and not before their time.
    began = reactor.seconds()
    mute = await Raw.connected(daemon.endpoint)
    silent = await Raw.logged_on(daemon.endpoint, "silent")
    await mute.is_closed()
    assert 0.9 < reactor.seconds() - began < 20
    await silent.is_closed()
    assert 2.8 < reactor.seconds() - began < 20
    await daemon.shows("silent logged off: HEARTBEAT_TIMEOUT")
    assert interrupted == []
    assert "steady logged off" not in daemon.shown
    await steady.close()


EMBEDDED = """
import sys
from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred
from esframework import ClientEngine, ClientOptions
from esframework.net.clock import use_monotonic_time

async def main():
    client = ClientEngine(options=ClientOptions(heartbeat_interval=0.3))
    client.connection_interrupted.subscribe(lambda: print("interrupted", flush=True))
    await client.log_on("embedded", "", sys.argv[1])
    print("logged on", flush=True)

use_monotonic_time(reactor)
reactor.callWhenRunning(lambda: ensureDeferred(main()))
reactor.run()
"""


@pytest.mark.parametrize("jump", [signal.SIGUSR1, signal.SIGUSR2], ids=["an hour forth", "an hour back"])
@pytest_twisted.ensureDeferred
async def test_a_clients_clock_that_jumps_stops_no_heartbeat(
    start: Start, children: list[Child], jump: signal.Signals
) -> None:
    daemon = await start("--open", config="[session]\nheartbeat_timeout = 2.0\n").ready()
    client = Child(["-c", CLOCK + EMBEDDED, daemon.endpoint])
    children.append(client)
    await client.shows("logged on")
    client.tell(jump)
    await client.shows("clock set to")
    silent = await Raw.logged_on(daemon.endpoint, "silent")
    await daemon.shows("silent logged off: HEARTBEAT_TIMEOUT")
    # Whoever fell silent before that one has been logged off by the time that somebody else can log on.
    (await Raw.logged_on(daemon.endpoint, "later")).leave()
    assert "embedded logged off" not in daemon.shown
    assert "interrupted" not in client.shown
    await silent.is_closed()
