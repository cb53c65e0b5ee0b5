"""The server's half of accounts: what an application may do with them, and what it is told.

Clients' requests are `requests`, log-ons `log_ons`; both end here or in the store.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from esframework import limits
from esframework.errors import ComeBackLater, StoreError
from esframework.interfaces import IServerContext, Registrations, Role
from esframework.managers.accounts.log_ons import CHANGED, LogOns
from esframework.managers.accounts.machine import (
    AccountState,
    OnlineNames,
    OnlinePage,
    check_new_password,
    device_id,
)
from esframework.managers.accounts.requests import AccountRequests
from esframework.managers.accounts.turns import Turns
from esframework.net.threads import hops_to_reactor
from esframework.plugins.hooks import Event
from esframework.wire.login_id import Source
from esframework.wire.session_token import SECRET_SIZE, session_token, token_digest
from esframework.wire.types import DisconnectedType

_log = Logger()


class ServerAccounts:
    """`server.accounts`: the accounts in `server.stores`, and the sessions of their users.

    Calls fail as the store's do (`esframework.errors.StoreRefusal` and `StoreError`); they ask for no permission.
    Events: `registered`, `modified` (profile, role or password) and `deleted` with the user's id, `logged_out(source)`
    when a client gave its session token up, `locked(user_id, address, seconds)` when failed log-ons make an account or
    an address wait (the other is None). `wall()` gives seconds UTC.
    """

    def __init__(self, server: IServerContext, wall: Callable[[], float]) -> None:
        self._server = server
        self._wall = wall
        self.reactor = server.clock
        self.registered: Event[str] = Event("accounts.registered")
        self.modified: Event[str] = Event("accounts.modified")
        self.deleted: Event[str] = Event("accounts.deleted")
        self.logged_out: Event[Source] = Event("accounts.logged_out")
        self.locked: Event[str | None, str | None, float] = server.throttle.locked
        self.turns = Turns()
        self._names = OnlineNames()
        self._log_ons = LogOns(server, wall, self.registered.fire)
        self._next_expiry = 0.0

    # --- accounts -----------------------------------------------------------------------------------------------------
    @hops_to_reactor
    def register(
        self, user_id: str, password: str, role: Role = Role.USER, profile: Mapping[str, str] | None = None
    ) -> Deferred[None]:
        """Make an account. Fails with `InvalidUserId`, `InvalidPassword`, `InvalidText` or `AccountExists`."""
        return Deferred.fromCoroutine(self._register(user_id, password, role, profile))

    @hops_to_reactor
    def modify(self, user_id: str, profile: Mapping[str, str]) -> Deferred[None]:
        """Replace an account's profile. Fails with `InvalidText` or `NoSuchAccount`."""
        return Deferred.fromCoroutine(self._changed(user_id, self._store.modify(user_id, profile)))

    @hops_to_reactor
    def set_role(self, user_id: str, role: Role) -> Deferred[None]:
        """Change what a user may do, at once. Fails with `NoSuchAccount`."""
        return Deferred.fromCoroutine(self._changed(user_id, self._store.set_role(user_id, role)))

    @hops_to_reactor
    def change_password(self, user_id: str, password: str, spared: Any = None) -> Deferred[None]:
        """Set a password; the user's session tokens are worthless then, and its sessions end (but not that of the
        sender `spared`). Fails with `InvalidPassword` or `NoSuchAccount`."""
        return Deferred.fromCoroutine(self._change_password(user_id, password, spared))

    @hops_to_reactor
    def delete(self, user_id: str, spared: Any = None) -> Deferred[None]:
        """Delete an account and all that is stored for it, and end its sessions (but not that of the sender `spared`).
        Fails with `NoSuchAccount`."""
        return Deferred.fromCoroutine(self._delete(user_id, spared))

    @hops_to_reactor
    def state(self, user_id: str) -> Deferred[AccountState]:
        """What is known of a user, whether there is one or not."""
        return Deferred.fromCoroutine(self._state(user_id))

    @hops_to_reactor
    def who_is_online(self, prefix: str = "", after: str | None = None, limit: int = limits.ONLINE_PAGE) -> OnlinePage:
        """A page of those who are online; see `OnlineNames.page`."""
        return self._names.page(prefix, after, limit)

    # --- sessions -----------------------------------------------------------------------------------------------------
    @hops_to_reactor
    def revoke_tokens(self, user_id: str) -> Deferred[int]:
        """Make a user's session tokens worthless; fires with their number. Sessions that stand go on.

        For applications whose own verifier begins to refuse a user: it is not asked about tokens.
        """
        return Deferred.fromCoroutine(self._revoke_tokens(user_id))

    @hops_to_reactor
    def unlock(self, user_id: str | None = None, address: str | None = None) -> bool:
        """Forget the failed log-ons of an account or of an address, or both; False when there were none."""
        account = user_id is not None and self._server.throttle.unlock_account(user_id)
        place = address is not None and self._server.throttle.unlock_address(address)
        return bool(account or place)

    async def new_token(self, sender: Any) -> tuple[str, float] | None:
        """A token for a device that is logged on and its seconds to live, or None where none are given.

        Raises `ComeBackLater` when all of the user's tokens became worthless before this one was kept.
        """
        lifetime = self._log_ons.token_lifetime
        if lifetime <= 0:
            return None
        token = session_token(secrets.token_bytes(SECRET_SIZE))
        device = device_id(sender.name, sender.name.device)
        digest = token_digest(token)
        with self._log_ons.checks.one(sender.name) as check:
            await self._store.add_token(digest, sender.name, device, self._wall() + lifetime)
            is_known = not self._server.keeps_accounts or await self._store.exists(sender.name)
        if check.is_stale or not is_known:
            # Whoever takes the name one day must not find it there, nor must it outlive the password it came by.
            await self._store.drop_tokens(sender.name, digest)
            raise ComeBackLater(CHANGED, 1)
        return token, lifetime

    async def log_out(self, sender: Any, token: str | None, everywhere: bool) -> None:
        """A client gives up: its token is worthless, or with `everywhere` all of the user's, whose other sessions
        end."""
        if everywhere:
            await self._revoke_tokens(sender.name)
            self._server.disconnect(sender.name, DisconnectedType.KICKED_OUT, spared=sender)
        elif token is not None:
            await self._store.drop_tokens(sender.name, token_digest(token))
        self.logged_out.fire(sender.name)

    # --- inside -------------------------------------------------------------------------------------------------------
    @property
    def _store(self) -> Any:
        return self._server.stores.accounts

    async def _register(self, user_id: str, password: str, role: Role, profile: Mapping[str, str] | None) -> None:
        check_new_password(password, self._server.options.accounts.shortest_password)
        await self._store.add(user_id, password, role, profile)
        self.registered.fire(user_id)

    async def _revoke_tokens(self, user_id: str) -> int:
        dropped: int = await self._store.drop_tokens(user_id)
        self._log_ons.checks.changed(user_id)
        return dropped

    async def _changed(self, user_id: str, change: Deferred[None]) -> None:
        await change
        self._log_ons.roles.changed(user_id)
        await self._log_ons.learn_role(user_id)
        self.modified.fire(user_id)

    async def _change_password(self, user_id: str, password: str, spared: Any) -> None:
        async with self.turns.one(user_id):
            await self.change_password_in_turn(user_id, password, spared)

    async def _delete(self, user_id: str, spared: Any) -> None:
        async with self.turns.one(user_id):
            await self.delete_in_turn(user_id, spared)

    async def change_password_in_turn(self, user_id: str, password: str, spared: Any) -> None:
        """As `change_password`, for whoever has the user's turn (`turns`)."""
        check_new_password(password, self._server.options.accounts.shortest_password)
        await self._store.set_password(user_id, password)
        self._log_ons.checks.changed(user_id)
        self._server.throttle.unlock_account(user_id)
        self._server.disconnect(user_id, DisconnectedType.KICKED_OUT, spared=spared)
        self.modified.fire(user_id)

    async def delete_in_turn(self, user_id: str, spared: Any) -> None:
        """As `delete`, for whoever has the user's turn."""
        await self._store.remove(user_id)
        self._log_ons.checks.changed(user_id)
        self._server.throttle.forget_account(user_id)
        self._log_ons.roles.changed(user_id)
        self._log_ons.administrators.learn(user_id, None, self._server.clock.seconds())
        self.deleted.fire(user_id)
        self._server.disconnect(user_id, DisconnectedType.KICKED_OUT, spared=spared)

    async def _state(self, user_id: str) -> AccountState:
        account = await self._store.account(user_id) if self._server.keeps_accounts else None
        devices = sorted(user.device for user in self._server.users.devices_of(user_id))
        if account is None:
            return AccountState(user_id, False if self._server.keeps_accounts else None, devices)
        return AccountState(user_id, True, devices, account.role, account.profile, account.created_at)

    # --- what happens -------------------------------------------------------------------------------------------------
    def registrations(self) -> Registrations:
        """What this half brings to a server."""
        requests = AccountRequests(self._server, self)

        def logged_on(sender: Any) -> None:
            self._names.add(str(sender.name))
            requests.logged_on(sender, self._log_ons.began_with_token(sender.name, sender.name.device))

        def logged_off(source: Source | None) -> None:
            requests.logged_off(source)
            self._logged_off(source)

        return Registrations(
            facade=self,
            handlers=requests.handlers(),
            logged_on=logged_on,
            logged_off=logged_off,
            verify=self._log_ons.verify,
            is_administrator=lambda user_id: user_id in self._log_ons.administrators,
            sweep=self._sweep,
        )

    def _logged_off(self, source: Source | None) -> None:
        if source is not None and not self._server.users.is_online(source):
            self._names.discard(source)

    def _sweep(self, now: float) -> None:
        self._log_ons.sweep(now)
        if now >= self._next_expiry:
            self._next_expiry = now + limits.TOKEN_EXPIRY_INTERVAL
            expired: Deferred[int] = self._store.expire_tokens(self._wall())
            expired.addErrback(_not_now)


def _not_now(failure: Any) -> None:
    # They are refused nevertheless, and the next sweep takes them away.
    failure.trap(StoreError, ComeBackLater)
    _log.warn("expired session tokens could not be taken away: {error}", error=failure.getErrorMessage())
