"""The client's half of accounts: what a program asks, and the session token that spares the password.

Knows no connection: the engine keeps the session, and presents what it is given here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from esframework import limits
from esframework.errors import RequestError
from esframework.interfaces import IClientContext, Registrations, Role
from esframework.managers.accounts import contracts
from esframework.managers.accounts.contracts import (
    DELETE,
    LOG_OUT,
    MODIFY,
    ONLINE,
    PASSWORD,
    PRESENT,
    ROLE,
    STATE,
    TOKEN,
    UNKNOWN,
    UNLOCK,
    UNLOCKED,
    USER,
    WHO_IS_ONLINE,
)
from esframework.managers.accounts.machine import AccountState, OnlinePage
from esframework.net.threads import hops_to_reactor
from esframework.plugins.asking import Asking
from esframework.wire.types import MessageType

_log = Logger()
T = TypeVar("T")


class ClientAccounts(Asking):
    """`client.accounts` (InIOCP's client manager).

    Calls fail with a `RequestError`: `NotPermitted`; `NotDelivered` whose `reason` is INVALID, NO_SUCH_THING, TOO_FAST,
    BUSY or STORE_FAILED; a time-out, or a lost connection.
    """

    _feature = "accounts"
    _client: IClientContext

    def __init__(self, client: IClientContext) -> None:
        super().__init__(client)

    # --- sessions -----------------------------------------------------------------------------------------------------
    @hops_to_reactor
    def register(
        self, user_id: str, password: str, endpoint: Any, profile: Mapping[str, str] | None = None
    ) -> Deferred[Any]:
        """Have the server make an account, and log on with it; fires as `log_on` does.

        Fails with `LogonFailed`, whose cause says why: the name is taken, name or password break a rule, accounts are
        not made here, or too many were (then with `retry_after`). With a `profile` it fails as `modify` does when that
        is refused; the account is there then, and logged on.
        """
        logged_on = self._client.register(user_id, password, endpoint)
        if not profile:
            return logged_on
        return logged_on.addCallback(lambda response: self.modify(profile).addCallback(lambda _: response))

    @property
    def session_token(self) -> str | None:
        """By which this account logs on again on this device without its password, until `log_out` or the token's
        end: `client.log_on(user_id, token, endpoint)`. None while there is none. It is a secret like the password."""
        return self._client.session_token

    @hops_to_reactor
    def log_out(self, everywhere: bool = False) -> Deferred[None]:
        """Make the session token worthless and end the session; with `everywhere`, all tokens and sessions of this
        account. When it fails, the session goes on and the token stays."""
        body = LOG_OUT.encode(contracts.LogOutBody(everywhere, self._client.session_token))
        return self._ask(MessageType.LOG_OUT, body).addCallback(lambda _: self._client.close())

    # --- one's own account --------------------------------------------------------------------------------------------
    @hops_to_reactor
    def modify(self, profile: Mapping[str, str], user_id: str | None = None) -> Deferred[None]:
        """Replace the profile of this account, or, for administrators, of another one."""
        body = MODIFY.encode(contracts.ModifyBody(dict(profile), self._target(user_id)))
        return self._ask(MessageType.MODIFY_ACCOUNT, body).addCallback(_nothing)

    @hops_to_reactor
    def change_password(self, old: str, new: str) -> Deferred[None]:
        """Change this account's password; its other sessions end, and session tokens are worthless.

        Fails with `NotPermitted` when the old one is wrong.
        """
        body = PASSWORD.encode(contracts.PasswordBody(new, old, self._target(None)))

        def changed(_: bytes) -> None:
            self._client.use_password(new)
            self._client.session_token = None
            self._ask_for_token()

        return self._ask(MessageType.CHANGE_PASSWORD, body).addCallback(changed)

    @hops_to_reactor
    def delete(self, password: str) -> Deferred[None]:
        """Delete this account and everything that the server keeps for it; the session ends.

        Fails with `NotPermitted` when the password is wrong.
        """
        body = DELETE.encode(contracts.DeleteBody(password, self._target(None)))
        return self._ask(MessageType.DELETE_ACCOUNT, body).addCallback(lambda _: self._client.close())

    # --- questions ----------------------------------------------------------------------------------------------------
    @hops_to_reactor
    def state(self, user_id: str) -> Deferred[AccountState]:
        """What the server knows of a user: of oneself, of contacts, and for administrators of everybody, unless the
        server says otherwise."""

        def known(body: bytes) -> AccountState:
            state = STATE.decode(body)
            exists = None if state.exists == UNKNOWN else state.exists == PRESENT
            return AccountState(user_id, exists, state.devices, _role(state.role), state.profile, state.created_at)

        return self._ask(MessageType.ACCOUNT_STATE, USER.encode(contracts.UserBody(user_id))).addCallback(known)

    @hops_to_reactor
    def who_is_online(
        self, prefix: str = "", after: str | None = None, limit: int = limits.ONLINE_PAGE
    ) -> Deferred[OnlinePage]:
        """The first `limit` users online whose names begin with `prefix` and come behind `after`, sorted.

        The next page begins behind the last name of this one. At most `limits.MAX_ONLINE_PAGE` come at once.
        """

        def page(body: bytes) -> OnlinePage:
            answer = ONLINE.decode(body)
            return OnlinePage(answer.users, answer.has_more)

        body = WHO_IS_ONLINE.encode(contracts.WhoIsOnlineBody(after, limit, prefix))
        return self._ask(MessageType.WHO_IS_ONLINE, body).addCallback(page)

    # --- for administrators -------------------------------------------------------------------------------------------
    @hops_to_reactor
    def delete_user(self, user_id: str) -> Deferred[None]:
        """Delete another account."""
        body = DELETE.encode(contracts.DeleteBody(None, user_id))
        return self._ask(MessageType.DELETE_ACCOUNT, body).addCallback(_nothing)

    @hops_to_reactor
    def set_password(self, user_id: str, password: str) -> Deferred[None]:
        """Set the password of another account; its sessions end, and its session tokens are worthless."""
        body = PASSWORD.encode(contracts.PasswordBody(password, None, user_id))
        return self._ask(MessageType.CHANGE_PASSWORD, body).addCallback(_nothing)

    @hops_to_reactor
    def set_role(self, user_id: str, role: Role) -> Deferred[None]:
        """Make somebody an administrator, or a user again."""
        body = ROLE.encode(contracts.RoleBody(role, user_id))
        return self._ask(MessageType.SET_ROLE, body).addCallback(_nothing)

    @hops_to_reactor
    def unlock(self, user_id: str | None = None, address: str | None = None) -> Deferred[bool]:
        """Have the server forget the failed log-ons of an account, of an address, or both; fires with whether there
        were any."""
        body = UNLOCK.encode(contracts.UnlockBody(address, user_id))
        return self._ask(MessageType.UNLOCK, body).addCallback(lambda answer: UNLOCKED.decode(answer).unlocked)

    # --- inside -------------------------------------------------------------------------------------------------------
    def registrations(self) -> Registrations:
        """What this half brings to a client."""
        requests = (
            MessageType.SESSION_TOKEN,
            MessageType.LOG_OUT,
            MessageType.MODIFY_ACCOUNT,
            MessageType.DELETE_ACCOUNT,
            MessageType.CHANGE_PASSWORD,
            MessageType.ACCOUNT_STATE,
            MessageType.WHO_IS_ONLINE,
            MessageType.SET_ROLE,
            MessageType.UNLOCK,
        )
        return Registrations(
            facade=self,
            handlers=self._answerers(requests),
            logged_on=lambda server: self._ask_for_token(),
        )

    def _ask_for_token(self) -> None:
        is_wanted = self._client.options.keep_session_token and self._client.session_token is None
        if not (is_wanted and self._is_served):
            return
        self._ask(MessageType.SESSION_TOKEN, b"").addCallbacks(self._keep_token, self._no_token)

    def _keep_token(self, body: bytes) -> None:
        self._client.session_token = TOKEN.decode(body).token

    def _no_token(self, failure: Any) -> None:
        # The next relogon takes the password; that is all that is lost.
        failure.trap(RequestError)
        _log.debug("there is no session token: {error}", error=failure.getErrorMessage())

    def _target(self, user_id: str | None) -> str:
        return user_id or self._client.current_user_id or ""


def _role(number: int) -> Role:
    # A newer server may know others; what they allow is its business alone.
    return Role.ADMINISTRATOR if number == Role.ADMINISTRATOR else Role.USER


def _nothing(_: bytes) -> None:
    """The answer says no more than that it is done."""
