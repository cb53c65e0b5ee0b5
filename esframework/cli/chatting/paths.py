"""By which way a chat reaches those with whom its user talks: opened when they talk, or asked for, and told when it
changes, in one line."""

from __future__ import annotations

from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure

from esframework.cli.channelling.ways import BY_SERVER, place, way_of, way_to
from esframework.cli.chatting.screen import Screen
from esframework.cli.chatting.wishes import ListPaths, OpenPath, ServerPath
from esframework.cli.information import name_of
from esframework.errors import EsError, NoP2PChannel
from esframework.wire.login_id import bare_id
from esframework.wire.types import P2PChannelMode

_SETTLED: Final = 1.0
"""Seconds after which a change is told: where two kinds of channels open, the better one is there by then."""


class Paths:
    """One user's channels through a client engine. `is_automatic`: they are opened to whomever is talked to."""

    def __init__(self, client: Any, screen: Screen, is_automatic: bool) -> None:
        self._client = client
        self._screen = screen
        self._is_automatic = is_automatic
        self._told: dict[str, str] = {}
        self._settling: dict[str, IDelayedCall] = {}
        self._wanted: set[str] = set()
        p2p = client.manager("p2p")
        self.subscriptions = [
            p2p.channel_opened.subscribe(self._changed),
            p2p.channel_closed.subscribe(self._changed),
        ]
        self.wishes = {ListPaths: self._list, OpenPath: self._open, ServerPath: self._close}

    def leave(self) -> None:
        """Tell nothing more."""
        for timer in self._settling.values():
            timer.cancel()
        self._settling.clear()

    def way_to(self, target: str) -> str:
        """In words, for the line that is typed."""
        return way_to(self._client, target)

    def talked_to(self, target: str) -> None:
        """Somebody was reached: a channel to them is worth while, if that is meant. What becomes of it is told when it
        opens, and not when it does not."""
        if not self._is_automatic or target in self._wanted or self._client.p2p is None:
            return
        self._wanted.add(target)
        connecting: Deferred[Any] = self._client.p2p.connect(target)
        connecting.addErrback(_none_yet)

    # --- what is asked for --------------------------------------------------------------------------------------------
    async def _list(self, wish: ListPaths) -> None:
        states = self._p2p().channel_states()
        for state in states.values():
            self._screen.answer(f"{name_of(state.user_id)}: {way_of(state)}, {place(state.address)}", **_facts(state))
        if not states:
            self._screen.answer(f"everything goes {BY_SERVER}; /p2p NAME opens a channel", channels=[])

    async def _open(self, wish: OpenPath) -> None:
        self._wanted.add(wish.target)
        state = await self._p2p().connect(wish.target)
        self._told[state.user_id] = state.protocol
        self._screen.answer(f"{name_of(state.user_id)}: {way_of(state)}", **_facts(state))

    async def _close(self, wish: ServerPath) -> None:
        # Not to be opened again by the next line; nor is it by the other end, see `ClientP2P.disconnect`.
        self._wanted.add(wish.target)
        self._p2p().disconnect(wish.target)
        self._told.pop(bare_id(wish.target), None)
        self._screen.answer(f"{name_of(wish.target)}: {BY_SERVER}", user=wish.target, way="server")

    def _p2p(self) -> Any:
        if self._client.p2p is None:
            raise NoP2PChannel(f"this server offers no P2P; everything goes {BY_SERVER}")
        if self._client.p2p.mode is P2PChannelMode.NONE:
            raise NoP2PChannel(f"with --no-p2p everything goes {BY_SERVER}")
        return self._client.p2p

    # --- what happens -------------------------------------------------------------------------------------------------
    def _changed(self, state: Any) -> None:
        if state.user_id not in self._settling:
            self._settling[state.user_id] = self._client.reactor.callLater(_SETTLED, self._tell, state.user_id)

    def _tell(self, user_id: str) -> None:
        del self._settling[user_id]
        p2p = self._client.p2p
        states = {} if p2p is None else p2p.channel_states()
        state = next((each for each in states.values() if each.user_id == user_id), None)
        protocol = None if state is None else state.protocol
        if protocol == self._told.get(user_id):
            return
        if state is None:
            del self._told[user_id]
            text, facts = f"{BY_SERVER} again", {"user": user_id, "way": "server"}
        else:
            self._told[user_id] = state.protocol
            text, facts = way_of(state), _facts(state)
        self._screen.note(f"{name_of(user_id)}: {text}", **facts, event="way_changed")


def _none_yet(failure: Failure) -> None:
    """It goes by the server, as before; the engine tries again."""
    failure.trap(EsError)


def _facts(state: Any) -> dict[str, Any]:
    """For scripts."""
    return {
        "user": state.user_id,
        "way": state.protocol,
        "address": place(state.address),
        "rtt_ms": round(state.round_trip * 1000, 3),
    }
