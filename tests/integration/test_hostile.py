"""Strangers and clients that mean harm, against the real daemon: they are refused, and nobody else notices."""

from __future__ import annotations

import random
import resource
import select
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.threads import deferToThread

from esframework.wire.information import encode_information
from tests.conftest import absent
from tests.integration.support import Conversation, Daemon, Raw, logged_on, reactor, until, within

pytestmark = pytest.mark.integration
MEBIBYTE = 1024 * 1024
Start = Callable[..., Daemon]


def healthy(daemon: Daemon) -> bool:
    """Nothing reached the reactor, and nobody was surprised."""
    return "Traceback" not in daemon.shown and "Unhandled" not in daemon.shown


# --- bytes that are no messages -------------------------------------------------------------------------------------
def strange_bytes(dice: random.Random, peer: Raw) -> bytes:
    """What a fuzzer sends: garbage, or frames with something wrong in them."""
    body = encode_information(dice.randrange(2**31), dice.randbytes(dice.randrange(40)))
    types = (112, 118, 201, 203, 205, 207, 208, 301, 401, 701, 1000, 1001, 10_000, dice.randrange(2**16))
    target = dice.choice(("_0", "good-one", "nobody", "*", "_group", ""))
    frame = bytearray(peer.frame(dice.choice(types), body, "fuzz", target, dice.randrange(2**31)))
    match dice.randrange(5):
        case 0:
            return dice.randbytes(dice.randrange(1, 300))
        case 1:
            return bytes(frame[: dice.randrange(1, len(frame))])
        case 2:
            for _ in range(dice.randrange(1, 5)):
                frame[dice.randrange(len(frame))] = dice.randrange(256)
            return bytes(frame)
        case 3:
            return bytes(frame[: peer.layout.header_size]) + dice.randbytes(len(body))
        case _:
            return bytes(frame) * dice.randrange(1, 4)


async def attack(dice: random.Random, daemon: Daemon, number: int) -> None:
    """One fuzzing connection: before its log-on for even numbers, after it for odd ones."""
    peer = await (Raw.logged_on(daemon.endpoint, "fuzz") if number % 2 else Raw.connected(daemon.endpoint))
    if not number % 2 and dice.random() < 0.5:
        log_on = bytearray(peer.log_on_frame("fuzz"))
        log_on[dice.randrange(len(log_on))] = dice.randrange(256)
        peer.write(bytes(log_on))
    for _ in range(dice.randrange(1, 8)):
        peer.write(strange_bytes(dice, peer))
    peer.finish()
    await peer.is_closed()


@pytest_twisted.ensureDeferred
async def test_a_thousand_fuzzing_connections_disturb_nobody(start: Start) -> None:
    daemon = await start("--open").ready()
    talk = await Conversation.begun(daemon.endpoint)
    dice = random.Random(2)
    for number in range(1000):
        await attack(dice, daemon, number)
    await talk.goes_on()
    assert await talk.end() > 20
    assert "broke the protocol" in daemon.shown
    assert healthy(daemon), daemon.shown


@pytest.mark.parametrize("logged", [False, True], ids=["before the log-on", "after it"])
@pytest_twisted.ensureDeferred
async def test_a_declared_gigabyte_is_refused_at_its_header(start: Start, logged: bool) -> None:
    daemon = await start("--open").ready()
    peer = await (Raw.logged_on(daemon.endpoint, "liar") if logged else Raw.connected(daemon.endpoint))
    before = daemon.resident
    frame = bytearray(peer.log_on_frame("liar") if not logged else peer.frame(201, b"", "liar"))
    frame[8:12] = struct.pack("<i", 1024 * MEBIBYTE)
    peer.write(bytes(frame))
    await peer.is_closed()
    await daemon.shows("broke the protocol: .*1073741")
    assert daemon.resident - before < 8 * MEBIBYTE


@pytest_twisted.ensureDeferred
async def test_a_mebibyte_that_never_gets_whole_holds_no_more_than_what_came(start: Start) -> None:
    daemon = await start("--open").ready()
    before = daemon.resident
    peers = [await Raw.logged_on(daemon.endpoint, f"liar{number}") for number in range(100)]
    for number, peer in enumerate(peers):
        header = bytearray(peer.frame(201, b"", f"liar{number}"))
        header[8:12] = struct.pack("<i", 1000 * 1000)
        peer.write(bytes(header) + b"x")
    asking = await logged_on("asking", daemon.endpoint)
    await asking.basic.ping()
    assert daemon.resident - before < 16 * MEBIBYTE
    await asking.close()
    for peer in peers:
        peer.leave()


