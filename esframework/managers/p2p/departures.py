"""Who waits until what a link was given has left this machine, or until there is room for more. Knows no record.

A channel says when it is not busy any more, and not when what was written has left: as long as somebody waits for
that, it is looked at now and then, the first time at the end of the turn in which it was written.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from esframework import limits
from esframework.errors import NotLoggedOn
from esframework.managers.p2p.machine.sending import Sender, State
from esframework.net.channels import MESSAGES, STREAMS
from esframework.wire.types import Priority

_BULK = STREAMS[1:]


class _Waiter:
    """`mark` is how many bytes of the streams must have left; None: as many as leave room for more."""

    def __init__(self, streams: tuple[int, ...], mark: int | None) -> None:
        self.streams = streams
        self.mark = mark
        self.fired: Deferred[bool] = Deferred()


class Departures:
    """Of one link. `server()` is the session's own way, and raises NotLoggedOn; `is_busy()`, whether the link is."""

    def __init__(
        self,
        clock: IReactorTime,
        sender: Sender,
        login_id: str,
        is_busy: Callable[[], bool],
        server: Callable[[], Any],
    ) -> None:
        self._clock = clock
        self._sender = sender
        self._login_id = login_id
        self._is_busy = is_busy
        self._server = server
        self._written = [0] * len(STREAMS)
        self._waiters: list[_Waiter] = []
        self._look: IDelayedCall | None = None

    def __len__(self) -> int:
        return len(self._waiters)

    def wrote(self, stream: int, size: int) -> None:
        """So many bytes were given to the channel in use."""
        self._written[stream] += size

    def sent(self, priority: Priority) -> Deferred[bool]:
        """See `IChannel`; while what is sent does not go by the server."""
        streams = _BULK if priority is Priority.BULK else (MESSAGES,)
        is_written = self._sender.state is State.DIRECT and not self._is_busy()
        if is_written and not self._waiting(streams):
            return succeed(True)
        return self._wait(_Waiter(streams, self._mark(streams)))

    def room(self) -> Deferred[bool]:
        """See `IChannel.ready`; while the link is busy and what is sent does not go by the server."""
        return self._wait(_Waiter(_BULK, None))

    def check(self) -> None:
        """Tell those whose bytes have left."""
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if self._sender.state is State.BY_SERVER:
                self._hand_over(waiter)
            elif self._sender.state is State.RETURNING or self._is_busy() or not self._has_left(waiter):
                self._waiters.append(waiter)
            else:
                waiter.fired.callback(True)
        if not self._waiters:
            self._stop_looking()

    def count_anew(self) -> None:
        """What was written is written again, by another channel: it has left when it has left that."""
        for waiter in self._waiters:
            if waiter.mark is not None:
                waiter.mark = self._mark(waiter.streams)

    def give_up(self) -> None:
        """Nothing leaves any more."""
        self._stop_looking()
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            waiter.fired.callback(False)

    def _wait(self, waiter: _Waiter) -> Deferred[bool]:
        self._waiters.append(waiter)
        self._look_in(0.0)
        return waiter.fired

    def _look_in(self, seconds: float) -> None:
        if self._look is None and self._sender.state is State.DIRECT:
            self._look = self._clock.callLater(seconds, self._look_now)

    def _look_now(self) -> None:
        self._look = None
        self.check()
        if self._waiters and self._sender.state is State.DIRECT:
            round_trip = float(self._sender.channel.round_trip)
            self._look_in(max(limits.P2P_SHORTEST_LOOK, min(limits.P2P_LONGEST_LOOK, round_trip / 2)))

    def _stop_looking(self) -> None:
        if self._look is not None:
            self._look.cancel()
            self._look = None

    def _mark(self, streams: tuple[int, ...]) -> int:
        return sum(self._written[each] for each in streams)

    def _waiting(self, streams: tuple[int, ...]) -> int:
        return sum(self._sender.channel.waiting(each) for each in streams)

    def _has_left(self, waiter: _Waiter) -> bool:
        if waiter.mark is None:
            return True
        return self._mark(waiter.streams) - self._waiting(waiter.streams) >= waiter.mark

    def _hand_over(self, waiter: _Waiter) -> None:
        try:
            if waiter.mark is None:
                left = self._server().ready(self._login_id) or succeed(True)
            else:
                left = self._server().sent(Priority.NORMAL if waiter.streams == (MESSAGES,) else Priority.BULK)
        except NotLoggedOn:
            waiter.fired.callback(False)
        else:
            left.addCallback(waiter.fired.callback)
