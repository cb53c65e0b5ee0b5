"""What a link promises to who sends: when what was sent has left, whatever becomes of the channel that it left by."""

from __future__ import annotations

from typing import Any

from esframework.managers.p2p.machine.sending import State
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.types import MessageType
from tests.unit.managers.p2p.test_client import Pair


class Channel:
    """A channel that keeps what is written until it is told to let it go."""

    protocol = "udp"
    address = local_address = ("", 0)
    opened_at = 0.0
    round_trip = 0.0
    is_open = True
    is_busy = False

    def __init__(self) -> None:
        self.written = [0, 0, 0]

    def write(self, stream: int, data: bytes) -> None:
        self.written[stream] += len(data)

    def waiting(self, stream: int | None = None) -> int:
        return sum(self.written) if stream is None else self.written[stream]

    def facts(self) -> dict[str, Any]:
        return {"bytes_received": 0}

    def abort(self, code: int = 0, reason: str = "") -> None:
        """It is gone with the test."""

    close = abort


@simulated
async def test_what_waits_for_an_answer_or_for_another_channel_has_not_left(network: MemoryNetwork) -> None:
    pair = Pair(network)
    await pair.alice.p2p.connect("bob")
    link = pair.alice.p2p._links.find("bob")
    pair.cut()
    link.channels[0].abort()
    pair.alice.close_connection()
    network.advance(0)
    newer, newest = Channel(), Channel()
    link.opened(newer)
    link.send(MessageType.PING_BY_P2P, b"", 1)
    newer.written = [0, 0, 0]
    left = link.sent()
    assert link._sender.state is State.RETURNING
    assert not left.called
    link.answered(link._sender.epoch, None)
    link.writable(newer)
    assert not left.called
    link.opened(newest)
    link.writable(newest)
    assert not left.called
    newest.written = [0, 0, 0]
    link.writable(newest)
    assert left.called
    for channel in (newer, newest):
        link.closed(channel, 0, "", False)
