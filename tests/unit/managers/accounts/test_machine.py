"""Pages of names in order; who is an administrator; what a password must be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esframework import limits
from esframework.errors import InvalidPassword
from esframework.interfaces import Role
from esframework.limits import MAX_ONLINE_PAGE
from esframework.managers.accounts.machine import (
    AccountState,
    Administrators,
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


# --- who is an administrator ----------------------------------------------------------------------------------------
def test_only_who_is_online_is_an_administrator() -> None:
    online: set[str] = set()
    administrators = Administrators(online.__contains__)
    administrators.learn("root", Role.ADMINISTRATOR, 0.0)
    administrators.learn("alice", Role.USER, 0.0)
    assert "root" not in administrators
    online |= {"root", "alice"}
    assert "root" in administrators and "alice" not in administrators
    online.clear()
    assert "root" not in administrators


@pytest.mark.parametrize("role", [Role.USER, None])
def test_what_was_learned_last_holds(role: Role | None) -> None:
    administrators = Administrators(lambda name: True)
    for each in (Role.ADMINISTRATOR, role, role):
        administrators.learn("root", each, 0.0)
    assert "root" not in administrators
    assert len(administrators) == 0


def test_who_does_not_come_is_forgotten_and_who_is_here_is_not() -> None:
    online = {"here"}
    administrators = Administrators(online.__contains__)
    for name in ("here", "away"):
        administrators.learn(name, Role.ADMINISTRATOR, 10.0)
    administrators.sweep(10.0 + limits.LEARNED_FOR - 1)
    assert len(administrators) == 2
    administrators.sweep(10.0 + limits.LEARNED_FOR)
    assert len(administrators) == 1
    assert "here" in administrators
