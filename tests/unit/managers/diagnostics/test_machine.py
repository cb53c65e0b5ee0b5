"""Handlers that begin and end leave counts, times and the last ten behind, however many types peers choose."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esframework import limits
from esframework.managers.diagnostics.machine import HandlerRecords, InformationStatistics

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


class Time:
    """A monotonic clock that moves when told."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def records(time: Time) -> HandlerRecords:
    return HandlerRecords(time)


def handle(records: HandlerRecords, style: str, information_type: int, failed: bool = False) -> None:
    """A handler begins and ends."""
    records.ended(records.begun(style, information_type), failed)


def counts(rows: list[InformationStatistics]) -> dict[tuple[int | None, str], tuple[int, int]]:
    """Count and failures by type and style."""
    return {(row.information_type, row.style): (row.count, row.failures) for row in rows}


def test_each_type_and_style_has_a_row_of_its_own(records: HandlerRecords) -> None:
    handle(records, "send", 7)
    handle(records, "query", 7)
    handle(records, "send", 7, failed=True)
    handle(records, "send", 2)
    rows = records.statistics(NOON)
    assert [(row.information_type, row.style) for row in rows] == [(2, "send"), (7, "query"), (7, "send")]
    assert counts(rows)[7, "send"] == (2, 1)


def test_the_last_ten_have_their_start_by_the_wall_and_their_duration_in_milliseconds(
    records: HandlerRecords, time: Time
) -> None:
    for _ in range(12):
        record = records.begun("send", 7)
        time.seconds += 0.25
        records.ended(record, False)
    time.seconds += 60
    (row,) = records.statistics(NOON)
    assert [record.id for record in row.last_records] == list(range(3, 13))
    assert row.last_records[-1].start == NOON - timedelta(seconds=60.25)
    assert {record.duration for record in row.last_records} == {250.0}


def test_what_is_in_hand_is_shown_with_its_age_and_counted(records: HandlerRecords, time: Time) -> None:
    hanging = records.begun("query", 9)
    time.seconds += 5
    other = records.begun("send", 1)
    records.ended(other, False)
    (shown,) = records.uncommitted(NOON)
    assert (shown.id, shown.information_type, shown.style) == (1, 9, "query")
    assert (shown.start, shown.age) == (NOON - timedelta(seconds=5), 5000.0)
    assert counts(records.statistics(NOON)) == {(1, "send"): (1, 0), (9, "query"): (1, 0)}

    records.ended(hanging, True)
    assert records.uncommitted(NOON) == []
    assert counts(records.statistics(NOON))[9, "query"] == (1, 1)


def test_a_record_that_ends_twice_counts_once(records: HandlerRecords) -> None:
    record = records.begun("send", 1)
    records.ended(record, False)
    records.ended(record, True)
    assert counts(records.statistics(NOON)) == {(1, "send"): (1, 0)}


def test_types_beyond_the_limit_are_counted_together(time: Time) -> None:
    records = HandlerRecords(time, most=2)
    for information_type in (5, 6, 7, 8, 5):
        handle(records, "send", information_type)
    handle(records, "query", 5, failed=True)
    records.begun("query", 99)
    rows = records.statistics(NOON)
    assert counts(rows) == {(5, "send"): (2, 0), (6, "send"): (1, 0), (None, "query"): (2, 1), (None, "send"): (2, 0)}
    assert [row.information_type for row in rows] == [5, 6, None, None]


@given(st.lists(st.tuples(st.sampled_from(["post", "send", "query"]), st.integers(0, 20), st.booleans())))
def test_nothing_is_lost_and_the_table_stays_bounded(messages: list[tuple[str, int, bool]]) -> None:
    records = HandlerRecords(Time(), most=8)
    for style, information_type, failed in messages:
        handle(records, style, information_type, failed)
    rows = records.statistics(NOON)
    assert sum(row.count for row in rows) == len(messages)
    assert sum(row.failures for row in rows) == sum(failed for _, _, failed in messages)
    assert len(rows) <= 8 + 3
    assert all(len(row.last_records) <= limits.LAST_RECORDS for row in rows)
