"""Files by P2P channels between real processes, over UDP and TCP: channels that are killed in the middle, ends that are
killed, and messages that do not wait for a file."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from statistics import quantiles
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.task import LoopingCall

from esframework import (
    ChannelMode,
    ClientEngine,
    ClientOptions,
    ClientP2POptions,
    FileDisruption,
    P2PChannelMode,
    SendingParameters,
    Transfer,
)
from tests.integration.linked_program import STAMP
from tests.integration.support import Child, Daemon, until, within

pytestmark = pytest.mark.integration
FILM = 30_000_000
PACE = 12_000_000
BOTH = pytest.mark.parametrize("kind", ["udp", "tcp"])
MODES = {"udp": P2PChannelMode.UDP, "tcp": P2PChannelMode.TCP}


class Alice:
    """Alice in this process, bob in another one, the server in a third; alice has a channel to bob."""

    def __init__(self, client: ClientEngine, bob: Child, folder: Path) -> None:
        self.client = client
        self.bob = bob
        self.film = folder / "film"
        self.received = folder / "received" / "film"

    async def send(self, size: int, **parameters: Any) -> Transfer:
        """A film, to bob."""
        self.film.write_bytes(os.urandom(size))
        transfer: Transfer = await self.client.files.send(
            "bob", self.film, parameters=SendingParameters(**parameters)
        )
        return transfer

    async def send_a_third(self, **parameters: Any) -> Transfer:
        """The same, slowly; until a third of it is there."""
        transfer = await self.send(FILM, rate_limit=PACE, **parameters)
        await until(lambda: transfer.transferred > FILM / 3, "a third of the film")
        return transfer

    async def told(self, question: int) -> Any:
        """What bob answers."""
        return json.loads(await within(self.client.custom.query("bob", question, b""), "bob's answer"))

    async def told_when_over(self) -> Any:
        """The same of files, when nothing moves any more."""
        while (files := await self.told(2))[0][1] == "transferring":
            continue
        return files

    def kill_channel(self) -> None:
        """With all that is in it."""
        for channel in tuple(self.client.links["bob"].channels):
            channel.abort(1, "killed")

    def is_the_same(self) -> bool:
        """Whether what bob has is what was sent."""
        return self.film.read_bytes() == self.received.read_bytes()


@pytest_twisted.async_yield_fixture()
async def meet(
    start: Callable[..., Daemon], children: list[Child], tmp_path: Path
) -> AsyncIterator[Callable[..., Any]]:
    """Makes an Alice, with a channel by the protocol that is named; `p2p` as for ClientP2POptions."""
    clients: list[ClientEngine] = []

    async def made(kind: str, **p2p: Any) -> Alice:
        server = await start("--open").ready()
        (tmp_path / "received").mkdir()
        bob = Child(["-m", "tests.integration.linked_program", "bob", server.endpoint, str(tmp_path / "received")])
        children.append(bob)
        await bob.shows("ready")
        client = ClientEngine(options=ClientOptions(p2p=ClientP2POptions(mode=MODES[kind], **p2p)))
        clients.append(client)
        await client.log_on("alice", "", server.endpoint)
        state = await within(client.p2p.connect("bob"), "a channel")
        assert state.protocol == kind
        return Alice(client, bob, tmp_path)

    yield made
    for client in clients:
        await client.close()


@BOTH
@pytest_twisted.ensureDeferred
async def test_a_file_whose_channel_is_killed_in_the_middle_arrives_whole(
    kind: str, meet: Callable[..., Any]
) -> None:
    alice = await meet(kind)
    transfer = await alice.send_a_third()
    assert transfer.path_kind == kind
    alice.kill_channel()
    await within(transfer.done(), "the film")
    ((_, state, _, paths),) = await alice.told(2)
    assert state == "completed"
    assert paths[:2] == [kind, "server"]
    assert alice.is_the_same()


@BOTH
@pytest_twisted.ensureDeferred
async def test_a_file_that_is_bound_to_its_channel_ends_with_it_at_both_ends_and_goes_on_by_the_next(
    kind: str, meet: Callable[..., Any]
) -> None:
    alice = await meet(kind, keeps_trying=False)
    bound = {"channel": ChannelMode.BY_P2P_CHANNEL}
    transfer = await alice.send_a_third(**bound)
    alice.kill_channel()
    assert await alice.told_when_over() == [["film", "interrupted", "P2P_CHANNEL_CLOSED", [kind]]]
    assert transfer.disruption is FileDisruption.P2P_CHANNEL_CLOSED
    await within(alice.client.p2p.connect("bob"), "another channel")
    rest = await alice.client.files.send("bob", alice.film, parameters=SendingParameters(**bound))
    await within(rest.done(), "the rest of the film")
    assert rest.is_resumed
    assert alice.is_the_same()


@BOTH
@pytest_twisted.ensureDeferred
async def test_a_receiver_that_is_killed_is_missed_within_seconds(kind: str, meet: Callable[..., Any]) -> None:
    alice = await meet(kind)
    transfer = await alice.send_a_third()
    alice.bob.tell(signal.SIGKILL)
    killed = time.monotonic()
    await until(lambda: transfer.disruption is not None, "the end of the transfer")
    assert transfer.disruption is FileDisruption.OTHER_OFFLINE
    took = time.monotonic() - killed
    print(f"{kind}: missed after {took:.1f} s")
    assert took < 13, "by silence alone it takes 15 s, and as long again"


@BOTH
@pytest_twisted.ensureDeferred
async def test_a_message_does_not_wait_for_a_file_of_100_megabytes(kind: str, meet: Callable[..., Any]) -> None:
    alice = await meet(kind)

    def post() -> None:
        alice.client.custom.post("bob", 1, STAMP.pack(time.monotonic()))

    transfer = await alice.send(100_000_000)
    posting = LoopingCall(post)
    posting.clock = reactor
    posting.start(0.01)
    await within(transfer.done(), "the film", 120.0)
    posting.stop()
    delays = await alice.told(1)
    assert alice.is_the_same()
    assert len(delays) > 10
    p99 = quantiles(delays, n=100)[98]
    print(f"{kind}: {len(delays)} messages beside a file, p99 {p99 * 1000:.1f} ms, at most {max(delays) * 1000:.1f} ms")
    assert p99 < 0.5
