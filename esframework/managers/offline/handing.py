"""Joins the machines of `HandOver` to the store and to connections. Knows nothing of what is kept and why."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from esframework import limits
from esframework.errors import EncodeError
from esframework.interfaces import IServerContext, StoredMessage
from esframework.managers.offline.contracts import MESSAGE, NO_DEVICE, WRAPPED, MessageBody, WrappedBody
from esframework.managers.offline.machine import Action, CaughtUp, Count, Delete, Fetch, HandOut, HandOver
from esframework.plugins.hooks import Event
from esframework.plugins.quiet import Quiet
from esframework.wire.information import encode_information
from esframework.wire.login_id import Source
from esframework.wire.types import SERVER_ID, MessageType

_log = Logger()


class Handing:
    """All hand-overs of one server. `handed_over(message)` is told of each that its receiver acknowledged."""

    def __init__(
        self,
        server: IServerContext,
        delivery_type: int | None,
        now: Callable[[], float],
        handed_over: Event[StoredMessage],
    ) -> None:
        self._server = server
        self._delivery_type = delivery_type
        self._now = now
        self._handed_over = handed_over
        self._hand_overs: dict[str, HandOver] = {}
        self._senders: dict[str, Any] = {}
        self._troubled: set[str] = set()
        self._retry_at = 0.0
        self._todo: deque[tuple[str, HandOver, Action]] = deque()
        self._is_at_work = False
        self._quiet = Quiet(server.clock)

    # --- what happens -------------------------------------------------------------------------------------------------
    def ready(self, sender: Any) -> None:
        """A device can take messages."""
        user_id = str(sender.name)
        hand_over = self._hand_overs.setdefault(user_id, HandOver())
        self._senders[sender.login_id] = sender
        self._perform(user_id, hand_over, hand_over.ready(sender.login_id))

    def left(self, source: Source) -> None:
        """A device is gone."""
        user_id, hand_over = str(source), self._hand_overs.get(source)
        if self._senders.pop(source.login_id, None) is not None and hand_over is not None:
            self._perform(user_id, hand_over, hand_over.left(source.login_id))
            self._drop_if_over(user_id)

    def stirred(self, user_id: str) -> None:
        """Another message was kept for a user, who may be here by now."""
        hand_over = self._hand_overs.get(user_id)
        if hand_over is not None:
            self._perform(user_id, hand_over, hand_over.stirred())

    def acknowledged(self, sender: Any, handled: Iterable[int], refused: Iterable[int] = ()) -> None:
        """A device has handled these, and will not handle those."""
        user_id = str(sender.name)
        hand_over = self._hand_overs.get(user_id)
        if hand_over is None:
            return
        over, actions = hand_over.acknowledged(sender.login_id, handled, refused)
        for message in over:
            self._handed_over.fire(message)
        self._perform(user_id, hand_over, actions)

    def sweep(self, now: float) -> None:
        """Ask a store again that failed, once in a while."""
        if self._troubled and now >= self._retry_at:
            troubled, self._troubled = self._troubled, set()
            for user_id in troubled:
                hand_over = self._hand_overs.get(user_id)
                if hand_over is not None:
                    self._perform(user_id, hand_over, hand_over.retry())
                    self._drop_if_over(user_id)

    # --- what is to be done -------------------------------------------------------------------------------------------
    def _perform(self, user_id: str, hand_over: HandOver, actions: Iterable[Action]) -> None:
        # A store may answer at once: one after another, since thousands of batches would nest too deep.
        self._todo.extend((user_id, hand_over, action) for action in actions)
        if self._is_at_work:
            return
        self._is_at_work = True
        try:
            while self._todo:
                self._do(*self._todo.popleft())
        finally:
            self._is_at_work = False

    def _do(self, user_id: str, hand_over: HandOver, action: Action) -> None:
        store = self._server.stores.offline
        match action:
            case Fetch(after):
                fetching = store.waiting(user_id, after, limits.OFFLINE_BATCH, limits.OFFLINE_BATCH_BYTES)
                self._then(fetching, user_id, hand_over, lambda found: hand_over.fetched(found, self._now()))
            case Count(numbers):
                self._then(store.handed_out(user_id, numbers), user_id, hand_over, lambda _: hand_over.counted())
            case Delete(numbers):
                deleting = store.acknowledge(user_id, numbers)
                self._then(
                    deleting, user_id, hand_over, lambda _: hand_over.deleted(), lambda: hand_over.delete_failed()
                )
            case HandOut(device, messages):
                self._hand_out(user_id, hand_over, device, messages)
            case CaughtUp(devices):
                for device in devices:
                    sender = self._senders.get(device)
                    if sender is not None and sender.is_ours:
                        sender.reply(MessageType.OFFLINE_CAUGHT_UP, b"", 0)

    def _then(
        self,
        doing: Deferred[Any],
        user_id: str,
        hand_over: HandOver,
        done: Callable[[Any], list[Action]],
        failed: Callable[[], None] | None = None,
    ) -> None:
        def succeeded(result: Any) -> None:
            self._perform(user_id, hand_over, done(result))

        def refused(failure: Failure) -> None:
            if self._quiet.admits(type(failure.value).__name__) is not None:
                _log.error("a hand-over waits for the store: {error}", error=failure.getErrorMessage())
            self._server.refuse("offline_hand_over_store_failed")
            (failed or hand_over.store_failed)()
            self._troubled.add(user_id)
            self._retry_at = self._server.clock.seconds() + limits.OFFLINE_STORE_RETRY

        doing.addCallbacks(succeeded, refused)
        doing.addErrback(lambda failure: _log.failure("a hand-over to {user} failed", failure, user=user_id))
        doing.addBoth(lambda _: self._drop_if_over(user_id))

    def _drop_if_over(self, user_id: str) -> None:
        hand_over = self._hand_overs.get(user_id)
        if hand_over is not None and hand_over.is_over:
            del self._hand_overs[user_id]

    # --- to a device --------------------------------------------------------------------------------------------------
    def _hand_out(self, user_id: str, hand_over: HandOver, device: str, messages: Sequence[StoredMessage]) -> None:
        sender = self._senders.get(device)
        if sender is None:
            return
        messages = self._without_blocked(user_id, hand_over, device, messages)
        refused: list[int] = []

        def write() -> None:
            refused.extend(message.number for message in messages if not self._was_written(sender, message))

        # A batch from the store leaves in one write.
        self._server.router.gathered(write)
        if refused:
            self.acknowledged(sender, (), refused)
        if sender.is_ours:
            return
        written = [message.number for message in messages if message.number not in refused]

        def left_for_the_kernel(has_left: bool) -> None:
            if has_left and self._senders.get(device) is sender:
                self.acknowledged(sender, written)

        sender.sent().addCallback(left_for_the_kernel)

    def _without_blocked(
        self, user_id: str, hand_over: HandOver, device: str, messages: Sequence[StoredMessage]
    ) -> Sequence[StoredMessage]:
        """Delete what was kept of somebody whom the user has blocked; gives the rest."""
        blocked = [message for message in messages if not self._server.router.admits(message.source, user_id)]
        if not blocked:
            return messages
        self._server.refuse("offline_of_blocked_sender")
        _, actions = hand_over.acknowledged(device, [message.number for message in blocked], ())
        self._perform(user_id, hand_over, actions)
        return [message for message in messages if message not in blocked]

    def _was_written(self, sender: Any, message: StoredMessage) -> bool:
        try:
            if self._write(sender, message):
                return True
            reason = f"its header has no room for {message.source!r}"
        except EncodeError as error:
            reason = str(error)
        self._server.refuse("offline_does_not_fit_its_receiver")
        if self._quiet.admits(sender.name) is not None:
            _log.info("a message cannot be handed to {name}: {reason}", name=sender.name, reason=reason)
        return False

    def _write(self, sender: Any, message: StoredMessage) -> bool:
        if sender.is_ours:
            sender.reply(MessageType.OFFLINE_MESSAGE, MESSAGE.encode(_body(message)), 0)
            return True
        if self._delivery_type is not None:
            wrapped = WRAPPED[sender.layout.profile.generation].encode(_wrapped(message))
            sender.reply(MessageType.INFORMATION, encode_information(self._delivery_type, wrapped), 0)
            return True
        body = encode_information(message.information_type, message.content)
        if message.source is None:
            sender.reply(MessageType.INFORMATION, body, 0)
            return True
        return bool(sender.reply_as(message.source, MessageType.INFORMATION, body, 0))


def _body(message: StoredMessage) -> MessageBody:
    return MessageBody(
        content=message.content,
        id=message.id,
        information_type=message.information_type,
        number=message.number,
        received_at=round(message.received_at * 1000),
        redelivered=message.handed_out > 0,
        source=message.source,
        source_device=NO_DEVICE if message.source_device is None else message.source_device,
    )


def _wrapped(message: StoredMessage) -> WrappedBody:
    return WrappedBody(
        dest_user_id=message.target,
        information=message.content,
        information_type=message.information_type,
        source_user_id=SERVER_ID if message.source is None else message.source,
        time=datetime.fromtimestamp(message.received_at),
    )
