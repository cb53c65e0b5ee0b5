"""The server's half: `server.offline`, and what clients ask of it. What is kept is `keeping`'s, how it is handed over
`handing`'s business."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from esframework import limits
from esframework.errors import ComeBackLater, PluginError, StoreClosed
from esframework.interfaces import IServerContext, MessageSummary, Registrations, StoredMessage
from esframework.managers.offline.contracts import (
    ACKNOWLEDGEMENT,
    DISCARD,
    DISCARDED,
    NO_DEVICE,
    SUMMARIES,
    WAITING,
    DiscardedBody,
    SummariesBody,
    SummaryBody,
)
from esframework.managers.offline.handing import Handing
from esframework.managers.offline.keeping import Keeping
from esframework.managers.offline.options import OfflineOptions
from esframework.net.threads import hops_to_reactor
from esframework.plugins.hooks import Event
from esframework.plugins.quiet import Quiet
from esframework.wire.login_id import Source
from esframework.wire.types import MessageType, RequestFailure

_log = Logger()
_SUMMARY_SIZE = 700


class ServerOffline:
    """`server.offline` (manual, technique 01; InIOCP's message manager).

    Events: `kept(message)`: it is on the disk; `handed_over(message)`: its receiver acknowledged it; `expired(count)`;
    `refused(target, reason)`: a message was not kept, and the sender told so, if it is one of ours.
    """

    def __init__(self, server: IServerContext, now: Callable[[], float]) -> None:
        self._server = server
        self.reactor = server.clock
        self.kept: Event[StoredMessage] = Event("offline.kept")
        self.handed_over: Event[StoredMessage] = Event("offline.handed_over")
        self.expired: Event[int] = Event("offline.expired")
        self.refused: Event[str, RequestFailure] = Event("offline.refused")
        options: OfflineOptions = server.options.offline
        self._request_type = options.request_type
        self._now = now
        self._keeping = Keeping(server, options, now, self.kept, self.refused)
        self._handing = Handing(server, options.delivery_type, now, self.handed_over)
        self._expire_at = 0.0
        self._is_expiring = False
        self._is_watching = False
        self._quiet = Quiet(server.clock)

    # --- for applications and other managers --------------------------------------------------------------------------
    @property
    def is_enabled(self) -> bool:
        """Whether messages to absent users are kept by themselves."""
        return self._keeping.is_enabled

    @hops_to_reactor
    def has_user(self, user_id: str) -> Deferred[bool]:
        """Whether there is such a user, for whom things may be left: by `OfflineOptions.has_user`, else the accounts.

        Remembered for a while. Fails as whoever is asked does.
        """
        return self._keeping.has_user(user_id)

    @hops_to_reactor
    def leave(
        self,
        target: str,
        information_type: int,
        content: bytes | None,
        *,
        source: str | None = None,
        id: str | None = None,
    ) -> Deferred[StoredMessage]:
        """Leave a message for a user, absent or not, whatever the policy says; `source` None is the server.

        Fires with the message, which has its number then, when it is written and synced to the disk. The same `id` for
        the same target is kept once; None makes one. Fails with `QuotaExceeded`, `StoreError`, `ComeBackLater`,
        `InvalidUserId`, or EncodeError for a content that is too long to be handed over; it is not kept then.
        """
        return self._keeping.leave(self._keeping.message(target, information_type, content, source, id))

    @hops_to_reactor
    def offer(
        self,
        target: str,
        information_type: int,
        content: bytes | None,
        *,
        source: str | None = None,
        source_device: int | None = None,
        id: str | None = None,
        redelivered: bool = False,
        received_at: float | None = None,
    ) -> Deferred[StoredMessage]:
        """As `leave`, for what a client sent and another manager carries: kept if the policy is to keep it.

        `redelivered` says that the user may have got it already, `received_at` (seconds since 1970; None: now) when the
        server took it. Fails with `NotKept`, whose `reason` is for the sender: TARGET_ABSENT when such messages are not
        kept or there is no such user.
        """
        return self._keeping.offer(
            self._keeping.message(
                target, information_type, content, source, id, source_device, received_at, int(redelivered)
            )
        )

    @hops_to_reactor
    def waiting(
        self, user_id: str, after: int = 0, limit: int = limits.OFFLINE_PAGE
    ) -> Deferred[list[MessageSummary]]:
        """Up to `limit` messages that wait for a user, behind the number `after`, without their contents and without
        taking them. Fails with `StoreError` or `ComeBackLater`."""
        summaries: Deferred[list[MessageSummary]] = self._server.stores.offline.summaries(user_id, after, limit)
        return summaries

    @hops_to_reactor
    def purge(self, user_id: str | None, older_than: float | None = None) -> Deferred[int]:
        """Delete what waits for a user (None: for everybody) and came before `older_than` (seconds UTC; None: all).

        Fires with how many messages that were; fails as `waiting`.
        """
        purging: Deferred[int] = self._server.stores.offline.purge(user_id, older_than)
        return purging

    # --- for the engine -----------------------------------------------------------------------------------------------
    def registrations(self) -> Registrations:
        """What this half brings to a server."""
        custom = self._server.manager("custom")
        custom.keeper = self._keeping.take
        if self._request_type is not None:
            custom.reserve(self._request_type, lambda sender, content: self._handing.ready(sender))
        self.kept.subscribe(lambda message: self._handing.stirred(message.target))
        return Registrations(
            facade=self,
            handlers={
                MessageType.OFFLINE_READY: self._for_ours(self._ready),
                MessageType.OFFLINE_ACKNOWLEDGEMENT: self._for_ours(self._acknowledged),
                MessageType.OFFLINE_WAITING: self._for_ours(self._waiting),
                MessageType.OFFLINE_DISCARD: self._for_ours(self._discard),
            },
            logged_off=self._logged_off,
            sweep=self._sweep,
            start=self._start,
        )

    def _start(self) -> None:
        if self._is_watching:
            return
        try:
            accounts = self._server.manager("accounts")
        except PluginError:
            # A server may do without accounts of its own; then none is made or deleted.
            return
        self._is_watching = True
        for event in (accounts.registered, accounts.deleted):
            event.subscribe(self._keeping.account_changed)

    def _for_ours(self, handler: Callable[[Any, int, bytes], None]) -> Callable[[Any, int, bytes], None]:
        def handle(sender: Any, message_id: int, body: bytes) -> None:
            if sender.is_ours:
                handler(sender, message_id, body)
            else:
                self._server.refuse("unknown_type")

        return handle

    def _ready(self, sender: Any, message_id: int, body: bytes) -> None:
        sender.reply(MessageType.OFFLINE_READY, b"", message_id)
        self._handing.ready(sender)

    def _acknowledged(self, sender: Any, message_id: int, body: bytes) -> None:
        acknowledgement = ACKNOWLEDGEMENT.decode(body)
        self._handing.acknowledged(sender, acknowledgement.handled, acknowledgement.refused)

    def _waiting(self, sender: Any, message_id: int, body: bytes) -> None:
        room = (self._server.options.max_message - limits.OFFLINE_ENVELOPE) // _SUMMARY_SIZE
        limit = max(1, min(limits.OFFLINE_PAGE, room))

        def found(summaries: list[MessageSummary]) -> None:
            page = SummariesBody(len(summaries) < limit, [_summary(each) for each in summaries])
            sender.reply(MessageType.OFFLINE_WAITING, SUMMARIES.encode(page), message_id)

        asking = self.waiting(str(sender.name), WAITING.decode(body).after, limit)
        asking.addCallback(found).addErrback(self._store_failed, sender, message_id)

    def _discard(self, sender: Any, message_id: int, body: bytes) -> None:
        numbers = DISCARD.decode(body).numbers
        if len(numbers) > limits.OFFLINE_DISCARDS:
            text = f"{len(numbers)} messages to discard; at most {limits.OFFLINE_DISCARDS} at once"
            sender.request_failed(message_id, RequestFailure.INVALID, text)
            return

        def discarded(count: int) -> None:
            sender.reply(MessageType.OFFLINE_DISCARD, DISCARDED.encode(DiscardedBody(count)), message_id)

        discarding = self._server.stores.offline.acknowledge(str(sender.name), numbers)
        discarding.addCallback(discarded).addErrback(self._store_failed, sender, message_id)

    def _store_failed(self, failure: Failure, sender: Any, message_id: int) -> None:
        self._log_failure(failure)
        if failure.check(ComeBackLater):
            sender.request_failed(message_id, RequestFailure.BUSY, failure.getErrorMessage())
        else:
            sender.request_failed(message_id, RequestFailure.STORE_FAILED, "the server's store failed; try again later")

    def _logged_off(self, source: Source | None) -> None:
        if source is not None:
            self._handing.left(source)

    def _sweep(self, now: float) -> None:
        self._handing.sweep(now)
        if now >= self._expire_at and not self._is_expiring:
            self._expire_at = now + limits.OFFLINE_SWEEP
            self._is_expiring = True
            expiring: Deferred[int] = self._server.stores.offline.expire(self._now())
            expiring.addCallbacks(self._expired, self._expiry_failed).addBoth(self._expiry_ended)

    def _expired(self, count: int) -> None:
        if count:
            _log.info("{count} offline messages have expired", count=count)
            self.expired.fire(count)

    def _expiry_failed(self, failure: Failure) -> None:
        # Whoever closes the server does not wait for the last portion; the next one that opens takes it away.
        if not failure.check(StoreClosed):
            self._log_failure(failure)

    def _expiry_ended(self, _: Any) -> None:
        self._is_expiring = False

    def _log_failure(self, failure: Failure) -> None:
        if self._quiet.admits(type(failure.value).__name__) is not None:
            _log.error("the store of offline messages failed: {error}", error=failure.getErrorMessage())


def _summary(summary: MessageSummary) -> SummaryBody:
    return SummaryBody(
        expires_at=round(summary.expires_at * 1000),
        handed_out=summary.handed_out,
        id=summary.id,
        information_type=summary.information_type,
        number=summary.number,
        received_at=round(summary.received_at * 1000),
        size=summary.size,
        source=summary.source,
        source_device=NO_DEVICE if summary.source_device is None else summary.source_device,
    )
