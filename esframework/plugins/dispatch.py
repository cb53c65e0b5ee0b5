"""Message type to handler, one dictionary; and what managers registered besides. Knows no feature."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from esframework.errors import PluginError
from esframework.interfaces import (
    AddressedHandler,
    Handler,
    ISender,
    LogOnRequest,
    Registrations,
    Undeliverable,
    Verify,
    VerifyBefore,
)
from esframework.wire.login_id import Source

_log = Logger()


class Dispatcher:
    """What the installed managers of one engine handle.

    `handlers` is read for every frame; it changes only while managers are installed or removed.
    """

    def __init__(self) -> None:
        self.handlers: dict[int, Handler] = {}
        self.addressed: dict[int, AddressedHandler] = {}
        self.relayable: set[int] = set()
        self.views: set[int] = set()
        self.direct: dict[int, int] = {}
        self.undeliverable: dict[int, Undeliverable] = {}
        self._halves: dict[str, Registrations] = {}

    def install(self, name: str, half: Registrations) -> None:
        """Install a manager's half; raises PluginError, with nothing changed, when a type is taken already."""
        for message_type in (*half.handlers, *half.addressed, *half.undeliverable):
            owner = self._owner_of(message_type, half)
            if owner is not None:
                raise PluginError(f"manager {name!r} wants message type {message_type}, which {owner!r} serves")
        self._halves[name] = half
        self.handlers.update(half.handlers)
        self.addressed.update(half.addressed)
        self.undeliverable.update(half.undeliverable)
        self.relayable |= half.relayable
        self.views |= half.views
        self.direct.update(half.direct)

    def start(self) -> None:
        """The engine opens: start the managers, those they require first; one that fails is logged."""
        for name, half in self._halves.items():
            try:
                if half.start is not None:
                    half.start()
            except Exception:
                _log.failure("starting the manager {name} failed", name=name)

    def stop(self) -> None:
        """The engine has closed: stop the managers, the last installed first; one that fails is logged."""
        for name, half in reversed(self._halves.items()):
            try:
                if half.stop is not None:
                    half.stop()
            except Exception:
                _log.failure("stopping the manager {name} failed", name=name)

    def finish(self) -> list[Deferred[None]]:
        """The engine is to close: let managers end what takes time; one that fails is logged."""
        finishing: list[Deferred[None]] = []
        for name, half in reversed(self._halves.items()):
            try:
                if half.finish is not None:
                    finishing.append(half.finish())
            except Exception:
                _log.failure("finishing the manager {name} failed", name=name)
        return finishing

    def channel_lost(self, link: Any) -> None:
        """A client's link has no channel any more; a manager that fails is logged."""
        self._tell_of_link(link, lambda half: half.channel_lost)

    def device_away(self, link: Any) -> None:
        """The other end of a client's link is not logged on; a manager that fails is logged."""
        self._tell_of_link(link, lambda half: half.device_away)

    def _tell_of_link(self, link: Any, hook: Callable[[Registrations], Callable[[Any], None] | None]) -> None:
        for name, half in self._halves.items():
            try:
                told = hook(half)
                if told is not None:
                    told(link)
            except Exception:
                _log.failure("telling the manager {name} what became of a channel failed", name=name)

    def facade(self, name: str) -> object:
        """What a manager shows of itself; raises PluginError for one that is not installed."""
        half = self._halves.get(name)
        if half is None:
            raise PluginError(f"manager {name!r} is not installed; installed are {sorted(self._halves)}")
        return half.facade

    def is_offered(self, name: str) -> bool:
        """Whether an installed manager's facade is of any use now."""
        half = self._halves[name]
        return half.is_offered is None or half.is_offered()

    def names(self) -> list[str]:
        """Installed managers, in the order of installation."""
        return list(self._halves)

    def features(self) -> list[str]:
        """What a server announces: installed managers, and what they can besides."""
        return [*self._halves, *sorted(feature for half in self._halves.values() for feature in half.features)]

    def sweep(self, now: float) -> None:
        """Call what managers want called about once a second."""
        for manager, half in self._halves.items():
            try:
                if half.sweep is not None:
                    half.sweep(now)
            except Exception:
                _log.failure("the sweep of the manager {manager} failed", manager=manager)

    def logged_on(self, sender: ISender) -> None:
        """Tell the managers that a peer is there; those that others require hear of it first."""
        for manager, half in self._halves.items():
            try:
                if half.logged_on is not None:
                    half.logged_on(sender)
            except Exception:
                _log.failure("the manager {manager} failed to hear of {sender}", manager=manager, sender=sender)

    def logged_off(self, source: Source | None) -> None:
        """Tell the managers that a peer is gone."""
        for manager, half in self._halves.items():
            try:
                if half.logged_off is not None:
                    half.logged_off(source)
            except Exception:
                _log.failure("the manager {manager} failed to hear that {name} is gone", manager=manager, name=source)

    def verify(self, request: LogOnRequest, verify: Verify) -> Any:
        """What the managers, in their order, and behind them `verify` say of a log-on; may be awaited."""
        ask = verify
        for half in reversed(self._halves.values()):
            if half.verify is not None:
                ask = _before(half.verify, ask)
        return ask(request)

    def is_administrator(self, user_id: str) -> bool:
        """Whether a manager knows a user as an administrator; one that fails does not."""
        for manager, half in self._halves.items():
            try:
                if half.is_administrator is not None and half.is_administrator(user_id) is True:
                    return True
            except Exception:
                _log.failure("the manager {manager} failed to say who is an administrator", manager=manager)
        return False

    def _owner_of(self, message_type: int, newcomer: Registrations) -> str | None:
        for name, half in self._halves.items():
            for mine, theirs in (
                (newcomer.handlers, half.handlers),
                (newcomer.addressed, half.addressed),
                (newcomer.undeliverable, half.undeliverable),
            ):
                if message_type in mine and message_type in theirs:
                    return name
        return None


def _before(verify: VerifyBefore, ask: Verify) -> Verify:
    return lambda request: verify(request, ask)
