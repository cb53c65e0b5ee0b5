"""The one outgoing queue of a connection: counted in bytes, ordered by priority, written once per batch.

A `Batch` is shared by the connections of one engine. While it is open (a read is being handled), everything sent
gathers per connection; when it closes, each connection that was touched writes once. Outside a batch a send leaves at
once. Knows bytes and transports, not frames.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, TypeAlias

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IPullProducer, IPushProducer
from zope.interface import implementer

from esframework import limits
from esframework.net.eager import backlog, in_kernel, is_plain, send_now
from esframework.wire.types import Priority


class Batch:
    """The queues that have something to write when the current read has been handled, and those that wait for a
    peer."""

    __slots__ = ("open", "touched", "waiting", "weight")

    def __init__(self) -> None:
        self.open = False
        self.touched: list[Outgoing] = []
        self.waiting: set[Outgoing] = set()
        # Bytes that many connections were given alike without counting them in each; see `is_heavy`.
        self.weight = 0

    @property
    def is_heavy(self) -> bool:
        """Whether so much was given to many alike that it should be written before the batch ends."""
        return self.weight > limits.WRITE_CHUNK

    def close(self) -> None:
        """Write once per connection that was touched; the batch is closed even when a subscriber sends meanwhile."""
        self.open = False
        self.flush()

    def flush(self) -> None:
        """Write what has gathered so far."""
        touched, self.touched = self.touched, []
        self.weight = 0
        for outgoing in touched:
            outgoing.flush()

    def cut_stalled(self, now: float, timeout: float) -> None:
        """Call `on_stuck` of each queue from which no byte has left for `timeout` seconds (<= 0: none)."""
        if timeout > 0:
            for outgoing in [outgoing for outgoing in self.waiting if outgoing.stalled(now, timeout)]:
                outgoing.on_stuck("write_timeout")


_Lane: TypeAlias = "deque[bytes | Deferred[bool]]"


@implementer(IPushProducer, IPullProducer)
class Outgoing:
    """Bytes on their way to one peer.

    `size` is what waits in this queue and in the transport together. When more than `hard_limit` bytes wait,
    `on_stuck("channel_overflow")` is called once and nothing is accepted any more.
    """

    __slots__ = (
        "batch",
        "pending",
        "size",
        "high_water",
        "hard_limit",
        "on_stuck",
        "_transport",
        "_plain",
        "_blocked",
        "_closed",
        "_lanes",
        "_pending_size",
        "_in_transport",
        "_waiters",
        "_drain_callbacks",
        "_stalled_since",
        "_seen",
    )

    def __init__(
        self,
        batch: Batch,
        on_stuck: Callable[[str], None],
        high_water: int = limits.HIGH_WATER,
        hard_limit: int = limits.HARD_LIMIT,
    ) -> None:
        self.batch = batch
        self.pending: list[bytes] = []
        self.size = 0
        self.high_water = high_water
        self.hard_limit = hard_limit
        self.on_stuck = on_stuck
        self._transport: Any = None
        self._plain = False
        self._blocked = False
        self._closed = False
        self._lanes: tuple[_Lane, _Lane, _Lane] | None = None
        self._pending_size = 0
        self._in_transport = 0
        self._waiters: list[Deferred[bool]] | None = None
        self._drain_callbacks: list[Callable[[], None]] | None = None
        self._stalled_since = 0.0
        self._seen = -1

    # --- sending ----------------------------------------------------------------------------------------------------
    @property
    def is_busy(self) -> bool:
        """Whether more bytes wait than the high-water mark."""
        return self.size + self._pending_size > self.high_water

    def send(self, data: bytes, priority: Priority = Priority.NORMAL) -> None:
        """Queue bytes: written now, or once when the open batch closes, or when the peer has read what came before."""
        if priority is not Priority.NORMAL and self._blocked:
            self._enqueue(data, priority)
        elif self.batch.open:
            if not self.pending:
                self.batch.touched.append(self)
            self.pending.append(data)
            self._pending_size += len(data)
            if self._pending_size > limits.WRITE_CHUNK:
                self.flush()
        else:
            self._push(data)

    def flush(self) -> None:
        """Write what gathered during a batch."""
        pending = self.pending
        if pending:
            self.pending = []
            self._pending_size = 0
            self._push(pending[0] if len(pending) == 1 else b"".join(pending))

    def sent(self, priority: Priority = Priority.NORMAL) -> Deferred[bool]:
        """Fires True when everything queued so far at this priority has left for the kernel; False when it never
        will."""
        if self._closed:
            return succeed(False)
        if self.pending:
            self.flush()
        if not self._blocked:
            return succeed(True)
        waiter: Deferred[bool] = Deferred()
        if self._lanes is not None and self._lanes[priority]:
            self._lanes[priority].append(waiter)
        else:
            self._wait(waiter)
        return waiter

    def emptied(self) -> Deferred[bool]:
        """Fires True when everything queued so far, of every priority, has left for the kernel; False when it never
        will."""
        if not self._closed and self.pending:
            self.flush()
        if self._closed or not self._blocked:
            return self.sent()
        if self._lanes is None:
            self._lanes = (deque(), deque(), deque())
        # Behind the last lane, which is emptied when the others are.
        last: Deferred[bool] = Deferred()
        self._lanes[-1].append(last)
        return last

    def when_drained(self, callback: Callable[[], None]) -> None:
        """Call back once, when the queue is below half its high-water mark again or the connection is gone."""
        if self._closed or not self._blocked:
            callback()
        elif self._drain_callbacks is None:
            self._drain_callbacks = [callback]
        else:
            self._drain_callbacks.append(callback)

    def _push(self, data: bytes) -> None:
        if self._blocked or self._closed:
            self._enqueue(data, Priority.NORMAL)
            return
        if self._plain:
            sent = send_now(self._transport, data)
            if sent == len(data):
                return
            data = data[sent:]
        self.size += len(data)
        self._hand_over(data)

    def _enqueue(self, data: bytes, priority: Priority) -> None:
        if self._closed:
            return
        if self._lanes is None:
            self._lanes = (deque(), deque(), deque())
        self._lanes[priority].append(data)
        self.size += len(data)
        if self.size > self.hard_limit:
            self.close()
            self.on_stuck("channel_overflow")

    def _hand_over(self, data: bytes) -> None:
        self._in_transport += len(data)
        self._seen = -1
        if self._plain:
            self._block()
            self._transport.write(data)
        else:
            # Other transports say when they have enough (pauseProducing); until then what they took counts as gone.
            self._transport.write(data)
            if not self._blocked:
                self.size -= self._in_transport
                self._in_transport = 0

    # --- the transport's side ---------------------------------------------------------------------------------------
    def attach(self, transport: Any) -> None:
        """Begin to write to a connected transport."""
        self._transport = transport
        self._plain = is_plain(transport)
        transport.registerProducer(self, not self._plain)

    def detach(self) -> None:
        """Stop being the transport's producer, so that it can close in an orderly way after its last byte."""
        if self._transport is not None:
            self._transport.unregisterProducer()

    def close(self) -> None:
        """Forget everything queued: the connection is gone, or is about to be."""
        if self._closed:
            return
        self._closed = True
        self.batch.waiting.discard(self)
        self.pending = []
        waiters = self._waiters or []
        for lane in self._lanes or ():
            waiters.extend(item for item in lane if isinstance(item, Deferred))
        self._waiters = self._lanes = None
        self.size = self._in_transport = self._pending_size = 0
        for waiter in waiters:
            waiter.callback(False)
        self._tell_drained()

    def stalled(self, now: float, timeout: float) -> bool:
        """Whether bytes wait and not one has left, the kernel included, for `timeout` seconds; asked once a second."""
        if not self._blocked or self._closed:
            return False
        remaining = backlog(self._transport)
        if remaining is None:
            remaining = self._in_transport
        remaining += in_kernel(self._transport) or 0
        if remaining != self._seen:
            self._seen = remaining
            self._stalled_since = now
            return False
        return now - self._stalled_since >= timeout

    def pauseProducing(self) -> None:
        self._block()

    def stopProducing(self) -> None:
        self.close()

    def resumeProducing(self) -> None:
        if not self._blocked or self._closed:
            return
        self._blocked = False
        self.batch.waiting.discard(self)
        self.size -= self._in_transport
        self._in_transport = 0
        waiters, self._waiters = self._waiters, None
        for waiter in (*(waiters or ()), *self._write_next()):
            waiter.callback(True)
        if self.size <= self.high_water // 2:
            self._tell_drained()

    def _write_next(self) -> list[Deferred[bool]]:
        """Hand over what may leave now; gives those who waited for what has left."""
        due: list[Deferred[bool]] = []
        while self._lanes is not None and not self._blocked:
            chunk, gone, leaving = self._take_chunk(self._lanes)
            due += gone
            if chunk:
                self._hand_over(b"".join(chunk))
            else:
                self._lanes = None
            for waiter in leaving:
                if self._blocked:
                    self._wait(waiter)
                else:
                    due.append(waiter)
        return due

    @staticmethod
    def _take_chunk(
        lanes: tuple[_Lane, _Lane, _Lane],
    ) -> tuple[list[bytes], list[Deferred[bool]], list[Deferred[bool]]]:
        """(bytes to write, who waited for bytes before them, who waits for them)."""
        chunk: list[bytes] = []
        gone: list[Deferred[bool]] = []
        leaving: list[Deferred[bool]] = []
        size = 0
        for lane in lanes:
            while lane and size < limits.WRITE_CHUNK:
                item = lane.popleft()
                if isinstance(item, Deferred):
                    (leaving if chunk else gone).append(item)
                else:
                    chunk.append(item)
                    size += len(item)
        return chunk, gone, leaving

    def _block(self) -> None:
        self._blocked = True
        self.batch.waiting.add(self)

    def _wait(self, waiter: Deferred[bool]) -> None:
        if self._waiters is None:
            self._waiters = []
        self._waiters.append(waiter)

    def _tell_drained(self) -> None:
        callbacks, self._drain_callbacks = self._drain_callbacks, None
        for callback in callbacks or ():
            callback()
