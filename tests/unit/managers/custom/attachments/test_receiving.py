"""What a receiver makes of attachments: handlers that fail, consumers that fail, frames that no honest sender sends."""

from __future__ import annotations

import os
from pathlib import Path
from threading import get_ident
from typing import Any, NamedTuple

import pytest
from twisted.internet.defer import Deferred, fail, succeed

from esframework import CombinedHandler, ServerOptions, limits
from esframework.errors import AttachmentFailed, AttachmentRefused, ConnectionInterrupted
from esframework.managers.custom.attachments.contracts import (
    END,
    GRANT,
    OFFER,
    REFUSAL,
    WITHDRAWAL,
    EndBody,
    GrantBody,
    OfferBody,
    Refusal,
    RefusalBody,
    WithdrawalBody,
    encode_piece,
)
from esframework.server.options import HandlerMode
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.types import MessageType
from tests.consumers import Collector, Taker
from tests.peers import FramePeer, Recorder, record

OFFERED, PIECE, ENDED = MessageType.ATTACHMENT_OFFERED, MessageType.ATTACHMENT_PIECE, MessageType.ATTACHMENT_ENDED
GRANTED, RECEIVED = MessageType.ATTACHMENT_GRANTED, MessageType.ATTACHMENT_RECEIVED
REFUSED, WITHDRAWN = MessageType.ATTACHMENT_REFUSED, MessageType.ATTACHMENT_WITHDRAWN


class By(NamedTuple):
    """A sender that speaks frames by hand, a server, and the server's handler."""

    peer: FramePeer
    server: Any
    handler: Taker

    def offer(self, number: int = 1, size: int = 10, name: str = "name") -> None:
        """Offer an attachment."""
        self.peer.send(OFFERED, OFFER.encode(OfferBody(b"body", 0, 7, name, size)), number)

    def refusals(self) -> list[tuple[int, RefusalBody]]:
        """(number, refusal) of those that came."""
        return [(frame.message_id, REFUSAL.decode(frame.body)) for frame in self.peer.take(REFUSED)]


def by_hand(network: MemoryNetwork, where: Any) -> By:
    handler = Taker(where)
    server = network.server(handler)
    peer = FramePeer(network, "mallory", authorized_user="esframework-python/test").online()
    peer.take()
    return By(peer, server, handler)


# --- the application --------------------------------------------------------------------------------------------------
@simulated
async def test_a_handler_that_takes_none_refuses_and_has_handled_the_body(network: MemoryNetwork) -> None:
    handler = Recorder()
    network.server(handler)
    alice = await network.client("alice")
    with pytest.raises(AttachmentRefused, match="takes no attachments"):
        await alice.custom.send_attached(None, 1, b"body", b"x")
    assert handler.contents == [b"body"]


@simulated
async def test_without_a_handler_it_is_refused(network: MemoryNetwork) -> None:
    network.server()
    alice = await network.client("alice")
    with pytest.raises(AttachmentRefused, match="handles nothing"):
        await alice.custom.send_attached(None, 1, b"body", b"x")


@simulated
async def test_combined_handlers_pass_it_on_to_whoever_handles_the_type(network: MemoryNetwork) -> None:
    class Part(Taker):
        def can_handle(self, information_type: int) -> bool:
            return information_type == 1

    class Plain(Recorder):
        def can_handle(self, information_type: int) -> bool:
            return information_type == 2

    consumer = Collector(network.reactor)
    network.server(CombinedHandler(CombinedHandler(Part(consumer)), Plain()))
    alice = await network.client("alice")
    await alice.custom.send_attached(None, 1, None, b"x")
    assert consumer.content == b"x"
    with pytest.raises(AttachmentRefused, match="of this type"):
        await alice.custom.send_attached(None, 2, None, b"x")


@pytest.mark.parametrize(
    "where",
    [
        lambda _: 1 // 0,
        lambda _: fail(ZeroDivisionError("secret")),
        lambda _: 5,
        lambda _: succeed(b"neither"),
    ],
)
def test_a_decision_that_makes_no_sense_refuses_and_keeps_its_secret(where: Any) -> None:
    network = MemoryNetwork()
    server = network.server(Taker(where))
    alice = network.run(network.client("alice"))
    failed = record(server.custom.attachment_failed)
    with pytest.raises(AttachmentRefused) as caught:
        network.run(alice.custom.send_attached(None, 1, None, b"x"))
    assert "secret" not in str(caught.value) and "division" not in str(caught.value)
    assert len(failed) == 1
    assert len(network.failures.take(Exception)) == 1
    network.close()


