"""Pages of names in order; what a password must be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esframework.errors import InvalidPassword
from esframework.limits import MAX_ONLINE_PAGE
from esframework.managers.accounts.machine import (
    AccountState,
    OnlineNames,
    OnlinePage,
    OpenChecks,
    check_new_password,
    device_id,
)

NAMES = st.text(st.sampled_from("ab\u00e9\U0001f600"), min_size=1, max_size=4)


def online(*names: str) -> OnlineNames:
    table = OnlineNames()
    for name in names:
        table.add(name)
    return table


def test_pages_follow_each_other_by_their_last_name() -> None:
    table = online("carol", "alice", "bob")
    assert table.page(limit=2) == OnlinePage(["alice", "bob"], True)
    assert table.page(after="bob", limit=2) == OnlinePage(["carol"], False)
    assert table.page(after="carol") == OnlinePage([], False)


def test_a_name_that_left_meanwhile_still_marks_its_place() -> None:
    assert online("alice", "carol").page(after="bob").users == ["carol"]


def test_a_prefix_is_compared_exactly() -> None:
    table = online("Alice", "alice", "alina", "bob")
    assert table.page("al") == OnlinePage(["alice", "alina"], False)
    assert table.page("al", "alice") == OnlinePage(["alina"], False)
    assert table.page("al", "zoe") == OnlinePage([], False)
    assert table.page("x") == OnlinePage([], False)


@pytest.mark.parametrize(("limit", "count"), [(0, 1), (-5, 1), (2**31 - 1, MAX_ONLINE_PAGE)])
def test_a_page_has_one_name_at_least_and_a_limit_at_most(limit: int, count: int) -> None:
    table = online(*(f"user{number}" for number in range(MAX_ONLINE_PAGE + 1)))
    page = table.page(limit=limit)
    assert (len(page.users), page.has_more) == (count, True)


def test_a_second_device_and_a_second_leave_change_nothing() -> None:
    table = online("alice", "alice")
    assert len(table) == 1
    for _ in range(2):
        table.discard("alice")
    assert len(table) == 0


@given(st.sets(NAMES), st.text(st.sampled_from("ab\u00e9\U0001f600"), max_size=2), st.integers(1, 5))
def test_all_pages_together_are_the_sorted_names_with_the_prefix(names: set[str], prefix: str, limit: int) -> None:
    table = online(*names)
    seen: list[str] = []
    while True:
        page = table.page(prefix, seen[-1] if seen else None, limit)
        seen += page.users
        assert len(page.users) <= limit
        if not page.has_more:
            break
    assert seen == sorted(name for name in names if name.startswith(prefix))


def test_a_password_that_is_too_short_is_refused_without_being_shown() -> None:
    assert check_new_password("12345678", 8) == "12345678"
    with pytest.raises(InvalidPassword, match="7 characters, at least 8") as caught:
        check_new_password("hunter2", 8)
    assert "hunter2" not in str(caught.value)


def test_a_user_is_online_on_some_device() -> None:
    assert [AccountState("alice", True, devices).online for devices in ([], [2])] == [False, True]


def test_a_token_s_device_is_written_as_in_generation_7() -> None:
    assert device_id("alice", 9) == "9#alice"


def test_a_change_makes_stale_what_is_being_found_out_about_that_user_and_nothing_else() -> None:
    checks = OpenChecks()
    with checks.one("alice") as first, checks.one("alice") as second, checks.one("bob") as other:
        checks.changed("alice")
        assert (first.is_stale, second.is_stale, other.is_stale) == (True, True, False)
    with checks.one("alice") as later:
        assert not later.is_stale
    assert len(checks) == 0
