"""One direction of a link at its receiver: what a hostile sender can make it keep, and say."""

from __future__ import annotations

from typing import Any

import pytest

from esframework.errors import PacketError
from esframework.limits import P2P_ASKS_BY_CHANNEL, P2P_CONFIRM_RECORDS
from esframework.managers.p2p.machine.receiving import Receiver
from esframework.managers.p2p.machine.records import (
    MESSAGES,
    Begin,
    Counts,
    Record,
    pack,
    pack_ask,
    pack_begin,
    pack_delivered,
)

EPOCH = 7
CHANNEL = "channel"


class Bench:
    """A receiver with a channel, and what it has done."""

    def __init__(self) -> None:
        self.delivered_numbers: list[int] = []
        self.written: list[bytes] = []
        self.asks = 0
        self.room = True
        self.receiver = Receiver(self, 100)
        self.receiver.opened(CHANNEL)

    def deliver(self, stream: int, record: Record) -> None:
        self.delivered_numbers.append(record.message_id)

    def write(self, channel: Any, stream: int, data: bytes) -> None:
        self.written.append(data)

    def has_room(self, channel: Any) -> bool:
        return self.room

    def delivered(self, epoch: int, counts: Counts) -> None:
        raise AssertionError("nothing was sent")

    def asked(self, epoch: int, channel: Any) -> None:
        self.asks += 1

    def answered(self, epoch: int, counts: Counts | None) -> None:
        raise AssertionError("nothing was asked")

    def come(self, *data: bytes) -> None:
        for each in data:
            self.receiver.received(CHANNEL, MESSAGES, each, 0.0)


def begun() -> Bench:
    bench = Bench()
    bench.receiver.announced(EPOCH, is_bulk=False)
    bench.come(pack_begin(Begin(EPOCH, 0, EPOCH)))
    return bench


def records(number: int) -> list[bytes]:
    return [pack(Record(1000, each, b"")) for each in range(number)]


def test_what_has_come_is_said_when_the_other_end_takes_what_is_said() -> None:
    bench = begun()
    bench.room = False
    bench.come(*records(10 * P2P_CONFIRM_RECORDS))
    assert bench.written == []
    bench.room = True
    bench.receiver.confirm()
    assert bench.written == [pack_delivered(EPOCH, (10 * P2P_CONFIRM_RECORDS, 0, 0))]
    assert bench.delivered_numbers == list(range(10 * P2P_CONFIRM_RECORDS))


def test_who_asks_and_asks_breaks_the_protocol() -> None:
    bench = begun()
    bench.come(*[pack_ask(EPOCH)] * P2P_ASKS_BY_CHANNEL)
    with pytest.raises(PacketError, match="questions"):
        bench.come(pack_ask(EPOCH))
    assert bench.asks == P2P_ASKS_BY_CHANNEL


@pytest.mark.parametrize("number", [1, 2**40])
def test_records_cannot_be_left_out(number: int) -> None:
    bench = begun()
    with pytest.raises(PacketError, match="is the next"):
        bench.come(pack_begin(Begin(EPOCH, number, EPOCH)), *records(1))


def test_nothing_counts_before_an_epoch_was_begun() -> None:
    bench = Bench()
    with pytest.raises(PacketError, match="before it was begun"):
        bench.come(*records(1))
