"""Who must wait before the next log-on, and who need not."""

from __future__ import annotations

import pytest

from esframework import ServerOptions, limits
from esframework.managers.accounts.options import AccountsOptions
from esframework.server.throttle import LogOnThrottle
from tests.peers import record

HOME, OFFICE, ELSEWHERE = "10.0.0.1", "10.0.0.2", "203.0.113.5"


def throttle(
    account_tries: int = 2, address_tries: int = 0, exempt: tuple[str, ...] = (), limit_loopback: bool = False
) -> LogOnThrottle:
    return LogOnThrottle(
        ServerOptions(
            max_log_on_tries=address_tries,
            limit_loopback=limit_loopback,
            accounts=AccountsOptions(free_tries=account_tries, exempt=exempt),
        )
    )


def fail(
    guard: LogOnThrottle, user_id: str, address: str, times: int = 1, token: bool = False, now: float = 0.0
) -> float:
    """Tries that fail; the wait that the next one is told."""
    for _ in range(times):
        log_on = guard.begin(user_id, address, token, now)
        if log_on.wait > 0:
            return log_on.wait
        guard.failed(log_on, now)
    return waits(guard, user_id, address, token, now)


def waits(guard: LogOnThrottle, user_id: str, address: str, token: bool = False, now: float = 0.0) -> float:
    """The wait that a try would be told; it is given back."""
    log_on = guard.begin(user_id, address, token, now)
    if log_on.wait <= 0:
        guard.undecided(log_on, now)
    return log_on.wait


def succeed(guard: LogOnThrottle, user_id: str, address: str, now: float = 0.0, token: bool = False) -> None:
    log_on = guard.begin(user_id, address, token, now)
    assert log_on.wait == 0
    guard.succeeded(log_on, now)


# --- accounts -------------------------------------------------------------------------------------------------------
def test_an_account_s_failures_count_from_all_addresses_together() -> None:
    guard = throttle()
    fail(guard, "alice", HOME)
    assert fail(guard, "alice", ELSEWHERE) == 1
    assert waits(guard, "bob", ELSEWHERE) == 0


def test_a_name_that_does_not_exist_is_treated_alike() -> None:
    # Nothing here knows accounts: so nothing tells which exist.
    assert fail(throttle(), "nobody", HOME, 2) == 1


def test_a_success_forgets_the_account_s_failures() -> None:
    guard = throttle()
    fail(guard, "alice", HOME)
    succeed(guard, "alice", HOME)
    assert fail(guard, "alice", HOME) == 0


def test_an_address_from_which_the_account_came_before_is_not_held_up_by_others_failures() -> None:
    guard = throttle()
    succeed(guard, "alice", HOME)
    assert fail(guard, "alice", ELSEWHERE, 2) == 1
    assert waits(guard, "alice", HOME) == 0
    succeed(guard, "alice", HOME)
    # And coming in from home does not help whoever guesses elsewhere.
    assert waits(guard, "alice", ELSEWHERE) == 1


def test_a_known_address_has_failures_of_its_own() -> None:
    guard = throttle()
    succeed(guard, "alice", HOME)
    assert fail(guard, "alice", HOME, 2) == 1
    assert waits(guard, "alice", ELSEWHERE) == 0


def test_session_tokens_are_neither_held_up_nor_counted() -> None:
    guard = throttle(account_tries=2, address_tries=3)
    assert fail(guard, "alice", ELSEWHERE, 2) == 1
    assert fail(guard, "bob", ELSEWHERE, 1) == 1
    assert fail(guard, "alice", ELSEWHERE, 100, token=True) == 0
    assert fail(guard, "carol", HOME, 100, token=True) == 0
    assert waits(guard, "carol", HOME) == 0


def test_an_address_that_was_known_long_ago_begins_anew_when_it_is_known_again() -> None:
    guard = throttle()
    succeed(guard, "alice", HOME)
    assert fail(guard, "alice", HOME, 2) == 1
    for number in range(limits.MAX_KNOWN_PLACES):
        succeed(guard, "alice", f"198.51.100.{number}")
    assert waits(guard, "alice", HOME) == 0
    assert guard.unlock_account("alice") is False
    succeed(guard, "alice", HOME)
    assert waits(guard, "alice", HOME) == 0


