"""Which file goes to which device next, and what is on its way in, as machines. They know no store and no connection:
they say what is to be done, and are told what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import Enum, auto
from math import inf
from typing import NamedTuple, TypeAlias

from esframework import limits
from esframework.interfaces import FileUsage, StoredFile


# --- what a hand-over wants done --------------------------------------------------------------------------------------
class Fetch(NamedTuple):
    """Ask the store for the next files behind a number; tell `fetched` or `store_failed`."""

    after: int


class Offer(NamedTuple):
    """Offer this to the device; tell `ended`."""

    device: str
    file: StoredFile


class Remove(NamedTuple):
    """Have the store forget this file; tell `removed` or `remove_failed`."""

    file: StoredFile


Action: TypeAlias = Fetch | Offer | Remove


class Ending(Enum):
    """How an offer ended."""

    RECEIVED = auto()
    """The receiver has all of it."""

    REFUSED = auto()
    """It is not wanted."""

    NOT_NOW = auto()
    """The receiver broke it off, or nobody there takes files: not again before the device says that it is ready."""

    GONE = auto()
    """The device is not there any more."""

    FAILED = auto()
    """Anything else: worth another try after a while."""

    @property
    def is_settled(self) -> bool:
        """Whether the file has served its time."""
        return self in (Ending.RECEIVED, Ending.REFUSED)


class State(Enum):
    """What a hand-over waits for."""

    WANT_DEVICE = auto()
    WANT_FILES = auto()
    WANT_ENDING = auto()
    WANT_NEWS = auto()
    WANT_STORE = auto()


class HandOver:
    """One user's files on their way to the user's devices: one after another, each to the first that is ready for it.

    `retry` are the seconds before what failed is tried again.
    """

    __slots__ = (
        "state",
        "_retry",
        "_page",
        "_devices",
        "_after",
        "_from_the_start",
        "_offered",
        "_not_before",
        "_settled",
        "_unremoved",
        "_retry_at",
    )

    def __init__(self, retry: float, page: int = limits.OFFLINE_PAGE) -> None:
        self.state = State.WANT_DEVICE
        self._retry = retry
        self._page = page
        self._devices: list[str] = []
        self._after = 0
        self._from_the_start = False
        self._offered: Offer | None = None
        self._not_before: dict[tuple[int, str], float] = {}
        self._settled: set[int] = set()
        self._unremoved: list[StoredFile] = []
        self._retry_at: float | None = None

    @property
    def is_over(self) -> bool:
        """Whether nobody is there and nothing is to be done: it can be forgotten."""
        return self.state is State.WANT_DEVICE and not self._settled

    @property
    def offered(self) -> Offer | None:
        """What is with a device now."""
        return self._offered

    @property
    def wakes_at(self) -> float | None:
        """When `woken` is to be told next, None: never."""
        times = [time for time in self._not_before.values() if time < inf]
        if self._retry_at is not None:
            times.append(self._retry_at)
        return min(times, default=None)

    # --- devices ------------------------------------------------------------------------------------------------------
    def ready(self, device: str) -> list[Action]:
        """A device can take files; saying so again asks for those that it broke off."""
        if device not in self._devices:
            self._devices.append(device)
        self._forget_device(device)
        return self.stirred()

    def left(self, device: str) -> None:
        """A device is gone. How the offer ended that it may have had is told besides."""
        if device in self._devices:
            self._devices.remove(device)
            self._forget_device(device)
        if not self._devices and self.state in (State.WANT_NEWS, State.WANT_STORE):
            self.state = State.WANT_DEVICE

    def stirred(self) -> list[Action]:
        """There may be something new for the user."""
        self._from_the_start = True
        return self._look() if self.state in (State.WANT_DEVICE, State.WANT_NEWS) else []

    def ended(self, ending: Ending, now: float) -> list[Action]:
        """How the offer ended."""
        assert self._offered is not None
        (device, file), self._offered = self._offered, None
        if ending.is_settled:
            return [*self.settled(file), *self._look()]
        if ending is Ending.GONE:
            self.left(device)
        elif device in self._devices:
            self._not_before[file.number, device] = inf if ending is Ending.NOT_NOW else now + self._retry
        return self._look()

    # --- the store ----------------------------------------------------------------------------------------------------
    def fetched(self, files: Sequence[StoredFile], now: float) -> list[Action]:
        """The next files; fewer than a page when nothing is behind the last."""
        if not self._devices or self._from_the_start:
            return self._look()
        for file in files:
            device = self._device_for(file, now)
            if device is not None:
                self.state = State.WANT_ENDING
                self._offered = Offer(device, file)
                return [self._offered]
        if len(files) >= self._page:
            self._after = files[-1].number
            return [Fetch(self._after)]
        self.state = State.WANT_NEWS
        return []

    def store_failed(self, now: float) -> None:
        """The store could not say what there is; `woken` asks again."""
        self.state = State.WANT_STORE if self._devices else State.WANT_DEVICE
        self._retry_at = now + self._retry

    def settled(self, file: StoredFile) -> list[Action]:
        """A device has said that it has received this, or does not want it."""
        if file.number in self._settled:
            return []
        self._settled.add(file.number)
        return [Remove(file)]

    def removed(self, file: StoredFile) -> None:
        """The store has forgotten it."""
        self._settled.discard(file.number)

    def remove_failed(self, file: StoredFile, now: float) -> None:
        """It has not; nobody gets it meanwhile, and `woken` tries again."""
        self._unremoved.append(file)
        self._retry_at = now + self._retry

    def woken(self, now: float) -> list[Action]:
        """Time has come for what was to be tried again."""
        self._not_before = {key: time for key, time in self._not_before.items() if time > now}
        removes: list[Action] = []
        if self._retry_at is not None and self._retry_at <= now:
            self._retry_at = None
            removes, self._unremoved = [Remove(file) for file in self._unremoved], []
        look = self.state is State.WANT_NEWS or (self.state is State.WANT_STORE and self._retry_at is None)
        return [*removes, *(self._look() if look else [])]

    # --- steps --------------------------------------------------------------------------------------------------------
    def _look(self) -> list[Action]:
        self.state = State.WANT_FILES if self._devices else State.WANT_DEVICE
        self._after, self._from_the_start = 0, False
        return [Fetch(0)] if self._devices else []

    def _device_for(self, file: StoredFile, now: float) -> str | None:
        if file.number in self._settled or file.expires_at <= now:
            return None
        return next((device for device in self._devices if (file.number, device) not in self._not_before), None)

    def _forget_device(self, device: str) -> None:
        self._not_before = {key: time for key, time in self._not_before.items() if key[1] != device}


class Arrivals:
    """What is on its way in: it counts as kept until it is, or is given up. So does what broken transfers left behind,
    as far as that is known, for its sender and in all."""

    def __init__(self) -> None:
        self._coming: dict[str, tuple[str, str | None, int]] = {}
        self._broken: dict[str | None, int] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._coming

    @property
    def keys(self) -> frozenset[str]:
        """Of all that is on its way."""
        return frozenset(self._coming)

    @property
    def bytes(self) -> int:
        """What is coming, as if nothing of it were here."""
        return sum(size for _, _, size in self._coming.values())

    def add(self, key: str, target: str, source: str | None, size: int, resumed: int = 0) -> None:
        """A file is coming; it goes on with so many bytes of a broken transfer."""
        self._coming[key] = (target, source, size)
        self._broken[source] = max(0, self._broken.get(source, 0) - resumed)

    def remove(self, key: str, left: int = 0) -> None:
        """It is kept, or broken with so many bytes left behind; harmless twice."""
        _, source, _ = self._coming.pop(key, ("", None, 0))
        self._broken[source] = self._broken.get(source, 0) + left

    def recount(self, broken: Mapping[str | None, int]) -> None:
        """What broken transfers have left of each sender, looked up."""
        self._broken = dict(broken)

    def beside(self, usage: FileUsage, target: str, source: str | None, resumed: int = 0) -> FileUsage:
        """What is kept, coming and broken together, without those bytes that would be gone on with."""
        theirs = [size for whom, _, size in self._coming.values() if whom == target]
        sent = [size for _, who, size in self._coming.values() if source is not None and who == source]
        in_all = self.bytes + sum(self._broken.values())
        broken = 0 if source is None else self._broken.get(source, 0)
        return replace(
            usage,
            files=usage.files + len(theirs),
            bytes=usage.bytes + sum(theirs),
            source_files=usage.source_files + len(sent),
            source_bytes=usage.source_bytes + sum(sent) + max(0, broken - resumed),
            bytes_in_all=usage.bytes_in_all + max(0, in_all - resumed),
        )
