"""What is kept for users who are away, and what its sender hears of that. Knows nothing of handing over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final
from uuid import uuid4

from twisted.internet.defer import Deferred, fail
from twisted.logger import Logger
from twisted.python.failure import Failure

from esframework import limits
from esframework.errors import (
    ComeBackLater,
    EncodeError,
    InvalidUserId,
    NotKept,
    QuotaExceeded,
    StoreError,
    StoreRefusal,
)
from esframework.interfaces import IServerContext, Quota, StoredMessage
from esframework.managers.offline.contracts import KEPT, KeptBody
from esframework.managers.offline.known_users import KnownUsers
from esframework.managers.offline.options import OfflineOptions
from esframework.plugins.hooks import Event
from esframework.plugins.quiet import Quiet
from esframework.wire.identity import check_account_name
from esframework.wire.login_id import Source, bare_id, split_login_id
from esframework.wire.types import MessageType, RequestFailure

_log = Logger()

FOR_EVER: Final = 253_402_300_799.0
"""The end of the year 9999 in seconds since 1970: every database can keep it."""


class Keeping:
    """`now` gives seconds UTC; `kept(message)` and `refused(target, reason)` are told what became of each message."""

    def __init__(
        self,
        server: IServerContext,
        options: OfflineOptions,
        now: Callable[[], float],
        kept: Event[StoredMessage],
        refused: Event[str, RequestFailure],
    ) -> None:
        self._server = server
        self._options = options
        self._now = now
        self._kept = kept
        self._refused = refused
        self._quota = Quota(options.messages, options.bytes)
        self._users = KnownUsers(server.clock, options.has_user or self._has_account)
        self._quiet = Quiet(server.clock)
        self._waiting = 0
        self._waiting_bytes = 0

    @property
    def is_enabled(self) -> bool:
        """Whether messages to absent users are kept by themselves."""
        enabled = self._options.enabled
        return bool(self._server.has_stores if enabled is None else enabled)

    def has_user(self, user_id: str) -> Deferred[bool]:
        """Whether there is such a user; remembered for a while."""
        return self._users.ask(user_id)

    # --- keeping ------------------------------------------------------------------------------------------------------
    def message(
        self,
        target: str,
        information_type: int,
        content: bytes | None,
        source: str | None,
        id: str | None = None,
        source_device: int | None = None,
        received_at: float | None = None,
        handed_out: int = 0,
    ) -> StoredMessage:
        """A message that came at `received_at`, None is now."""
        at, expiry = self._now() if received_at is None else received_at, self._options.expiry
        return StoredMessage(
            id=id or uuid4().hex,
            target=bare_id(target),
            source=None if source is None else bare_id(source),
            source_device=source.device if source_device is None and isinstance(source, Source) else source_device,
            information_type=information_type,
            content=content,
            received_at=at,
            expires_at=at + expiry if expiry > 0 else FOR_EVER,
            handed_out=handed_out,
        )

    def leave(self, message: StoredMessage) -> Deferred[StoredMessage]:
        """Have the store keep it, whatever the policy says; fires with the message and its number when it is synced to
        the disk. Fails as `IOfflineStore.keep`, and with EncodeError for a content that could not be handed over."""
        size, longest = len(message.content or b""), self._server.options.max_message - limits.OFFLINE_ENVELOPE
        if size > longest:
            return fail(EncodeError(f"a content of {size} bytes; at most {longest} can be kept for later"))

        def numbered(number: int) -> StoredMessage:
            kept = replace(message, number=number)
            self._kept.fire(kept)
            return kept

        store: Any = self._server.stores.offline
        keeping: Deferred[int] = store.keep(message, self._quota)
        return keeping.addCallback(numbered)

    def wants(self, message: StoredMessage) -> bool:
        """Whether the policy is to keep such a message, if there is a user for it."""
        types = self._options.types
        if not self.is_enabled or (types is not None and not any(message.information_type in one for one in types)):
            return False
        if self._options.keeps is None:
            return True
        try:
            return self._options.keeps(message) is True
        except Exception:
            _log.failure("the policy for offline messages failed for type {type}", type=message.information_type)
            return False

    def offer(self, message: StoredMessage) -> Deferred[StoredMessage]:
        """Keep it if the policy is to. Fails with `NotKept`, which has the reason and the text for the sender."""
        if not self.wants(message):
            return fail(NotKept(f"{message.target!r} is not online", RequestFailure.TARGET_ABSENT))
        size = len(message.content or b"")
        if self._waiting >= limits.MAX_KEEPS_WAITING or self._waiting_bytes + size > limits.MAX_KEEP_BYTES_WAITING:
            self._refuse(message.target, RequestFailure.BUSY)
            return fail(NotKept("too many messages wait to be kept; try again later", RequestFailure.BUSY))
        self._waiting += 1
        self._waiting_bytes += size
        return Deferred.fromCoroutine(self._offer(message)).addBoth(self._ended, size)

    async def _offer(self, message: StoredMessage) -> StoredMessage:
        try:
            # Before anybody is asked: delivery takes a target from a body, where it is as long as its sender likes.
            check_account_name(message.target)
            if await self._users.ask(message.target):
                return await self.leave(message)
            reason, text = RequestFailure.TARGET_ABSENT, f"{message.target!r} is not online"
        except Exception as error:
            reason, text = self._explain(error)
        self._refuse(message.target, reason)
        raise NotKept(text, reason)

    def _ended(self, outcome: Any, size: int) -> Any:
        self._waiting -= 1
        self._waiting_bytes -= size
        return outcome

    def account_changed(self, user_id: str) -> None:
        """An account was made or deleted: whether there is such a user is asked anew."""
        self._users.forget(user_id)

    # --- what has no receiver -----------------------------------------------------------------------------------------
    def take(self, sender: Any, information: Any, message_id: int) -> bool:
        """Keep what a client sent to somebody absent (`server.custom.keeper`); False when the policy is not to, and
        for a LoginID whose number means no device."""
        number, _ = split_login_id(information.target)
        rules = self._server.users.device_rules
        if number is not None and rules.device_of(number, 0, sender.layout.profile) is None:
            return False
        message = self.message(
            information.target, information.information_type, information.content, information.source
        )
        if not self.wants(message):
            return False
        answers = message_id if information.style == "acked" else 0

        def stored(kept: StoredMessage) -> None:
            if answers and sender.is_ours:
                sender.reply(MessageType.OFFLINE_KEPT, KEPT.encode(KeptBody(kept.id)), answers)

        def not_stored(failure: Failure) -> None:
            error = failure.value
            if not isinstance(error, NotKept):
                failure.raiseException()
            sender.request_failed(answers, RequestFailure(error.reason), str(error))

        self.offer(message).addCallbacks(stored, not_stored).addErrback(
            lambda failure: _log.failure("a sender could not be told what became of its message", failure)
        )
        return True

    def _refuse(self, target: str, reason: RequestFailure) -> None:
        self._server.refuse(f"offline_{reason.name.lower()}")
        self._refused.fire(target, reason)

    def _explain(self, error: Exception) -> tuple[RequestFailure, str]:
        """The reason for the sender, and what it may read: nothing of files and databases."""
        match error:
            case QuotaExceeded():
                return RequestFailure.QUOTA_EXCEEDED, str(error)
            case EncodeError():
                return RequestFailure.TOO_LONG, str(error)
            case ComeBackLater():
                return RequestFailure.BUSY, str(error)
            case StoreRefusal() | InvalidUserId():
                return RequestFailure.INVALID, str(error)
        if self._quiet.admits(type(error).__name__) is not None:
            if isinstance(error, StoreError):
                _log.error("a message to somebody absent is not kept: {error}", error=str(error))
            else:
                _log.failure("a message to somebody absent is not kept")
        return RequestFailure.STORE_FAILED, "the server's store failed; the message is not kept"

    def _has_account(self, user_id: str) -> Any:
        return self._server.stores.accounts.exists(user_id)