@simulated
async def test_a_body_whose_handler_raises_has_no_attachment(network: MemoryNetwork) -> None:
    class Broken(Taker):
        def handle_information(self, *arguments: Any) -> None:
            raise ValueError("secret")

    handler = Broken(Collector(network.reactor))
    network.server(handler)
    alice = await network.client("alice")
    with pytest.raises(AttachmentRefused, match="handler failed"):
        await alice.custom.send_attached(None, 1, None, b"x")
    assert handler.offers == []
    assert len(network.failures.take(ValueError)) == 1


@pytest.mark.parametrize("step", ["write", "finish"])
@pytest.mark.parametrize("how", ["raises", "fails"])
def test_a_consumer_that_fails_fails_the_sender_and_keeps_its_secret(step: str, how: str) -> None:
    network = MemoryNetwork()
    consumer = Collector(network.reactor)

    def broken(*_: object) -> Any:
        if how == "raises":
            raise ValueError("secret")
        return fail(ValueError("secret"))

    setattr(consumer, step, broken)
    server = network.server(Taker(consumer))
    alice = network.run(network.client("alice"))
    failed = record(server.custom.attachment_failed, server.custom.attachment_finished)
    with pytest.raises(AttachmentFailed) as caught:
        network.run(alice.custom.send_attached(None, 1, None, bytes(5_000_000)))
    assert "secret" not in str(caught.value)
    ((_, attachment, error),) = failed
    assert consumer.errors == [error] and isinstance(error, ValueError)
    assert len(network.failures.take(ValueError)) == 1
    network.close()


@simulated
async def test_a_folder_that_cannot_be_written_to_fails_the_sender(network: MemoryNetwork, tmp_path: Path) -> None:
    server = network.server(Taker(tmp_path / "nowhere" / "file"))
    alice = await network.client("alice")
    failed = record(server.custom.attachment_begun, server.custom.attachment_failed)
    with pytest.raises(AttachmentFailed, match="could not keep it"):
        await alice.custom.send_attached(None, 1, None, b"x")
    assert [word for word, *_ in failed] == ["attachment_failed"]
    assert len(network.failures.take(FileNotFoundError)) == 1


@simulated
async def test_a_receiver_may_end_it_at_any_time(network: MemoryNetwork, tmp_path: Path) -> None:
    server = network.server(Taker(tmp_path / "file"))
    alice = await network.client("alice")
    server.custom.attachment_begun.subscribe(lambda attachment: attachment.cancel("changed my mind"))
    with pytest.raises(AttachmentRefused, match="changed my mind"):
        await alice.custom.send_attached(None, 1, None, bytes(5_000_000))
    network.settle()
    assert os.listdir(tmp_path) == []


@simulated
async def test_what_is_here_as_a_whole_cannot_be_ended_any_more(network: MemoryNetwork) -> None:
    consumer = Collector(network.reactor, 5)
    by = by_hand(network, consumer)
    by.offer(size=3)
    by.peer.send(PIECE, encode_piece(0, b"abc"), 1)
    by.peer.send(ENDED, END.encode(EndBody(3)), 1)
    by.handler.offers[0].cancel()
    by.peer.send(WITHDRAWN, WITHDRAWAL.encode(WithdrawalBody("too late")), 1)
    network.advance(11)
    assert [frame.message_type for frame in by.peer.take()] == [GRANTED, RECEIVED]
    assert consumer.is_finished


@simulated
async def test_in_a_task_queue_the_application_is_asked_in_a_thread(network: MemoryNetwork) -> None:
    threads: list[int] = []
    consumer = Collector(network.reactor)

    def where(attachment: Any) -> Any:
        threads.append(get_ident())

        async def decide() -> Collector:
            threads.append(get_ident())
            return consumer

        return decide()

    server = network.server(Taker(where), options=ServerOptions(handler_mode=HandlerMode.TASK_QUEUE))
    alice = await network.client("alice")
    await alice.custom.send_attached(None, 1, b"body", b"attachment")
    assert consumer.content == b"attachment"
    assert threads[0] != get_ident() == threads[1]
    assert server.model.failures == 0


