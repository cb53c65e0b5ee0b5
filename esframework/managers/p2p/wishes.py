"""Which channels the application wants, who waits for them, and when each is tried again.

Refuses to know how channels come about, and which there are.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall

from esframework import limits
from esframework.errors import P2PConnectFailed
from esframework.managers.p2p.state import ChannelState
from esframework.rudp.retry import Retry


class _Wish:
    """A channel that the application wants, and when it is tried again."""

    def __init__(self) -> None:
        self.retry = Retry(lambda: os.urandom(1)[0] / 255)
        self.timer: IDelayedCall | None = None
        self.waiting: list[Deferred[ChannelState]] = []

    def cancel(self) -> None:
        if self.timer is not None and self.timer.active():
            self.timer.cancel()
        self.timer = None

    def tell(self, outcome: ChannelState | P2PConnectFailed) -> None:
        waiting, self.waiting = self.waiting, []
        for each in waiting:
            each.callback(outcome) if isinstance(outcome, ChannelState) else each.errback(outcome)


class Wishes:
    """By user id, as the application names them: an account's or a device's. `offer(user_id)` begins an attempt,
    `again(user_id)` is called when it is time for another; `keeps_trying` as in the options."""

    def __init__(
        self, reactor: Any, keeps_trying: bool, offer: Callable[[str], None], again: Callable[[str], None]
    ) -> None:
        self._reactor = reactor
        self._keeps_trying = keeps_trying
        self._offer = offer
        self._again = again
        self._wishes: dict[str, _Wish] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._wishes))

    def want(self, user_id: str) -> None:
        """Remember that a channel to a user or device is wanted."""
        self._wishes.setdefault(user_id, _Wish())

    def wait(self, user_id: str) -> Deferred[ChannelState]:
        """Fires when the channel that is wanted is open, fails when the attempt has failed that is under way, or that
        begins with this."""
        wish = self._wishes[user_id]
        waiting: Deferred[ChannelState] = Deferred()
        wish.waiting.append(waiting)
        if len(wish.waiting) == 1:
            self._offer(user_id)
        return waiting

    def opened(self, user_ids: Iterable[str], state: ChannelState) -> None:
        """There is a channel, which these names mean."""
        # Whoever is told may give up another one.
        for wish in [self._wishes[user_id] for user_id in self._wishes.keys() & set(user_ids)]:
            wish.cancel()
            wish.retry.reset()
            wish.tell(state)

    def lost(self, user_ids: Iterable[str]) -> None:
        """There is no channel any more: it is wanted again in a moment."""
        for user_id in self._wishes.keys() & set(user_ids):
            if self._keeps_trying:
                self._try_after(user_id, limits.P2P_SOON_AGAIN)

    def failed(self, user_id: str, error: P2PConnectFailed) -> bool:
        """An attempt has failed: who waits is told, and it is tried again later; False if nobody wants the channel."""
        wish = self._wishes.get(user_id)
        if wish is None:
            return False
        if self._keeps_trying:
            now = self._reactor.seconds()
            self._try_after(user_id, wish.retry.failed(now) - now)
        wish.tell(error)
        return True

    def try_now(self, exists: Callable[[str], bool], is_new_place: bool = False) -> None:
        """Whatever is wanted, does not exist and is not being tried may succeed now; at a new place also what has
        failed there before and waits for its turn."""
        for user_id, wish in self._wishes.items():
            if is_new_place:
                wish.retry.reset()
            if not exists(user_id) and not wish.waiting and (is_new_place or wish.timer is None):
                self._try_after(user_id, 0.0)

    def _try_after(self, user_id: str, seconds: float) -> None:
        wish = self._wishes[user_id]

        def again() -> None:
            wish.timer = None
            self._again(user_id)

        wish.cancel()
        wish.timer = self._reactor.callLater(seconds, again)

    def give_up(self, user_id: str, why: str) -> None:
        """A channel is not wanted any more; who waits for it is told. Harmless for one that is not wanted."""
        wish = self._wishes.pop(user_id, None)
        if wish is not None:
            wish.cancel()
            wish.tell(P2PConnectFailed(f"no channel to {user_id!r}: {why}"))
