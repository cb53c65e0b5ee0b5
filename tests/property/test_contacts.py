"""Presence under any coming and going, and every body of contacts and broadcasts there and back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esframework.errors import MalformedBody
from esframework.managers.contacts import contracts
from esframework.managers.contacts.machine import Allowance, PresenceLedger, Remembered

NAMES = st.sampled_from(["alice", "bob"])
DEVICES = st.sampled_from([1, 2, 4, 9])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("toggle"), NAMES, DEVICES),
        st.tuples(st.just("tell"), st.integers(1, 3)),
        st.tuples(st.just("time"), st.floats(0.1, 2.0)),
    ),
    max_size=60,
)


@given(STEPS)
def test_who_believes_the_notices_knows_in_the_end_who_is_there(steps: list[tuple[Any, ...]]) -> None:
    ledger, now = PresenceLedger(interval=1.0), 0.0
    there: dict[str, set[int]] = {"alice": set(), "bob": set()}
    believed: dict[str, set[int]] = {"alice": set(), "bob": set()}
    told_at: dict[str, float] = {}

    def tell() -> None:
        user_id = ledger.pop(now)
        if user_id is None:
            return
        assert now - told_at.get(user_id, -1.0) >= 1.0
        told_at[user_id] = now
        for change in ledger.update(user_id, there[user_id]):
            was_there = bool(believed[user_id])
            (believed[user_id].add if change.online else believed[user_id].remove)(change.device)
            assert change.is_all == (was_there != bool(believed[user_id]))

    for kind, *arguments in steps:
        if kind == "toggle":
            there[arguments[0]] ^= {arguments[1]}
            ledger.changed(arguments[0])
        elif kind == "tell":
            for _ in range(arguments[0]):
                tell()
        else:
            now += arguments[0]
            ledger.ripen(now)
    for _ in range(3):
        now += 1.0
        ledger.ripen(now)
        while len(ledger):
            tell()
    assert believed == there


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(1, 12), st.booleans()), max_size=50))
def test_remembered_answers_never_weigh_more_than_they_may(steps: list[tuple[str, int, bool]]) -> None:
    remembered: Remembered[int] = Remembered(most=10)
    truth: dict[str, int] = {}
    for name, weight, forgets in steps:
        if forgets:
            remembered.forget(name)
            truth.pop(name, None)
        else:
            remembered.put(name, weight, weight, 1.0)
            truth[name] = weight
        assert remembered.weight <= 10
        for other in "abcdef":
            assert remembered.get(other, 0.0) in (None, truth.get(other))


@given(st.lists(st.tuples(st.floats(0.0, 1.0), st.integers(1, 10)), max_size=60))
def test_nobody_gets_more_than_a_saved_second_and_what_time_brings(steps: list[tuple[float, int]]) -> None:
    allowance, now, used = Allowance(10), 0.0, 0
    for pause, amount in steps:
        now += pause
        if allowance.wait(amount, now) == 0.0:
            allowance.use(amount)
            used += amount
        assert used <= 10 + 10 * now + 1e-6


TEXT = st.text(max_size=20)
MAYBE_TEXT = st.none() | TEXT
INT32 = st.integers(-(2**31), 2**31 - 1)
BODIES: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (contracts.CONTACTS_REQUEST, st.builds(contracts.ContactsRequest, st.booleans(), MAYBE_TEXT)),
    (contracts.USER_LIST, st.builds(contracts.UserListBody, st.lists(TEXT))),
    (contracts.FRIEND_NOTICE, st.builds(contracts.FriendNotice, st.booleans(), TEXT)),
    (contracts.PRESENCE_6, st.builds(contracts.Presence6, TEXT)),
    (contracts.PRESENCE_7, st.builds(contracts.Presence7, st.booleans(), INT32, TEXT)),
    (contracts.GROUP_MEMBERS_REQUEST, st.builds(contracts.GroupMembersRequest, MAYBE_TEXT)),
    (contracts.GROUP_MEMBERS, st.builds(contracts.GroupMembersBody, st.lists(TEXT), st.lists(TEXT))),
    (
        contracts.BROADCAST,
        st.builds(
            contracts.BroadcastBody,
            action_type_on_channel_is_busy=INT32,
            content=st.none() | st.binary(),
            group_id=MAYBE_TEXT,
            information_type=INT32,
            tag=MAYBE_TEXT,
        ),
    ),
    (contracts.BROADCAST_BLOB, st.builds(contracts.BroadcastBlobBody, st.none() | st.binary(), MAYBE_TEXT)),
    (contracts.CHANGE_CONTACT, st.builds(contracts.ChangeContactBody, INT32, TEXT, TEXT)),
    (contracts.CONTACT_CHANGED, st.builds(contracts.ContactChangedBody, st.booleans(), INT32)),
    (contracts.CONTACT_NEWS, st.builds(contracts.ContactNewsBody, INT32, TEXT, TEXT)),
    (contracts.CONTACT_DEVICES, st.dictionaries(TEXT, st.lists(INT32))),
    (contracts.REPORT, st.builds(contracts.BroadcastReport, INT32, INT32, INT32)),
]


@given(st.sampled_from(BODIES).flatmap(lambda case: st.tuples(st.just(case[0]), case[1])))
def test_a_body_comes_back_as_it_was(case: tuple[Any, Any]) -> None:
    codec, value = case
    assert codec.decode(codec.encode(value)) == value


@given(st.sampled_from([codec for codec, _ in BODIES]), st.binary(max_size=60))
def test_any_bytes_are_a_body_or_malformed(codec: Any, raw: bytes) -> None:
    try:
        codec.decode(raw)
    except MalformedBody as error:
        assert str(error)


@given(TEXT)
def test_a_notice_of_generation_6_is_never_read_as_one_of_generation_7(name: str) -> None:
    with pytest.raises(MalformedBody):
        contracts.PRESENCE_7.decode(contracts.PRESENCE_6.encode(contracts.Presence6(name)))