# --- connections that do nothing ------------------------------------------------------------------------------------
@pytest_twisted.ensureDeferred
async def test_a_log_on_one_byte_at_a_time_ends_with_the_time_for_a_whole_one(start: Start) -> None:
    daemon = await start("--open", config="[session]\nlog_on_timeout = 1.0\n").ready()
    began = reactor.seconds()
    peer = await Raw.connected(daemon.endpoint)
    sent = 0
    frame = peer.log_on_frame("loris", "p" * 200)

    def drip() -> None:
        nonlocal sent
        if not peer.closed.called:
            peer.write(frame[sent : sent + 1])
            sent += 1
            reactor.callLater(0.1, drip)

    drip()
    await peer.is_closed()
    assert 0.9 < reactor.seconds() - began < 10
    assert 5 < sent < len(frame)


class Crowd:
    """Many connections that say nothing, made and watched in a thread."""

    def __init__(self, port: int, size: int) -> None:
        self.sockets: list[socket.socket] = []
        self._port = port
        self._size = size

    def come(self) -> None:
        """Connects them all."""
        for _ in range(self._size):
            self.sockets.append(socket.create_connection(("127.0.0.1", self._port), timeout=20))

    def see_the_end(self, seconds: float) -> int:
        """How many the other end has closed, once all are or the time is over."""
        poller = select.poll()
        open_ones = {one.fileno(): one for one in self.sockets}
        for number in open_ones:
            poller.register(number, select.POLLIN)
        while open_ones:
            ready = poller.poll(seconds * 1000)
            if not ready:
                break
            for number, _ in ready:
                poller.unregister(number)
                del open_ones[number]
        return len(self.sockets) - len(open_ones)

    def go(self) -> None:
        """Closes what is left."""
        for one in self.sockets:
            one.close()


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """As many file descriptors as this machine allows, for the test and the daemons that it starts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 6000:
        absent(f"5000 connections need 6000 file descriptors; this user may have {hard} (ulimit -Hn)")
    wanted = 20_000 if hard == resource.RLIM_INFINITY else min(hard, 20_000)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest_twisted.ensureDeferred
async def test_five_thousand_empty_connections_are_all_ended_and_nobody_notices(
    start: Start, many_descriptors: None
) -> None:
    daemon = await start("--open", config="[session]\nlog_on_timeout = 3.0\n").ready()
    talk = await Conversation.begun(daemon.endpoint)
    before = daemon.descriptors
    crowd = Crowd(daemon.port, 5000)
    with ExitStack() as stack:
        stack.callback(crowd.go)
        await within(deferToThread(crowd.come), "5000 connections", 60)
        await talk.goes_on()
        newcomer = await logged_on("newcomer", daemon.endpoint)
        await newcomer.close()
        assert await within(deferToThread(crowd.see_the_end, 20.0), "their end", 60) == 5000
    await until(lambda: daemon.descriptors <= before, "the server's descriptors to be closed")
    await talk.goes_on()
    await talk.end()
    assert healthy(daemon), daemon.shown


@pytest_twisted.ensureDeferred
async def test_a_thousand_log_ons_and_off_leave_no_descriptor_open(start: Start) -> None:
    daemon = await start("--open").ready()
    lasting = await logged_on("lasting", daemon.endpoint)
    before = daemon.descriptors

    async def come_and_go(number: int) -> None:
        peer = await Raw.logged_on(daemon.endpoint, f"user{number % 7}")
        peer.leave() if number % 2 else peer.finish()
        await peer.is_closed()

    for hundred in range(0, 1000, 100):
        await gatherResults([Deferred.fromCoroutine(come_and_go(hundred + number)) for number in range(100)])
    await until(lambda: daemon.descriptors <= before, "the server's descriptors to be closed")
    assert await lasting.basic.all_online_users() == ["lasting"]
    await lasting.close()


# --- clients that do not read ---------------------------------------------------------------------------------------
async def flood(daemon: Daemon, target: str, mebibytes: int) -> None:
    """Sends so much to a user, as fast as the server takes it."""
    flooder = await logged_on("flooder", daemon.endpoint)
    for _ in range(mebibytes * 16):
        await flooder.custom.send(target, 7, bytes(64 * 1024))
    await flooder.basic.ping()
    await flooder.close()


@pytest.mark.parametrize(
    ("limits", "held"),
    [("hard_limit = 4194304\nwrite_timeout = 0\n", 24), ("hard_limit = 1000000000\nwrite_timeout = 1.0\n", 80)],
    ids=["too many bytes wait", "none leaves in time"],
)
@pytest_twisted.ensureDeferred
async def test_who_never_reads_is_cut_and_the_others_talk_on(start: Start, limits: str, held: int) -> None:
    daemon = await start("--open", config=f"[limits]\n{limits}").ready()
    talk = await Conversation.begun(daemon.endpoint)
    sleeper = await Raw.logged_on(daemon.endpoint, "sleeper")
    sleeper.stop_reading()
    before = daemon.resident
    await flood(daemon, "sleeper", 40)
    await daemon.shows("sleeper logged off: CHANNEL_CACHE_OVERFLOW")
    assert daemon.resident - before < held * MEBIBYTE
    await talk.goes_on()
    await talk.end()
    sleeper.leave()
    assert healthy(daemon), daemon.shown
