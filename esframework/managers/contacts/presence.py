"""Tells contacts who comes and goes: never in the turn of a log-on, in slices between which messages go on.

Knows who is to be told by the directory, and what was told by the ledger.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from esframework import limits
from esframework.interfaces import IServerContext
from esframework.managers.contacts.contracts import (
    FRIEND_NOTICE,
    PRESENCE_6,
    PRESENCE_7,
    FriendNotice,
    Presence6,
    Presence7,
)
from esframework.managers.contacts.directory import Directory
from esframework.managers.contacts.machine import DeviceChange, PresenceLedger
from esframework.managers.contacts.options import ContactsOptions
from esframework.plugins.hooks import Event
from esframework.plugins.quiet import Quiet
from esframework.wire.types import MessageType

_log = Logger()


class Presence:
    """The queue of notices of one server.

    `changed(user_id, is_online)` is fired when a user came or went, as often as contacts would be told of it.
    """

    def __init__(self, server: IServerContext, directory: Directory, options: ContactsOptions) -> None:
        self._server = server
        self._clock = server.clock
        self._directory = directory
        self._ledger = PresenceLedger()
        self._quiet = Quiet(server.clock)
        self._turn: IDelayedCall | None = None
        self._lookups = 0
        self._friends: set[str] = set()
        self.connected_notify = options.connected_notify
        self.disconnected_notify = options.disconnected_notify
        self.changed: Event[str, bool] = Event("contacts.presence_changed")
        self.told = 0
        self._ends = False
        server.closing.subscribe(self.stop)

    def start(self) -> None:
        """The server opens."""
        self._ends = False

    def device_changed(self, user_id: str) -> None:
        """A device of the user came or went."""
        if self._ends:
            # Everybody goes; there is nobody to be told.
            return
        self._ledger.changed(user_id)
        self._wake()
        if self._friends and not self._server.users.is_online(user_id):
            self._friends.discard(user_id)

    def asks_for_friends(self, user_id: str) -> None:
        """The user's client of generation 6 speaks of friends: it is told by the older message."""
        self._friends.add(user_id)

    def introduce(self, one: str, other: str) -> None:
        """Two users are contacts now: each hears of the other's devices."""
        for about, receiver in ((one, other), (other, one)):
            for number, device in enumerate(self._devices(about)):
                self._send(about, DeviceChange(device, True, number == 0), [receiver])

    def part(self, one: str, other: str) -> None:
        """Two users are contacts no more: to each the other is gone."""
        for about, receiver in ((one, other), (other, one)):
            for device in self._devices(about)[:1]:
                self._send(about, DeviceChange(device, False, True), [receiver])

    def sweep(self, now: float) -> None:
        """Those who were told of long enough ago may be told of again."""
        self._ledger.ripen(now)
        self._wake()

    def stop(self) -> None:
        """The server closes: tell nobody any more."""
        self._ends = True
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
        self._ledger = PresenceLedger()
        self._friends.clear()

    # --- the queue --------------------------------------------------------------------------------------------------
    def _wake(self) -> None:
        if self._turn is None and len(self._ledger) and self._lookups < limits.LOOKUPS_AT_ONCE:
            self._turn = self._clock.callLater(0, self._work)

    def _work(self) -> None:
        self._turn = None
        self._server.router.gathered(self._tell_some)
        self._wake()

    def _tell_some(self) -> None:
        now, left = self._clock.seconds(), limits.PRESENCE_PER_TURN
        while left > 0 and self._lookups < limits.LOOKUPS_AT_ONCE:
            user_id = self._ledger.pop(now)
            if user_id is None:
                return
            left -= 1
            if not self._ledger.differs(user_id, self._devices(user_id)):
                continue
            contacts = self._contacts_to_tell(user_id)
            if isinstance(contacts, Deferred):
                self._lookups += 1
                contacts.addCallback(self._found, user_id, self._ledger)
                contacts.addErrback(self._failed, user_id)
            else:
                left -= self._tell(user_id, contacts)

    def _contacts_to_tell(self, user_id: str) -> Sequence[str] | Deferred[Sequence[str]]:
        crowd = self._server.users.count
        if self._directory.is_everybody and crowd > limits.EVERYBODY_MOST:
            if self._quiet.admits("crowd") is not None:
                _log.info(
                    "{crowd} users are online: on a server where everybody is everybody's contact, nobody is told who "
                    "comes and goes when there are more than {most}",
                    crowd=crowd,
                    most=limits.EVERYBODY_MOST,
                )
            return ()
        return self._directory.contacts_of(user_id)

    def _found(self, contacts: Sequence[str], user_id: str, ledger: PresenceLedger) -> None:
        self._lookups -= 1
        if ledger is self._ledger:
            self._server.router.gathered(lambda: self._tell(user_id, contacts))
            self._wake()

    def _failed(self, failure: Any, user_id: str) -> None:
        _log.failure("the contacts of {name!r} could not be told of it", failure, name=user_id)

    # --- telling ----------------------------------------------------------------------------------------------------
    def _devices(self, user_id: str) -> list[int]:
        return [user.device for user in self._server.users.devices_of(user_id)]

    def _tell(self, user_id: str, contacts: Sequence[str]) -> int:
        told = 0
        for change in self._ledger.update(user_id, self._devices(user_id)):
            if not (self.connected_notify if change.online else self.disconnected_notify):
                continue
            told += self._send(user_id, change, contacts)
            if change.is_all:
                self.changed.fire(user_id, change.online)
        return told

    def _send(self, user_id: str, change: DeviceChange, receivers: Sequence[str]) -> int:
        message_type = MessageType.CONTACT_ONLINE if change.online else MessageType.CONTACT_OFFLINE

        def body_for(generation: int, is_ours: bool) -> tuple[int, bytes] | None:
            if generation == 7 or is_ours:
                return message_type, PRESENCE_7.encode(Presence7(change.is_all, change.device, user_id))
            return (message_type, PRESENCE_6.encode(Presence6(user_id))) if change.is_all else None

        def friends_body(generation: int, is_ours: bool) -> tuple[int, bytes] | None:
            if generation == 7 or is_ours or not change.is_all:
                return body_for(generation, is_ours)
            return MessageType.FRIEND_NOTICE, FRIEND_NOTICE.encode(FriendNotice(change.online, user_id))

        router, friends = self._server.router, self._friends
        if not friends:
            told = router.notify(receivers, body_for)
        else:
            told = router.notify([each for each in receivers if each not in friends], body_for)
            told += router.notify([each for each in receivers if each in friends], friends_body)
        self.told += told
        return int(told)
