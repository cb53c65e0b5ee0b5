"""Files, blobs and attachments between whole engines, whatever becomes of their channels and of the server: what has
its name is what was sent, a lost channel ends what is bound to it and nothing else, and no end ever takes the other's
frames for nonsense, which a gap or a frame out of order would look like."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.python.failure import Failure

from esframework import BY_SERVER, ChannelMode, FileDisruption, NoP2PChannel, SendingParameters, Transfer
from esframework.errors import (
    AttachmentFailed,
    ConnectionInterrupted,
    EsError,
    NotDelivered,
    NotLoggedOn,
    RequestTimeout,
    TargetAbsent,
)
from esframework.managers.custom.attachments.contracts import AttachmentSent
from esframework.managers.files.machine.states import TransferState
from esframework.testing import Conditions, DatagramConditions, MemoryNetwork
from tests.consumers import Collector, Taker
from tests.linked import ALICE, BOB, Friends

EXAMPLES = int(os.environ.get("ESFRAMEWORK_SIMULATIONS", "15"))
CLOSED = FileDisruption.P2P_CHANNEL_CLOSED
WITH_THE_SERVER = {CLOSED, FileDisruption.SELF_OFFLINE, FileDisruption.OTHER_OFFLINE, FileDisruption.NETWORK_TOO_SLOW}
INTERRUPTED = (
    NotLoggedOn,
    ConnectionInterrupted,
    RequestTimeout,
    TargetAbsent,
    NotDelivered,
    AttachmentFailed,
)
"""How an attachment may end with the server; the first one: before it was offered."""

FORGOTTEN = "does not know this transfer any more"
"""Said instead by who has just come back, and has not heard yet what the server knows."""


class Threads:
    """A pool of threads that are as quick as the story has it, and the same in every run."""

    def __init__(self, random: Random, reactor: Any) -> None:
        self._random = random
        self._reactor = reactor

    def callInThreadWithCallback(self, on_result: Callable[[bool, Any], object], work: Callable[..., Any]) -> None:
        """As Twisted's pools do, by and by."""
        self._reactor.callLater(self._random.random() * 0.02, self._do, on_result, work)

    def _do(self, on_result: Callable[[bool, Any], object], work: Callable[..., Any]) -> None:
        try:
            result = work()
        except Exception:
            on_result(False, Failure())
        else:
            on_result(True, result)


