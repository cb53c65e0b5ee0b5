"""The records of links: what goes in comes out, however it is cut; what is no record is refused before it is kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esframework.errors import PacketError
from esframework.managers.p2p.machine.records import (
    HEAD,
    Begin,
    Record,
    RecordCutter,
    pack,
    pack_ask,
    pack_begin,
    pack_counts,
    pack_delivered,
    parse_ask,
    parse_begin,
    parse_counts,
    parse_delivered,
)

RECORDS = st.lists(
    st.builds(Record, st.integers(0, 2**32 - 1), st.integers(-(2**31), 2**31 - 1), st.binary(max_size=300)), max_size=8
)
NUMBERS = st.integers(0, 2**64 - 1)
COUNTS = st.tuples(NUMBERS, NUMBERS, NUMBERS)


def fed(cutter: RecordCutter, data: bytes, sizes: list[int]) -> list[Record]:
    came: list[Record] = []
    at = 0
    for size in [*sizes, len(data)]:
        came += cutter.feed(data[at : at + size])
        at += size
    return came


@given(RECORDS, st.lists(st.integers(0, 40), max_size=60))
def test_records_come_out_as_they_went_in_however_they_are_cut(records: list[Record], sizes: list[int]) -> None:
    assert fed(RecordCutter(300), b"".join(map(pack, records)), sizes) == records


@given(st.binary(max_size=400), st.lists(st.integers(0, 40), max_size=20))
def test_any_bytes_are_records_or_an_error_and_never_more_is_kept_than_a_record_has(
    data: bytes, sizes: list[int]
) -> None:
    cutter = RecordCutter(64)
    try:
        fed(cutter, data, sizes)
    except PacketError:
        return
    assert len(cutter._rest) < HEAD.size + 64


def test_a_body_that_is_too_long_is_refused_when_its_length_is_read() -> None:
    with pytest.raises(PacketError, match="at most 10"):
        RecordCutter(10).feed(HEAD.pack(11, 200, 0))


@given(NUMBERS, COUNTS, NUMBERS)
def test_a_links_own_records_are_read_back(epoch: int, counts: tuple[int, int, int], number: int) -> None:
    def body(packed: bytes) -> bytes:
        return RecordCutter(100).feed(packed)[0].body

    begin = Begin(epoch, number, epoch)
    assert parse_begin(body(pack_begin(begin))) == begin
    assert parse_delivered(body(pack_delivered(epoch, counts))) == (epoch, counts)
    assert parse_ask(body(pack_ask(epoch))) == epoch
    assert parse_counts(body(pack_counts(epoch, counts))) == (epoch, counts)
    assert parse_counts(body(pack_counts(epoch, None))) == (epoch, None)


@given(st.binary(max_size=60))
def test_a_links_own_record_of_another_length_is_refused(body: bytes) -> None:
    for parse, size in ((parse_begin, 24), (parse_delivered, 32), (parse_ask, 8), (parse_counts, 33)):
        if len(body) != size:
            with pytest.raises(PacketError):
                parse(body)