# --- frames by hand ---------------------------------------------------------------------------------------------------
@simulated
async def test_a_sender_that_keeps_the_rules_is_confirmed(network: MemoryNetwork) -> None:
    by = by_hand(network, Collector(network.reactor))
    by.offer()
    (grant,) = by.peer.take(GRANTED)
    assert (grant.message_id, GRANT.decode(grant.body).total) == (1, limits.ATTACHMENT_WINDOW)
    by.peer.send(PIECE, encode_piece(0, b"01234"), 1)
    by.peer.send(PIECE, encode_piece(5, b"56789"), 1)
    by.peer.send(ENDED, END.encode(EndBody(10)), 1)
    assert [frame.message_id for frame in by.peer.take(RECEIVED)] == [1]


@pytest.mark.parametrize(
    "frames",
    [
        [(PIECE, encode_piece(1, b"x"))],
        [(PIECE, encode_piece(0, bytes(11)))],
        [(PIECE, encode_piece(0, b"x")), (PIECE, encode_piece(0, b"x"))],
        [(ENDED, END.encode(EndBody(10)))],
        [(PIECE, encode_piece(0, bytes(10))), (ENDED, END.encode(EndBody(9)))],
        [(PIECE, encode_piece(0, bytes(10))), (PIECE, encode_piece(10, b"x"))],
    ],
)
def test_a_sender_that_breaks_the_rules_loses_its_attachment_and_not_its_connection(
    frames: list[tuple[int, bytes]], tmp_path: Path
) -> None:
    network = MemoryNetwork()
    by = by_hand(network, tmp_path / "file")
    failed = record(by.server.custom.attachment_failed)
    by.offer()
    for message_type, body in frames:
        by.peer.send(message_type, body, 1)
    assert [(number, refusal.reason) for number, refusal in by.refusals()] == [(1, Refusal.FAILED)]
    assert len(failed) == 1 and os.listdir(tmp_path) == []
    assert by.server.refusals.counts["broken_attachment"] == 1
    assert by.peer.is_connected
    network.close()