class Story:
    """What alice sends to bob while things happen."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.random = random = Random(seed)
        self.network = MemoryNetwork(
            seed=seed,
            conditions=Conditions(delay=random.choice((0.0, 0.02, 0.1))),
            datagrams=DatagramConditions(delay=(0.001, 0.03), loss=random.choice((0.0, 0.02))),
        )
        for host in (ALICE, BOB):
            machine: Any = self.network.machine(host)
            machine.getThreadPool = lambda: Threads(random, self.network.reactor)
        self.source = folder / "sent"
        self.source.mkdir()
        self.friends = Friends(self.network, folder, bob=Taker(self._take))
        self.made = 0
        self.sent: list[Transfer] = []
        self.blobs: list[bytes] = []
        # By what bob was told before: what was attached, what has come of it, and how alice's call ended.
        self.attached: dict[bytes, bytes] = {}
        self.collected: dict[bytes, Collector] = {}
        self.ended: dict[bytes, Any] = {}

    # --- what happens ---------------------------------------------------------------------------------------------
    def send(self) -> None:
        random = self.random
        path = self.source / f"{self.made}"
        self.made += 1
        if random.random() < 0.3:
            path.mkdir()
            for number in range(random.randrange(1, 20)):
                (path / f"{number}").write_bytes(random.randbytes(random.choice((0, 100, 50_000))))
        else:
            path.write_bytes(random.randbytes(random.choice((0, 1, 300_000, 3_000_000))))
        modes = (ChannelMode.P2P_CHANNEL_FIRST, ChannelMode.P2P_CHANNEL_FIRST, BY_SERVER, ChannelMode.BY_P2P_CHANNEL)
        parameters = SendingParameters(
            rate_limit=random.choice((0, 300_000, 1_000_000)), channel=random.choice(modes)
        )
        try:
            sending = self.friends.alice.files.send("bob", path, parameters=parameters)
        except (NoP2PChannel, NotLoggedOn):
            return
        sending.addCallbacks(self._begun, lambda failure: failure.trap(EsError))

    def _begun(self, transfer: Transfer) -> None:
        transfer.done().addErrback(lambda failure: failure.trap(EsError))
        self.sent.append(transfer)

    def send_blob(self) -> None:
        content = self.random.randbytes(self.random.choice((10, 100_000, 1_000_000)))

        def is_sent(_: Any) -> None:
            self.blobs.append(content)

        try:
            sending = self.friends.alice.custom.send_blob("bob", len(self.blobs), content)
        except NotLoggedOn:
            return
        sending.addCallbacks(is_sent, lambda failure: failure.trap(EsError))

    def attach(self) -> None:
        name = b"attached %d" % len(self.attached)
        content = self.attached[name] = self.random.randbytes(self.random.choice((0, 100, 2_000_000)))

        def is_over(outcome: Any) -> None:
            self.ended[name] = outcome

        self.friends.alice.custom.send_attached("bob", 1, name, content).addBoth(is_over)

    def _take(self, attachment: Any) -> Collector:
        collector = Collector(self.network.reactor, self.random.choice((0.0, 0.01)))
        return self.collected.setdefault(attachment.content, collector)

    def connect(self) -> None:
        try:
            self.friends.alice.p2p.connect("bob").addErrback(lambda _: None)
        except NotLoggedOn:
            return

    def disconnect(self) -> None:
        self.friends.alice.p2p.disconnect("bob")

    def kill(self) -> None:
        self.friends.kill_channel()

    def kill_one_end(self) -> None:
        client, other = self.random.choice(((self.friends.alice, "bob"), (self.friends.bob, "alice")))
        link = client.links.get(other)
        for channel in () if link is None else tuple(link.channels):
            channel.abort(1, "killed")

    def cut_path(self) -> None:
        self.friends.cut_path(self.random.random() < 0.5)

    def lose_server(self) -> None:
        self.network.cut(self.random.choice((self.friends.alice, self.friends.bob)))

    def lose_everything(self) -> None:
        self.network.go_down()
        self.network.advance(self.random.choice((0.1, 3.0)))
        self.network.come_up()

    # --- telling it -----------------------------------------------------------------------------------------------
    def tell(self, steps: int, more: tuple[Any, ...] = ()) -> None:
        usual = (self.send, self.send, self.send_blob, self.attach, self.connect, self.connect, self.disconnect)
        for _ in range(steps):
            self.random.choice((*usual, self.kill, self.kill_one_end, self.cut_path, *more))()
            self.network.advance(self.random.choice((0.0, 0.01, 0.2, 1.0, 3.0)))
        self.friends.cut_path(False)
        self.network.advance(180)

    def check(self, reasons: set[FileDisruption]) -> None:
        received = {transfer.id: transfer for transfer in self.friends.received}
        assert self.friends.folder is not None
        for transfer in self.sent:
            other = received.get(transfer.id)
            ends = (transfer,) if other is None else (transfer, other)
            for each in ends:
                assert each.state.is_over, each
                is_known = each.disruption in reasons or FORGOTTEN in each.cause
                assert each.disruption is None or is_known, (each, each.disruption, each.cause)
            assert transfer.parameters is not None
            is_bound = transfer.parameters.channel is ChannelMode.BY_P2P_CHANNEL
            assert is_bound or CLOSED not in [each.disruption for each in ends]
            if transfer.state is TransferState.COMPLETED:
                assert other is not None
                assert other.state is TransferState.COMPLETED
                assert transfer.path is not None
                assert _content(self.friends.folder / transfer.name) == _content(transfer.path)

    def check_attachments(self, reasons: tuple[type[Exception], ...]) -> None:
        for name, outcome in self.ended.items():
            if isinstance(outcome, AttachmentSent):
                assert self.collected[name].content == self.attached[name]
            else:
                assert outcome.check(*reasons), outcome

    def close(self) -> None:
        for client in (self.friends.alice, self.friends.bob):
            self.network.run(client.close())
        # Datagrams that are under way.
        self.network.advance(1)
        self.network.close()


def _content(path: Path) -> Any:
    if path.is_dir():
        return {each.name: each.read_bytes() for each in path.iterdir()}
    return path.read_bytes()


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(0, 2**32))
def test_channels_come_and_go_and_everything_arrives_that_is_not_bound_to_one(seed: int) -> None:
    with TemporaryDirectory() as folder:
        story = Story(seed, Path(folder))
        story.tell(25)
        story.check({CLOSED})
        story.check_attachments(())
        got = [content for content in story.friends.at_bob.contents if content and content not in story.attached]
        assert sorted(got) == sorted(story.blobs)
        story.close()


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(0, 2**32))
def test_the_server_is_lost_as_well_and_nothing_is_ever_taken_for_nonsense(seed: int) -> None:
    with TemporaryDirectory() as folder:
        story = Story(seed, Path(folder))
        story.tell(25, (story.lose_server, story.lose_everything))
        story.check(WITH_THE_SERVER)
        story.check_attachments(INTERRUPTED)
        got = story.friends.at_bob.contents
        assert len(set(got)) == len(got)
        story.close()
