"""How waiting messages are handed over, as two machines: `HandOver` for one user at the server, `Inbox` for a client.

Neither knows a store or a connection: they say what is to be done, and are told what became of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum, auto
from typing import NamedTuple, TypeAlias

from esframework import limits
from esframework.interfaces import StoredMessage


# --- what a hand-over wants done --------------------------------------------------------------------------------------
class Fetch(NamedTuple):
    """Ask the store for the next messages behind a number; tell `fetched` or `store_failed`."""

    after: int


class Count(NamedTuple):
    """Have the store count these as handed out; tell `counted` or `store_failed`."""

    numbers: tuple[int, ...]


class HandOut(NamedTuple):
    """Send these to the device; tell `acknowledged` when it has."""

    device: str
    messages: tuple[StoredMessage, ...]


class Delete(NamedTuple):
    """Have the store delete these; tell `deleted` or `delete_failed`."""

    numbers: tuple[int, ...]


class CaughtUp(NamedTuple):
    """Tell the devices that nothing waits any more."""

    devices: tuple[str, ...]


Action: TypeAlias = Fetch | Count | HandOut | Delete | CaughtUp


class State(Enum):
    """What a hand-over waits for."""

    WANT_DEVICE = auto()
    WANT_MESSAGES = auto()
    WANT_COUNT = auto()
    WANT_ACKNOWLEDGEMENTS = auto()
    WANT_NEWS = auto()
    WANT_STORE = auto()


class HandOver:
    """One user's messages on their way to the first device that said it was ready; the others wait their turn.

    Messages are counted as handed out before they leave, so that one which is not marked was never given to anybody.
    What a device refuses stays, and is passed over until a device says that it is ready again. Of the store one thing
    is asked at a time, beside one deletion.
    """

    __slots__ = (
        "state",
        "_devices",
        "_after",
        "_asked_after",
        "_from_the_start",
        "_has_news",
        "_batch",
        "_out",
        "_done",
        "_deleting",
    )

    def __init__(self) -> None:
        self.state = State.WANT_DEVICE
        self._devices: list[str] = []
        self._after = 0
        self._asked_after = 0
        self._from_the_start = False
        self._has_news = False
        self._batch: tuple[StoredMessage, ...] = ()
        self._out: dict[int, StoredMessage] = {}
        self._done: set[int] = set()
        self._deleting: tuple[int, ...] = ()

    @property
    def is_over(self) -> bool:
        """Whether nobody is there and nothing is to be done: it can be forgotten."""
        return self.state is State.WANT_DEVICE and not self._done and not self._deleting

    # --- devices ------------------------------------------------------------------------------------------------------
    def ready(self, device: str) -> list[Action]:
        """A device can take messages; saying so again asks for those that it refused."""
        if device not in self._devices:
            self._devices.append(device)
        if device != self._devices[0]:
            return [CaughtUp((device,))] if self.state is State.WANT_NEWS else []
        self._from_the_start = True
        return self._look() if self.state in (State.WANT_DEVICE, State.WANT_NEWS) else []

    def left(self, device: str) -> list[Action]:
        """A device is gone; what it had not acknowledged goes to the next one."""
        if device not in self._devices:
            return []
        was_first = device == self._devices[0]
        self._devices.remove(device)
        if not was_first:
            return []
        self._out.clear()
        self._from_the_start = True
        return self._look() if self.state in (State.WANT_ACKNOWLEDGEMENTS, State.WANT_NEWS) else []

    def acknowledged(
        self, device: str, handled: Iterable[int], refused: Iterable[int] = ()
    ) -> tuple[list[StoredMessage], list[Action]]:
        """The device has handled these, and will not handle those; what it has not been given does not count.

        Returns the messages that were handled, and what is to be done.
        """
        if not self._devices or device != self._devices[0] or not self._out:
            return [], []
        over = [self._out.pop(number) for number in handled if number in self._out]
        for number in refused:
            self._out.pop(number, None)
        self._done.update(message.number for message in over)
        return over, [*self._delete(), *([] if self._out else self._look())]

    # --- the store ----------------------------------------------------------------------------------------------------
    def stirred(self) -> list[Action]:
        """Another message was kept for the user."""
        self._has_news = True
        return self._look() if self.state is State.WANT_NEWS else []

    def fetched(self, messages: Sequence[StoredMessage], now: float) -> list[Action]:
        """The next messages; none, when nothing waits behind the last. Those that have expired are passed over."""
        if not self._devices or self._from_the_start:
            return self._look()
        if not messages:
            return self._look() if self._has_news else self._caught_up()
        self._after = messages[-1].number
        known = self._done.union(self._deleting)
        due = tuple(one for one in messages if one.number not in known and one.expires_at > now)
        if not due:
            return self._look()
        self._batch = due
        self.state = State.WANT_COUNT
        return [Count(tuple(one.number for one in due))]

    def counted(self) -> list[Action]:
        """The store has counted the batch as handed out: it may go."""
        batch, self._batch = self._batch, ()
        if not self._devices or self._from_the_start:
            return self._look()
        self._out = {one.number: one for one in batch}
        self.state = State.WANT_ACKNOWLEDGEMENTS
        return [HandOut(self._devices[0], batch)]

    def store_failed(self) -> None:
        """The store could not do what it was asked; `retry` asks again."""
        self._batch = ()
        self._after = self._asked_after
        self.state = State.WANT_STORE if self._devices else State.WANT_DEVICE

    def deleted(self) -> list[Action]:
        """What was acknowledged is deleted."""
        self._deleting = ()
        return self._delete()

    def delete_failed(self) -> None:
        """It is not; `retry` tries again, and nobody gets it meanwhile."""
        self._done.update(self._deleting)
        self._deleting = ()

    def retry(self) -> list[Action]:
        """The store may be asked again."""
        return [*self._delete(), *(self._look() if self.state is State.WANT_STORE else [])]

    # --- steps --------------------------------------------------------------------------------------------------------
    def _look(self) -> list[Action]:
        if not self._devices:
            self.state = State.WANT_DEVICE
            return []
        if self._from_the_start:
            self._after = 0
        self._from_the_start = self._has_news = False
        self._asked_after = self._after
        self.state = State.WANT_MESSAGES
        return [Fetch(self._after)]

    def _caught_up(self) -> list[Action]:
        self.state = State.WANT_NEWS
        return [CaughtUp(tuple(self._devices))]

    def _delete(self) -> list[Action]:
        if self._deleting or not self._done:
            return []
        self._deleting = tuple(sorted(self._done))
        self._done.clear()
        return [Delete(self._deleting)]


class Inbox:
    """What a client has been handed: no message is handled twice by one process, however often it comes.

    `session` counts the connections: what waited for its turn on an earlier one is left to the next delivery.
    """

    def __init__(self, remembered: int = limits.OFFLINE_REMEMBERED) -> None:
        self.session = 0
        self._remembered = remembered
        self._queued: dict[str, int] = {}
        self._running: dict[str, int | None] = {}
        self._handled: dict[str, None] = {}
        self._report: tuple[list[int], list[int]] = ([], [])

    def arrived(self, id: str, number: int) -> bool:
        """A message came; whether it is to be given to the handler."""
        if id in self._handled:
            self._report[0].append(number)
            return False
        if id in self._running:
            self._running[id] = number
            return False
        is_new = id not in self._queued
        self._queued[id] = number
        return is_new

    def begun(self, id: str, session: int) -> bool:
        """It is a message's turn, which came in this session; whether it is still to be handled."""
        if session != self.session or id not in self._queued:
            return False
        self._running[id] = self._queued.pop(id)
        return True

    def finished(self, id: str, was_handled: bool) -> None:
        """Its handler has returned, or raised."""
        number = self._running.pop(id)
        if was_handled:
            self._remember(id)
        if number is not None:
            self._report[0 if was_handled else 1].append(number)

    def passed_over(self, id: str, number: int, was_handled: bool) -> None:
        """It is not for the handler: handled before elsewhere, or nobody handles anything."""
        self._report[0 if was_handled else 1].append(number)

    def take_report(self) -> tuple[list[int], list[int]]:
        """Numbers to acknowledge and to refuse since the last call."""
        report, self._report = self._report, ([], [])
        return report

    def connection_lost(self) -> None:
        """What was not reported comes again; what is being handled goes on."""
        self.session += 1
        self._queued.clear()
        self._running = dict.fromkeys(self._running)
        self._report = ([], [])

    def forget(self) -> None:
        """Another account may log on, whose ids are others."""
        self.connection_lost()
        self._handled.clear()

    def _remember(self, id: str) -> None:
        self._handled[id] = None
        while len(self._handled) > self._remembered:
            del self._handled[next(iter(self._handled))]
