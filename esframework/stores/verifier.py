"""Log-ons checked against a store of accounts.

Knows no sessions and no frames: it is asked about a `LogOnRequest` and answers as `IVerifier` says.
"""

from __future__ import annotations

from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from esframework.errors import ComeBackLater, StoreError
from esframework.interfaces import IAccounts, IVerifier, LogOnRequest
from esframework.plugins.quiet import Quiet
from esframework.wire.retry import with_retry

UNKNOWN_OR_WRONG: Final = "unknown account or wrong password"
"""One cause for both, so that nobody finds out which names exist."""

NOT_AVAILABLE: Final = with_retry("the accounts are not available now", 10)
"""What a client is told when the store fails; the reason is in the server's log."""


@implementer(IVerifier)
class AccountVerifier:
    """Admits who has an account in `accounts` (an open `IAccounts`) and knows its password.

    A server whose own store it asks offers registering, changing and deleting accounts over the network.
    """

    log = Logger()

    def __init__(self, accounts: IAccounts, clock: Any = None) -> None:
        """`clock` is an IReactorTime, by default the global reactor."""
        self.accounts: Any = accounts
        self._clock = clock
        self._quiet: Quiet | None = None

    def verify(self, request: LogOnRequest) -> Deferred[bool | str]:
        """Fire with True or with the cause of the refusal; never fails for what a client sent."""
        return Deferred.fromCoroutine(self._verify(request))

    async def _verify(self, request: LogOnRequest) -> bool | str:
        try:
            if await self.accounts.verify(request.user_id, request.password):
                return True
        except ComeBackLater as busy:
            return str(busy)
        except StoreError:
            # While the store is away everybody comes again and again.
            passed_over = self._complaints().admits("store")
            if passed_over is not None:
                self.log.failure(
                    "Log-on of {user_id!r} refused: the accounts failed ({passed_over} more since the last entry)",
                    user_id=request.user_id,
                    passed_over=passed_over,
                )
            return NOT_AVAILABLE
        return UNKNOWN_OR_WRONG

    def _complaints(self) -> Quiet:
        # Not when it is made: an asyncio program makes its verifier before its engine installs the reactor.
        if self._quiet is None:
            clock = self._clock
            if clock is None:
                from twisted.internet import reactor as clock
            self._quiet = Quiet(clock)
        return self._quiet
