"""What accounts add to a log-on: session tokens, registering, and the role of whoever comes in.

Stands before the server's verifier, and knows no frames. Whoever fails too often is held up before this is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from esframework import limits
from esframework.errors import AccountExists, ComeBackLater, InvalidPassword, InvalidUserId, StoreError
from esframework.interfaces import IServerContext, LogOnRequest, Verify
from esframework.machines.greeting import asks_for_account
from esframework.machines.throttle import Penalties, Rule
from esframework.managers.accounts.machine import Administrators, OpenChecks, check_new_password, device_id
from esframework.managers.accounts.options import AccountsOptions
from esframework.net.addresses import is_in, network_of
from esframework.net.stream import is_loopback
from esframework.plugins.models import as_deferred
from esframework.plugins.quiet import Quiet
from esframework.wire.retry import with_retry
from esframework.wire.session_token import is_session_token, token_digest

_log = Logger()

TOKEN_REFUSED = "the session token is unknown, has expired or belongs to another device; log on with the password"
CHANGED = with_retry("the account was changed meanwhile", 1)
DELETED = "the account was deleted while its password was checked"
NO_REGISTERING = "accounts are not made over the network here; ask the server's administrator for one"
KEPT_ELSEWHERE = "accounts of this server are kept elsewhere, and cannot be made or changed here"
NOT_AVAILABLE = with_retry("the accounts are not available now", 10)


class LogOns:
    """`wall()` gives seconds UTC; `registered(user_id)` is told of each new account."""

    def __init__(self, server: IServerContext, wall: Callable[[], float], registered: Callable[[str], None]) -> None:
        self._server = server
        self._options: AccountsOptions = server.options.accounts
        self._wall = wall
        self._registered = registered
        self._registrations: Penalties[str] = Penalties(
            Rule(self._options.free_registrations, limits.FORGET_REGISTRATION)
        )
        self._quiet = Quiet(server.clock)
        self.administrators = Administrators(server.users.is_online)
        self.checks = OpenChecks()
        self.roles = OpenChecks()
        self._by_token_since: dict[tuple[str, int], float] = {}

    def verify(self, request: LogOnRequest, ask: Verify) -> Any:
        """See `Registrations.verify`."""
        if is_session_token(request.password) and self._server.has_verifier:
            return self._guarded(request, self._by_token(request))
        if asks_for_account(request.authorized_user):
            return self._guarded(request, self._register(request))
        if not self._server.keeps_accounts:
            return ask(request)
        return self._guarded(request, self._with_role(request, ask))

    @property
    def token_lifetime(self) -> float:
        """Seconds for which session tokens log on; 0 where there are none."""
        lifetime = self._options.token_lifetime
        if lifetime is None:
            return limits.SESSION_TOKEN_LIFETIME if self._server.keeps_accounts else 0.0
        return lifetime if self._server.has_verifier else 0.0

    def sweep(self, now: float) -> None:
        """Forget registrations of long ago, administrators who are gone, and log-ons that became no session."""
        self._registrations.forget_old(now)
        self.administrators.sweep(now)
        for device, since in list(self._by_token_since.items()):
            if now - since >= limits.LEARNED_FOR:
                del self._by_token_since[device]

    def began_with_token(self, user_id: str, device: int) -> bool:
        """Whether the session that begins now was admitted by a token; to be asked once."""
        return self._by_token_since.pop((user_id, device), None) is not None

    async def learn_role(self, user_id: str) -> bool:
        """Remember whether a user is an administrator: whoever asks later cannot wait for a store.

        Fires False when the account is gone.
        """
        if not self._server.keeps_accounts:
            return True
        is_stale = True
        while is_stale:
            # What was read before a change must not be learned after it.
            with self.roles.one(user_id) as check:
                account = await self._server.stores.accounts.account(user_id)
            is_stale = check.is_stale
        self.administrators.learn(user_id, account and account.role, self._server.clock.seconds())
        return account is not None

    def _guarded(self, request: LogOnRequest, deciding: Coroutine[Any, Any, Any]) -> Deferred[Any]:
        return Deferred.fromCoroutine(self._decide(request.user_id, deciding))

    async def _decide(self, user_id: str, deciding: Coroutine[Any, Any, Any]) -> Any:
        with self.checks.one(user_id) as check:
            try:
                verdict = await deciding
            except ComeBackLater as busy:
                return str(busy)
            except StoreError:
                self._complain()
                return NOT_AVAILABLE
        return CHANGED if verdict is True and check.is_stale else verdict

    def _complain(self) -> None:
        passed_over = self._quiet.admits("store")
        if passed_over is not None:
            _log.failure(
                "a log-on is refused: the accounts failed ({passed_over} more since the last entry)",
                passed_over=passed_over,
            )

    async def _with_role(self, request: LogOnRequest, ask: Verify) -> Any:
        verdict = ask(request)
        deferred = as_deferred(verdict)
        if deferred is not None:
            verdict = await deferred
        if verdict is True and not await self.learn_role(request.user_id):
            return DELETED
        return verdict

    async def _by_token(self, request: LogOnRequest) -> bool | str:
        if self.token_lifetime <= 0:
            return TOKEN_REFUSED
        owner = await self._server.stores.accounts.token_owner(token_digest(request.password), self._wall())
        if owner != (request.user_id, device_id(request.user_id, request.device)):
            return TOKEN_REFUSED
        if not await self.learn_role(request.user_id):
            return TOKEN_REFUSED
        self._by_token_since[request.user_id, request.device] = self._server.clock.seconds()
        return True

    # --- registering --------------------------------------------------------------------------------------------------
    async def _register(self, request: LogOnRequest) -> bool | str:
        cause = self._refusal(request)
        if cause is not None:
            return cause
        network, now = network_of(request.address), self._server.clock.seconds()
        if self._counts(request.address):
            self._registrations.count(network, now)
        try:
            check_new_password(request.password, self._options.shortest_password)
            await self._server.stores.accounts.add(request.user_id, request.password)
        except AccountExists:
            return f"the name {request.user_id!r} is taken"
        except (InvalidPassword, InvalidUserId) as error:
            self._registrations.give_back(network, now)
            return str(error)
        except (ComeBackLater, StoreError):
            self._registrations.give_back(network, now)
            raise
        _log.info("{user} registered from {address}", user=request.user_id, address=request.address)
        self._registered(request.user_id)
        return True

    def _refusal(self, request: LogOnRequest) -> str | None:
        """Why nobody, or not this address, may make an account now."""
        if not self._options.register:
            self._server.refuse("registering_is_off")
            return NO_REGISTERING
        if not self._server.keeps_accounts:
            self._server.refuse("registering_is_off")
            return KEPT_ELSEWHERE
        if not self._counts(request.address):
            return None
        wait = self._registrations.wait(network_of(request.address), self._server.clock.seconds())
        if wait > 0:
            self._server.refuse("registrations")
            return with_retry("too many accounts were made from this address", wait)
        return None

    def _counts(self, address: str) -> bool:
        is_spared = is_loopback(address) and not self._server.options.limit_loopback
        return not is_spared and not is_in(address, self._options.exempt_networks)
