"""What options make of a stress test: the manual's schemes, what overrides them, and what is no test."""

from __future__ import annotations

from typing import Any

import pytest

from esframework.cli.benching.schemes import Plan, PlanError, make_plan
from esframework.errors import InvalidUserId


def plan(mode: Any = "flood", **options: Any) -> Plan:
    return make_plan(mode, **{"seconds": 1.0, "user_prefix": "bench", **options})


@pytest.mark.parametrize(
    ("scheme", "connections", "interval"), [("one", 3000, 0.1), ("two", 6000, 0.3), ("three", 12, 0.0), (None, 12, 0.0)]
)
def test_the_manual_s_schemes_have_names(scheme: str | None, connections: int, interval: float) -> None:
    made = plan(scheme=scheme)
    assert (made.connections, made.interval) == (connections, interval)


def test_what_is_said_goes_before_the_scheme() -> None:
    made = plan(scheme="two", connections=5, interval=0.4)
    assert (made.connections, made.interval) == (5, 0.4)


def test_an_interval_of_nothing_is_no_missing_interval() -> None:
    assert plan(scheme="one", interval=0.0).interval == 0.0


def test_each_connection_has_an_account_and_the_probe_one_more() -> None:
    made = plan(connections=3, user_prefix="u")
    assert (made.user_names, made.probe_name) == (["u0", "u1", "u2"], "u3")


@pytest.mark.parametrize(("asked", "connections"), [({"pairs": 3}, 6), ({"connections": 5}, 6), ({}, 12)])
def test_relays_come_in_pairs(asked: dict[str, int], connections: int) -> None:
    made = plan("relay", **asked)
    assert (made.connections, made.in_pairs, made.outstanding) == (connections, True, 1)


def test_questions_go_to_the_server_unless_pairs_are_wanted() -> None:
    to_server, to_each_other = plan("query"), plan("query", pairs=2)
    assert (to_server.connections, to_server.in_pairs, to_server.outstanding) == (1, False, 64)
    assert (to_each_other.connections, to_each_other.in_pairs) == (4, True)


@pytest.mark.parametrize(
    ("mode", "options", "word"),
    [
        ("flood", {"pairs": 1}, "--pairs"),
        ("relay", {"pairs": 1, "connections": 2}, "--connections"),
        ("relay", {"size": 7}, "--size 7"),
        ("flood", {"user_prefix": "a name too long"}, "--max-user-id"),
        ("flood", {"generation": 7, "max_user_id": 255}, "--max-user-id"),
        ("flood", {"connections": 100_000, "user_prefix": "bench00"}, "bench00100000"),
    ],
)
def test_what_cannot_be_is_refused_and_named(mode: str, options: dict[str, Any], word: str) -> None:
    with pytest.raises(PlanError, match=word):
        plan(mode, **options)


def test_a_prefix_must_make_names_that_accounts_may_have() -> None:
    with pytest.raises(InvalidUserId, match="must not begin"):
        plan(user_prefix="_")
