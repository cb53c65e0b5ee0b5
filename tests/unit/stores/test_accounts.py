"""Accounts while passwords are being hashed: what was right at the beginning must be right at the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest
from twisted.internet.defer import Deferred, execute, succeed

from esframework.stores.memory import MemoryStores
from esframework.stores.passwords import PasswordHashing, PasswordPool
from esframework.stores.threads import BoundedPool


class HeldPool:
    """In the place of threads: work is done when the test says so, in any order."""

    def __init__(self) -> None:
        self.jobs: list[Callable[[], None]] = []

    def run(self, work: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
        answer: Deferred[Any] = Deferred()
        self.jobs.append(lambda: execute(work, *arguments).chainDeferred(answer))
        return answer

    def do(self, number: int = 0) -> None:
        """Do one of the jobs that wait."""
        self.jobs.pop(number)()

    def close(self) -> Deferred[None]:
        return succeed(None)


@pytest.fixture
def pool() -> HeldPool:
    return HeldPool()


@pytest.fixture
def stores(pool: HeldPool) -> MemoryStores:
    stores = MemoryStores(PasswordPool(PasswordHashing(memory=8, rounds=1), cast(BoundedPool, pool)))
    stores.open()
    stores.accounts.add("alice", "old")
    pool.do()
    return stores


def result(asked: Deferred[Any]) -> list[Any]:
    """What it fired with."""
    results: list[Any] = []
    asked.addCallback(results.append)
    return results


@pytest.mark.parametrize("password", ["old", "new"])
def test_a_password_that_was_replaced_while_it_was_checked_is_wrong(
    stores: MemoryStores, pool: HeldPool, password: str
) -> None:
    verified = result(stores.accounts.verify("alice", password))
    stores.accounts.set_password("alice", "new")
    pool.do(1)
    pool.do()
    assert verified == [False]


def test_an_account_that_was_removed_while_its_password_was_checked_has_none(
    stores: MemoryStores, pool: HeldPool
) -> None:
    verified = result(stores.accounts.verify("alice", "old"))
    stores.accounts.remove("alice")
    pool.do()
    assert verified == [False]


def test_the_next_owner_s_account_is_not_opened_by_the_same_password(stores: MemoryStores, pool: HeldPool) -> None:
    verified = result(stores.accounts.verify("alice", "old"))
    stores.accounts.remove("alice")
    stores.accounts.add("alice", "old")
    pool.do(1)
    pool.do()
    assert verified == [False]


def test_what_else_changes_meanwhile_does_no_harm(stores: MemoryStores, pool: HeldPool) -> None:
    verified = result(stores.accounts.verify("alice", "old"))
    stores.accounts.modify("alice", {"city": "Rome"})
    pool.do()
    assert verified == [True]