def test_a_token_makes_its_place_known() -> None:
    guard = throttle()
    succeed(guard, "alice", HOME, token=True)
    fail(guard, "alice", ELSEWHERE, 2)
    assert waits(guard, "alice", HOME) == 0


def test_a_forgotten_account_is_a_new_one() -> None:
    guard = throttle()
    succeed(guard, "alice", HOME)
    fail(guard, "alice", ELSEWHERE, 2)
    guard.forget_account("alice")
    assert waits(guard, "alice", ELSEWHERE) == 0
    fail(guard, "alice", ELSEWHERE, 2)
    assert waits(guard, "alice", HOME) == 1


# --- addresses ------------------------------------------------------------------------------------------------------
def test_an_address_waits_whatever_names_it_tries() -> None:
    guard = throttle(account_tries=0, address_tries=3)
    for name in ("a", "b"):
        assert fail(guard, name, "2001:db8::1") == 0
    assert fail(guard, "c", "2001:db8::2") == 1
    assert waits(guard, "d", "2001:db8:0:1::2") == 0


def test_many_from_one_address_at_the_same_time_wait_for_each_other_and_come_in() -> None:
    guard = throttle(address_tries=3)
    first = [guard.begin(f"user{number}", HOME, False, 0.0) for number in range(4)]
    assert [log_on.wait for log_on in first] == [0, 0, 0, 1]
    for log_on in first[:3]:
        guard.succeeded(log_on, 0.0)
    succeed(guard, "user3", HOME)
    assert fail(guard, "user3", HOME, 1) == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "unix"])
def test_loopback_counts_for_accounts_and_as_an_address_only_where_the_options_say_so(host: str) -> None:
    free = throttle(account_tries=0, address_tries=1)
    limited = throttle(account_tries=0, address_tries=1, limit_loopback=True)
    assert fail(free, "alice", host, 9) == 0
    assert fail(limited, "alice", host) == 1
    assert fail(throttle(account_tries=1, address_tries=1), "alice", host) == 1


@pytest.mark.parametrize("host", ["10.1.2.3", "::ffff:10.1.2.3"])
def test_an_exempt_network_is_neither_counted_nor_held_up(host: str) -> None:
    guard = throttle(account_tries=1, address_tries=1, exempt=("10.0.0.0/8",))
    assert fail(guard, "alice", host, 100) == 0
    assert fail(guard, "alice", ELSEWHERE) == 1
    assert waits(guard, "alice", host) == 0


# --- looking after it -----------------------------------------------------------------------------------------------
def test_what_makes_somebody_wait_is_told() -> None:
    guard = throttle(account_tries=2, address_tries=3)
    told = record(guard.locked)
    fail(guard, "alice", ELSEWHERE, 1)
    assert told == []
    fail(guard, "alice", ELSEWHERE, 1)
    fail(guard, "bob", ELSEWHERE, 1)
    assert told == [("locked", "alice", None, 1.0), ("locked", None, ELSEWHERE, 1.0)]


def test_accounts_and_addresses_are_unlocked() -> None:
    guard = throttle(account_tries=1, address_tries=3)
    succeed(guard, "alice", HOME)
    for address in (HOME, ELSEWHERE):
        fail(guard, "alice", address)
    assert [guard.unlock_account("alice"), guard.unlock_account("alice")] == [True, False]
    assert [waits(guard, "alice", address) for address in (HOME, ELSEWHERE)] == [0, 0]
    for name in ("a", "b", "c"):
        fail(guard, name, "2001:db8::1")
    assert [guard.unlock_address("2001:db8::77"), guard.unlock_address("2001:db8::/64")] == [True, False]
    assert waits(guard, "d", "2001:db8::1") == 0


def test_time_forgives() -> None:
    guard = throttle(account_tries=1)
    fail(guard, "alice", HOME, 1, now=0.0)
    guard.sweep(5000.0)
    assert guard.unlock_account("alice") is False
