"""What clients of ours ask about accounts: who may, what is answered, and how it is refused.

Guarded by the permission hook: `user_state`, `modify_account`, `delete_account`, `change_password`, `set_role` and
`unlock` (default: administrators; one's own state and profile always, `user_state` of contacts as well), `list_users`
(default: everybody). One's own account is deleted, and its password changed, by the password: a session alone cannot.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from esframework.errors import (
    AccountExists,
    ComeBackLater,
    EncodeError,
    EsError,
    MalformedBody,
    NoSuchAccount,
    PluginError,
    StoreError,
    StoreRefusal,
)
from esframework.interfaces import Handler, IServerContext, Role
from esframework.managers.accounts import contracts
from esframework.managers.accounts.contracts import (
    ABSENT,
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
from esframework.managers.accounts.log_ons import KEPT_ELSEWHERE
from esframework.plugins.quiet import Quiet
from esframework.wire.login_id import Source, bare_id
from esframework.wire.retry import with_retry
from esframework.wire.types import DisconnectedType, MessageType, RequestFailure

if TYPE_CHECKING:
    from esframework.managers.accounts.server import ServerAccounts

_log = Logger()

MAX_OPEN = 8
"""Requests of one device that wait for a store at the same time: a store serves everybody."""

_Answer: TypeAlias = Callable[[Any, bytes], Awaitable[bytes]]

_FAILURES: tuple[tuple[type[EsError], RequestFailure], ...] = (
    (NoSuchAccount, RequestFailure.NO_SUCH_THING),
    (AccountExists, RequestFailure.CONFLICT),
    (StoreRefusal, RequestFailure.INVALID),
    (ComeBackLater, RequestFailure.BUSY),
    (EncodeError, RequestFailure.TOO_LONG),
)


class _Refused(Exception):
    """A request is refused; tells how."""

    def __init__(self, reason: RequestFailure, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class AccountRequests:
    """Answers requests by what `accounts` does."""

    def __init__(self, server: IServerContext, accounts: ServerAccounts) -> None:
        self._server = server
        self._accounts = accounts
        self._open: Counter[str] = Counter()
        self._have_tokens: set[str] = set()
        self._quiet = Quiet(server.clock)

    def handlers(self) -> dict[int, Handler]:
        """By message type."""
        answers: dict[MessageType, _Answer] = {
            MessageType.SESSION_TOKEN: self._token,
            MessageType.LOG_OUT: self._log_out,
            MessageType.MODIFY_ACCOUNT: self._modify,
            MessageType.DELETE_ACCOUNT: self._delete,
            MessageType.CHANGE_PASSWORD: self._change_password,
            MessageType.ACCOUNT_STATE: self._state,
            MessageType.WHO_IS_ONLINE: self._who_is_online,
            MessageType.SET_ROLE: self._set_role,
            MessageType.UNLOCK: self._unlock,
        }
        return {request: self._handler(request, answer) for request, answer in answers.items()}

    def logged_on(self, sender: Any, has_token: bool) -> None:
        """A device is there. One that came by a token gets no other: it would outlive the password's last proof."""
        if has_token:
            self._have_tokens.add(sender.login_id)

    def logged_off(self, source: Source | None) -> None:
        """A device is gone: its next session may have a token."""
        if source is not None:
            self._have_tokens.discard(source.login_id)

    # --- answering ----------------------------------------------------------------------------------------------------
    def _handler(self, request: MessageType, answer: _Answer) -> Handler:
        def handle(sender: Any, message_id: int, body: bytes) -> None:
            if not sender.is_ours:
                self._server.refuse("foreign_request")
                return
            if self._open[sender.login_id] >= MAX_OPEN:
                self._server.refuse("account_requests")
                detail = with_retry(f"{MAX_OPEN} requests about accounts are open already", 1)
                sender.request_failed(message_id, RequestFailure.BUSY, detail)
                return
            self._open[sender.login_id] += 1
            answering = self._answer(sender, request, message_id, answer, body)
            Deferred.fromCoroutine(answering).addErrback(self._failed, sender, message_id)

        return handle

    async def _answer(self, sender: Any, request: MessageType, message_id: int, answer: _Answer, body: bytes) -> None:
        try:
            sender.reply(request, await answer(sender, body), message_id)
        except MalformedBody as error:
            sender.refuse_body(error)
        except _Refused as refused:
            sender.request_failed(message_id, refused.reason, str(refused))
        except tuple(kind for kind, _ in _FAILURES) as error:
            reason = next(reason for kind, reason in _FAILURES if isinstance(error, kind))
            sender.request_failed(message_id, reason, str(error))
        finally:
            self._open[sender.login_id] -= 1
            if not self._open[sender.login_id]:
                del self._open[sender.login_id]

    def _failed(self, failure: Any, sender: Any, message_id: int) -> None:
        passed_over = self._quiet.admits(failure.type)
        if passed_over is not None:
            _log.failure(
                "a request of {sender} about accounts failed ({passed_over} more since the last entry)",
                failure,
                sender=sender,
                passed_over=passed_over,
            )
        busy = failure.check(StoreError) is not None
        detail = with_retry("the accounts are not available now", 10) if busy else "the server failed"
        sender.request_failed(message_id, RequestFailure.STORE_FAILED, detail)

    # --- sessions -----------------------------------------------------------------------------------------------------
    async def _token(self, sender: Any, body: bytes) -> bytes:
        if sender.login_id in self._have_tokens:
            raise _Refused(RequestFailure.TOO_FAST, "this session has its token already")
        self._have_tokens.add(sender.login_id)
        try:
            given = await self._accounts.new_token(sender)
        except EsError:
            self._have_tokens.discard(sender.login_id)
            raise
        token, expires_in = given or (None, 0.0)
        return TOKEN.encode(contracts.TokenBody(expires_in, token))

    async def _log_out(self, sender: Any, body: bytes) -> bytes:
        asked = LOG_OUT.decode(body)
        await self._accounts.log_out(sender, asked.token, asked.everywhere)
        return b""

    # --- accounts -----------------------------------------------------------------------------------------------------
    async def _modify(self, sender: Any, body: bytes) -> bytes:
        asked = MODIFY.decode(body)
        self._check_kept_here()
        if asked.user_id != sender.name:
            self._check_permitted(sender, "modify_account", asked.user_id)
        await self._accounts.modify(asked.user_id, asked.profile)
        return b""

    async def _delete(self, sender: Any, body: bytes) -> bytes:
        asked = DELETE.decode(body)
        self._check_kept_here()
        is_own = asked.user_id == sender.name
        if not is_own:
            self._check_permitted(sender, "delete_account", asked.user_id)
        async with self._accounts.turns.one(asked.user_id):
            if is_own:
                await self._check_password(sender, asked.password)
            await self._accounts.delete_in_turn(asked.user_id, spared=sender)
        if is_own:
            # In the next turn, when it has its answer.
            self._server.clock.callLater(0, self._server.disconnect, asked.user_id, DisconnectedType.KICKED_OUT)
        return b""

    async def _change_password(self, sender: Any, body: bytes) -> bytes:
        asked = PASSWORD.decode(body)
        self._check_kept_here()
        is_own = asked.user_id == sender.name
        if not is_own:
            self._check_permitted(sender, "change_password", asked.user_id)
        # The old password must still be the one when the new one is written.
        async with self._accounts.turns.one(asked.user_id):
            if is_own:
                await self._check_password(sender, asked.old_password)
            await self._accounts.change_password_in_turn(asked.user_id, asked.new_password, spared=sender)
        if is_own:
            # Its old one is worthless.
            self._have_tokens.discard(sender.login_id)
        return b""

    async def _set_role(self, sender: Any, body: bytes) -> bytes:
        asked = ROLE.decode(body)
        self._check_kept_here()
        self._check_permitted(sender, "set_role", asked.user_id)
        if asked.role not in list(Role):
            raise _Refused(RequestFailure.INVALID, f"{asked.role} is no role; 0 (user) and 1 (administrator) are")
        await self._accounts.set_role(asked.user_id, Role(asked.role))
        return b""

    async def _unlock(self, sender: Any, body: bytes) -> bytes:
        asked = UNLOCK.decode(body)
        self._check_permitted(sender, "unlock", asked.user_id)
        return UNLOCKED.encode(contracts.UnlockedBody(self._accounts.unlock(asked.user_id, asked.address)))

    # --- questions ----------------------------------------------------------------------------------------------------
    async def _state(self, sender: Any, body: bytes) -> bytes:
        target = bare_id(USER.decode(body).user_id)
        if target != sender.name:
            self._check_permitted(sender, "user_state", target, by_default=await self._is_contact(sender, target))
        state = await self._accounts.state(target)
        exists = UNKNOWN if state.exists is None else PRESENT if state.exists else ABSENT
        return STATE.encode(
            contracts.StateBody(state.created_at, state.devices, exists, dict(state.profile), state.role)
        )

    async def _who_is_online(self, sender: Any, body: bytes) -> bytes:
        asked = WHO_IS_ONLINE.decode(body)
        self._check_permitted(sender, "list_users", None, by_default=True)
        page = self._accounts.who_is_online(asked.prefix, asked.after, asked.limit)
        return ONLINE.encode(contracts.OnlineBody(page.has_more, page.users))

    # --- who may ------------------------------------------------------------------------------------------------------
    def _check_kept_here(self) -> None:
        if not self._server.keeps_accounts:
            raise _Refused(RequestFailure.NOT_ALLOWED, KEPT_ELSEWHERE)

    def _check_permitted(self, sender: Any, action: str, target: str | None, by_default: bool = False) -> None:
        allowed = self._server.permit(
            action, sender.name, target, lambda: by_default or self._server.is_administrator(sender.name)
        )
        if not allowed:
            raise _Refused(RequestFailure.NOT_ALLOWED, f"{action} is not permitted to {sender.name!r}")

    async def _is_contact(self, sender: Any, target: str) -> bool:
        """Whether the sender's list of contacts holds the target; nobody has one where that manager is missing."""
        try:
            contacts = self._server.manager("contacts")
        except PluginError:
            return False
        knows = contacts.knows(sender.name, target)
        return bool(await knows if isinstance(knows, Deferred) else knows)

    async def _check_password(self, sender: Any, password: str | None) -> None:
        """Whoever sits at somebody else's session may not guess here faster than at the log-on."""
        throttle, now = self._server.throttle, self._server.clock.seconds()
        guess = throttle.begin(sender.name, sender.address[0], False, now)
        if guess.wait > 0:
            raise _Refused(RequestFailure.TOO_FAST, with_retry("too many passwords were wrong", guess.wait))
        try:
            is_right = await self._server.stores.accounts.verify(sender.name, password or "")
        except EsError:
            throttle.undecided(guess, self._server.clock.seconds())
            raise
        if is_right:
            throttle.succeeded(guess, self._server.clock.seconds())
            return
        throttle.failed(guess, self._server.clock.seconds())
        self._server.refuse("wrong_password")
        raise _Refused(RequestFailure.NOT_ALLOWED, "the password is wrong")
