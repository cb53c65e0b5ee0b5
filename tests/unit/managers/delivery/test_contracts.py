"""Bodies fit the shortest message that may be configured, whatever there is to say."""

from __future__ import annotations

from typing import Any

import pytest

from esframework import ClientOptions, Level, ServerOptions, limits
from esframework.errors import NotDelivered
from esframework.managers.delivery.contracts import (
    ACCEPTED,
    ACKNOWLEDGEMENT,
    HELLO,
    RECEIPTS,
    SETTLED,
    WELCOME,
    AcceptedBody,
    AcknowledgementBody,
    FailedBody,
    HelloBody,
    ReachedBody,
    RefusedBody,
    SettledBody,
    UpToBody,
    WelcomeBody,
    receipts,
)
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.frames import default_layout
from esframework.wire.profile import GENERATION_7
from esframework.wire.types import RequestFailure

HANDLED = Level.RECEIVER_HANDLED_IT
SHORTEST = 1024
LEVELS = [ReachedBody(2**31 - 1, 2**62, 2**62, 5)] * limits.DELIVERY_LIST
FAILURES = [FailedBody(2**31 - 1, 5, 15, 2**62)] * limits.DELIVERY_LIST
UP_TO = [UpToBody(2**31 - 1, 2**62)] * limits.DELIVERY_LIST
REFUSED = [RefusedBody(2**62, 15)] * limits.DELIVERY_LIST


@pytest.mark.parametrize(
    "body",
    [
        HELLO.encode(HelloBody(bytes(16), 2**62, bytes(16), 2**62, REFUSED, UP_TO)),
        WELCOME.encode(WelcomeBody(UP_TO, 2**62, bytes(16), True, 2**62)),
        ACCEPTED.encode(AcceptedBody(UP_TO)),
        ACKNOWLEDGEMENT.encode(AcknowledgementBody(2**62, 2**62, REFUSED)),
        SETTLED.encode(SettledBody(UP_TO)),
        *[RECEIPTS.encode(body) for body in receipts(LEVELS, FAILURES)],
    ],
)
def test_no_list_is_longer_than_the_shortest_message_with_the_longest_header(body: bytes) -> None:
    assert default_layout(GENERATION_7, 253).header_size + len(body) <= SHORTEST


def test_receipts_are_one_frame_or_as_many_as_it_takes() -> None:
    assert receipts([], []) == []
    assert len(receipts(LEVELS[:6], FAILURES[:6])) == 1
    several = receipts(LEVELS * 2, FAILURES)
    assert [(len(each.reached), len(each.failed)) for each in several] == [(12, 0), (12, 0), (0, 12)]


@simulated
async def test_with_the_shortest_messages_many_conversations_go_through_a_cut(network: MemoryNetwork) -> None:
    short = ClientOptions(max_message=SHORTEST)
    network.server(options=ServerOptions(max_message=SHORTEST))
    alice = await network.client("alice", options=short)
    settled = [alice.delivery.send(f"nobody{number}", 1, None) for number in range(100)]
    network.settle()
    users = [f"user{number}" for number in range(40)]
    clients = {user: await network.client(user, options=short) for user in users}
    for client in clients.values():
        network.cut(client)
    sent = [alice.delivery.send(user, 1, None, until=HANDLED) for user in users]
    network.settle()
    written = record_writes(alice.delivery)
    network.cut(alice)
    network.advance(20)
    assert written == [], "what the server had accepted was sent again"
    # Nobody of them has a handler.
    failures: list[Any] = []
    for receipt in [*settled, *sent]:
        receipt.addErrback(failures.append)
    reasons = [failure.value.reason for failure in failures if failure.check(NotDelivered)]
    assert (len(failures), reasons) == (140, [RequestFailure.NO_SUCH_THING] * 40)
    assert alice.delivery.waiting == 0


def record_writes(delivery: Any) -> list[Any]:
    """Every message that a client writes from now on."""
    written: list[Any] = []
    write = delivery._write

    def recorded(message: Any) -> None:
        written.append(message)
        write(message)

    delivery._write = recorded
    return written


@simulated
async def test_with_the_shortest_messages_many_refusals_are_said_at_once(network: MemoryNetwork) -> None:
    short = ClientOptions(max_message=SHORTEST)
    network.server(options=ServerOptions(max_message=SHORTEST))
    alice = await network.client("alice", options=short)
    bob = await network.client("bob", options=short)
    network.cut(bob)
    failures: list[Any] = []
    for _ in range(100):
        alice.delivery.send("bob", 1, None, until=HANDLED).addErrback(failures.append)
    network.advance(20)
    assert [failure.value.reason for failure in failures] == [RequestFailure.NO_SUCH_THING] * 100