@simulated
async def test_a_sender_cannot_send_more_than_was_granted(network: MemoryNetwork) -> None:
    by = by_hand(network, Collector(network.reactor, 5))
    by.offer(size=-1)
    size = limits.MAX_MESSAGE // 2
    for number in range(limits.ATTACHMENT_WINDOW // size + 1):
        by.peer.send(PIECE, encode_piece(number * size, bytes(size)), 1)
    assert [refusal.reason for _, refusal in by.refusals()] == [Refusal.FAILED]


@simulated
async def test_a_flood_of_tiny_pieces_is_kept_in_few_objects(network: MemoryNetwork) -> None:
    consumer = Collector(network.reactor, 5)
    by = by_hand(network, consumer)
    by.offer(size=-1)
    for start in range(0, 2000, 100):
        frames = [by.peer.frame(PIECE, encode_piece(number, b"x"), 1) for number in range(start, start + 100)]
        by.peer.stranger.write(b"".join(frames))
        network.settle()
    (reception,) = by.server.custom._incoming_attachments._open.all()
    assert reception.machine.received == 2000 and len(reception._pieces) == 1
    by.peer.send(ENDED, END.encode(EndBody(2000)), 1)
    network.advance(20)
    assert consumer.content == b"x" * 2000


@simulated
async def test_before_the_decision_nothing_may_come(network: MemoryNetwork) -> None:
    by = by_hand(network, Deferred(lambda _: None))
    by.offer()
    by.peer.send(PIECE, encode_piece(0, b""), 1)
    assert by.refusals() == []
    by.peer.send(PIECE, encode_piece(0, b"x"), 1)
    assert [refusal.reason for _, refusal in by.refusals()] == [Refusal.FAILED]


@simulated
async def test_a_question_is_answered_with_the_grant(network: MemoryNetwork) -> None:
    by = by_hand(network, Collector(network.reactor))
    by.offer()
    by.peer.take()
    by.peer.send(PIECE, encode_piece(0, b""), 1)
    assert [frame.message_type for frame in by.peer.take()] == [GRANTED]


@simulated
async def test_what_is_not_known_is_refused_as_unknown_and_a_withdrawal_is_ignored(network: MemoryNetwork) -> None:
    by = by_hand(network, None)
    by.peer.send(PIECE, encode_piece(0, b"x"), 5)
    by.peer.send(ENDED, END.encode(EndBody(0)), 6)
    by.peer.send(WITHDRAWN, WITHDRAWAL.encode(WithdrawalBody("")), 7)
    assert [(number, refusal.reason) for number, refusal in by.refusals()] == [
        (5, Refusal.UNKNOWN),
        (6, Refusal.UNKNOWN),
    ]


@pytest.mark.parametrize("message_type", range(1060, 1067))
def test_a_malformed_body_ends_its_sender(message_type: int) -> None:
    network = MemoryNetwork()
    by = by_hand(network, None)
    by.peer.send(message_type, b"\xff" * 40, 1)
    assert by.peer.is_connected is (message_type == RECEIVED)
    network.close()


@simulated
async def test_answers_of_strangers_change_nothing(network: MemoryNetwork) -> None:
    consumer = Collector(network.reactor, 1)
    by = by_hand(network, Deferred(lambda _: None))
    await network.client("bob", handler=Taker(consumer))
    alice = await network.client("alice")
    sent = alice.custom.send_attached("bob", 1, None, bytes(100_000))
    network.advance(2)
    number = next(iter(alice.custom._outgoing_attachments._open))
    refusal = REFUSAL.encode(RefusalBody("no", 0, Refusal.FAILED))
    for message_type, body in ((RECEIVED, b""), (REFUSED, refusal), (GRANTED, GRANT.encode(GrantBody(10**9)))):
        by.peer.send(message_type, body, number, "alice")
    assert not sent.called
    assert (await sent).size == 100_000 and consumer.content == bytes(100_000)


@simulated
async def test_the_attachments_of_one_sender_are_limited(network: MemoryNetwork) -> None:
    by = by_hand(network, lambda _: Deferred(lambda _: None))
    for number in range(1, limits.MAX_ATTACHMENTS_PER_SENDER + 2):
        by.offer(number)
    ((number, refusal),) = by.refusals()
    assert (number, refusal.reason) == (limits.MAX_ATTACHMENTS_PER_SENDER + 1, Refusal.TOO_MANY)
    assert by.server.refusals.counts["too_many_attachments"] == 1
    assert len(by.handler.information) == limits.MAX_ATTACHMENTS_PER_SENDER
    other = FramePeer(network, "other", authorized_user="esframework-python/test").online()
    other.send(OFFERED, OFFER.encode(OfferBody(b"body", 0, 7, "", 1)), 1)
    assert other.take(REFUSED) == []


@simulated
async def test_a_number_that_is_offered_again_begins_anew(network: MemoryNetwork) -> None:
    consumers = [Collector(network.reactor), Collector(network.reactor)]
    waiting = iter(consumers)
    by = by_hand(network, lambda _: next(waiting))
    failed = record(by.server.custom.attachment_failed)
    by.offer()
    by.peer.send(PIECE, encode_piece(0, b"old"), 1)
    by.offer()
    by.peer.send(PIECE, encode_piece(0, b"new"), 1)
    assert [consumer.content for consumer in consumers] == [b"old", b"new"]
    assert len(failed) == 1 and isinstance(failed[0][2], ConnectionInterrupted)


@simulated
async def test_a_sender_that_falls_silent_is_given_up(network: MemoryNetwork, tmp_path: Path) -> None:
    by = by_hand(network, tmp_path / "file")
    by.offer()
    for _ in range(int(limits.ATTACHMENT_IDLE_TIMEOUT)):
        by.peer.send(MessageType.HEARTBEAT)
        network.advance(1)
    network.advance(1)
    assert [refusal.reason for _, refusal in by.refusals()] == [Refusal.FAILED]
    network.settle()
    assert os.listdir(tmp_path) == []


@simulated
async def test_closing_ends_what_comes_in_and_leaves_nothing(network: MemoryNetwork, tmp_path: Path) -> None:
    by = by_hand(network, tmp_path / "file")
    by.offer()
    by.peer.send(PIECE, encode_piece(0, b"x"), 1)
    await by.server.close()
    network.settle()
    assert os.listdir(tmp_path) == []
