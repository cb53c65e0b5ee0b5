"""Penalties grow with failures and go with time; the tables that hold them do not grow without end."""

from __future__ import annotations

import pytest

from esframework.machines.throttle import KnownPlaces, Penalties, Rule

RULE = Rule(free=3, forget=100.0, first=1.0, longest=60.0)


def penalties(rule: Rule = RULE, most: int = 100) -> Penalties[str]:
    return Penalties(rule, most)


def test_each_failure_beyond_the_free_ones_doubles_the_wait_up_to_the_longest() -> None:
    assert [RULE.penalty(failures) for failures in range(12)] == [0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert RULE.penalty(10**9) == 60


def test_no_free_tries_means_no_penalties() -> None:
    free = penalties(Rule(free=0, forget=100.0))
    for _ in range(1000):
        free.count("alice", 0.0)
    assert free.wait("alice", 0.0) == 0
    assert len(free) == 0


def test_a_wait_ends_by_itself_and_concerns_one_key() -> None:
    table = penalties()
    for _ in range(4):
        table.count("alice", 10.0)
    assert [table.wait("alice", now) for now in (10.0, 11.5, 12.0, 99.0)] == [2.0, 0.5, 0.0, 0.0]
    assert table.wait("bob", 10.0) == 0


def test_one_failure_is_forgotten_after_another() -> None:
    table = penalties()
    for _ in range(5):
        table.count("alice", 0.0)
    table.count("alice", 250.0)
    assert table.wait("alice", 250.0) == RULE.penalty(5 - 2 + 1)
    table.count("alice", 10_000.0)
    assert table.wait("alice", 10_000.0) == 0


def test_tries_at_the_same_time_count_and_what_is_given_back_ends_the_wait() -> None:
    table = penalties()
    for _ in range(3):
        table.count("alice", 0.0)
    assert table.wait("alice", 0.0) == 1
    table.give_back("alice", 0.0)
    assert table.wait("alice", 0.0) == 0
    for _ in range(5):
        table.give_back("alice", 0.0)
    assert len(table) == 0
    table.count("alice", 0.0)
    assert table.wait("alice", 0.0) == 0


def test_giving_back_shortens_a_wait_and_never_lengthens_one() -> None:
    table = penalties()
    for _ in range(6):
        table.count("alice", 0.0)
    assert table.wait("alice", 6.0) == 2
    table.give_back("alice", 6.0)
    assert table.wait("alice", 6.0) == 2
    table.give_back("alice", 6.0)
    assert table.wait("alice", 6.0) == 2
    table.give_back("alice", 6.0)
    assert table.wait("alice", 6.0) == 1


def test_what_is_forgiven_is_gone() -> None:
    table = penalties()
    for name in ("alice", "bob"):
        for _ in range(9):
            table.count(name, 0.0)
    assert table.forgive("alice") is True
    assert table.forgive("alice") is False
    assert table.wait("alice", 0.0) == 0
    assert table.wait("bob", 0.0) > 0


def test_old_failures_make_room_by_themselves() -> None:
    table = penalties()
    table.count("once", 0.0)
    for _ in range(5):
        table.count("often", 0.0)
    table.forget_old(200.0)
    assert len(table) == 1
    table.forget_old(501.0)
    assert len(table) == 0


def test_a_long_table_is_not_looked_through_all_the_time() -> None:
    table = penalties()
    table.forget_old(0.0)
    table.count("once", 0.0)
    table.forget_old(59.0)
    assert len(table) == 1


def test_the_key_that_failed_longest_ago_makes_room() -> None:
    table = penalties(most=3)
    for now, name in enumerate(("a", "b", "c", "a", "d")):
        for _ in range(3):
            table.count(name, float(now))
    assert len(table) == 3
    assert [table.wait(name, 4.0) > 0 for name in ("a", "b", "c", "d")] == [True, False, False, True]
    assert table.forgive("b") is False
    assert table.forgive("a") is True


@pytest.mark.parametrize("now", [0.0, 1e12])
def test_time_may_begin_anywhere(now: float) -> None:
    table = penalties()
    table.count("alice", now)
    assert table.wait("alice", now) == 0


# --- places ---------------------------------------------------------------------------------------------------------
def test_places_are_known_by_key() -> None:
    known: KnownPlaces[str] = KnownPlaces()
    known.add("alice", "home")
    assert known.knows("alice", "home")
    assert not known.knows("alice", "office")
    assert not known.knows("bob", "home")
    assert (known.of("alice"), known.of("bob")) == (("home",), ())
    known.forget("alice")
    known.forget("alice")
    assert not known.knows("alice", "home")


def test_the_oldest_places_and_the_oldest_keys_make_room() -> None:
    known: KnownPlaces[str] = KnownPlaces(each=2, most=2)
    for place in ("home", "office", "home", "train"):
        known.add("alice", place)
    assert [known.knows("alice", place) for place in ("home", "office", "train")] == [True, False, True]
    known.add("bob", "home")
    known.add("alice", "home")
    known.add("carol", "home")
    assert len(known) == 2
    assert [known.knows(name, "home") for name in ("alice", "bob", "carol")] == [True, False, True]
