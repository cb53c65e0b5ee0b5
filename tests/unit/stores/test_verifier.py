"""Log-ons against a store: one cause for unknown names and wrong passwords, and no cause that tells
secrets.
"""

from __future__ import annotations

from typing import Any, cast

import pytest
import pytest_twisted
from twisted.internet.defer import fail
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from zope.interface.verify import verifyObject

from esframework.errors import ComeBackLater, StoreError
from esframework.interfaces import IVerifier, LogOnRequest
from esframework.stores.memory import MemoryStores
from esframework.stores.passwords import PasswordHashing, PasswordPool
from esframework.stores.verifier import NOT_AVAILABLE, UNKNOWN_OR_WRONG, AccountVerifier
from esframework.wire.retry import with_retry


def request(user_id: str, password: str) -> LogOnRequest:
    return LogOnRequest(user_id, password, "", "", 0, None, "127.0.0.1")


class Failing:
    """Accounts that fail in a chosen way."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def verify(self, user_id: str, password: str) -> Any:
        return fail(self.error)


def test_it_provides_the_interface() -> None:
    assert verifyObject(IVerifier, AccountVerifier(cast(Any, Failing(ValueError()))))


@pytest_twisted.ensureDeferred
async def test_who_knows_the_password_is_admitted_and_nobody_else() -> None:
    stores = MemoryStores(PasswordPool(PasswordHashing(memory=8, rounds=1)))
    await stores.open()
    await stores.accounts.add("alice", "secret")
    verifier = AccountVerifier(stores.accounts)
    assert await verifier.verify(request("alice", "secret")) is True
    assert await verifier.verify(request("alice", "wrong")) == UNKNOWN_OR_WRONG
    assert await verifier.verify(request("nobody", "secret")) == UNKNOWN_OR_WRONG
    assert await verifier.verify(request("*", "")) == UNKNOWN_OR_WRONG
    await stores.close()


@pytest_twisted.ensureDeferred
async def test_a_busy_server_says_when_to_come_back() -> None:
    verifier = AccountVerifier(cast(Any, Failing(ComeBackLater(with_retry("checking passwords is busy", 7.2), 7.2))))
    assert "try again in 8 s" in str(await verifier.verify(request("alice", "secret")))


@pytest_twisted.ensureDeferred
async def test_a_failing_store_is_told_to_the_log_once_in_a_while_and_not_to_the_client() -> None:
    events: list[Any] = []
    globalLogPublisher.addObserver(events.append)
    try:
        verifier = AccountVerifier(cast(Any, Failing(StoreError("/srv/accounts.sqlite: damaged"))), Clock())
        for _ in range(100):
            assert await verifier.verify(request("alice", "secret")) == NOT_AVAILABLE
    finally:
        globalLogPublisher.removeObserver(events.append)
    assert [event["log_failure"].type for event in events if "log_failure" in event] == [StoreError]
    assert "secret" not in repr([event.get("log_format") for event in events])


@pytest_twisted.ensureDeferred
async def test_an_error_that_nobody_expected_is_not_an_admission() -> None:
    with pytest.raises(ZeroDivisionError):
        await AccountVerifier(cast(Any, Failing(ZeroDivisionError()))).verify(request("alice", "secret"))
