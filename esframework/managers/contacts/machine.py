"""What contacts remember: answers of providers, who was told of which devices, how fast somebody broadcasts. Pure.

Knows neither providers nor connections; times are seconds that somebody passes in.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from esframework import limits

Value = TypeVar("Value")


class Remembered(Generic[Value]):
    """Answers by question, each with a weight and a time at which it is too old; bounded by the sum of the weights.

    The one that was asked for longest ago goes first.
    """

    def __init__(self, most: int = limits.CONTACTS_REMEMBERED) -> None:
        self._most = most
        self._entries: OrderedDict[Hashable, tuple[Value, int, float]] = OrderedDict()
        self.weight = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, question: Hashable, now: float) -> Value | None:
        """The answer, unless it is too old or was never given."""
        entry = self._entries.get(question)
        if entry is None:
            return None
        if now >= entry[2]:
            self.forget(question)
            return None
        self._entries.move_to_end(question)
        return entry[0]

    def put(self, question: Hashable, answer: Value, weight: int, until: float) -> None:
        """Remember an answer; one that weighs more than all may is not kept."""
        self.forget(question)
        if weight > self._most:
            return
        self._entries[question] = (answer, weight, until)
        self.weight += weight
        while self.weight > self._most:
            self.forget(next(iter(self._entries)))

    def forget(self, question: Hashable) -> None:
        """The answer is another one now."""
        entry = self._entries.pop(question, None)
        if entry is not None:
            self.weight -= entry[1]

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self.weight = 0


@dataclass(frozen=True, slots=True)
class DeviceChange:
    """One device came or went; `is_all`: with it the user came or went."""

    device: int
    online: bool
    is_all: bool


class PresenceLedger:
    """Which devices of whom have been told, and whose changes wait to be.

    A user waits once, however often it comes and goes meanwhile, and not again before `interval` seconds after it was
    told: who flaps is told about at most that often, and each time as it is then.
    """

    def __init__(self, interval: float = limits.PRESENCE_INTERVAL) -> None:
        self._interval = interval
        self._told: dict[str, tuple[int, ...]] = {}
        self._told_at: OrderedDict[str, float] = OrderedDict()
        self._due: OrderedDict[str, None] = OrderedDict()
        self._early: set[str] = set()
        # Nearly everybody has one device, of few kinds: those who have the same share one tuple.
        self._forms: dict[tuple[int, ...], tuple[int, ...]] = {}

    def __len__(self) -> int:
        """How many users' changes are due."""
        return len(self._due)

    def changed(self, user_id: str) -> None:
        """A device of the user came or went."""
        if user_id in self._told_at:
            self._early.add(user_id)
        else:
            self._due[user_id] = None

    def pop(self, now: float) -> str | None:
        """The next user whose change is to be told, None when nobody's is."""
        if not self._due:
            return None
        user_id, _ = self._due.popitem(last=False)
        if not self._due:
            # A dict that was large once stays so, and there are storms of log-ons.
            self._due = OrderedDict()
        self._told_at[user_id] = now
        return user_id

    def differs(self, user_id: str, devices: Iterable[int]) -> bool:
        """Whether there would be anything to tell."""
        return self._told.get(user_id, ()) != tuple(sorted(set(devices)))

    def update(self, user_id: str, devices: Iterable[int]) -> list[DeviceChange]:
        """What to tell now that these are the user's devices; they are what has been told from then on."""
        told, current = self._told.get(user_id, ()), tuple(sorted(set(devices)))
        if current:
            self._told[user_id] = self._forms.setdefault(current, current)
        else:
            self._told.pop(user_id, None)
        came = [device for device in current if device not in told]
        went = [device for device in told if device not in current]
        changes = [DeviceChange(device, True, not told and device == came[0]) for device in came]
        return changes + [DeviceChange(device, False, not current and device == went[-1]) for device in went]

    def ripen(self, now: float) -> None:
        """Those who were told long enough ago may be told again."""
        while self._told_at:
            user_id, told_at = next(iter(self._told_at.items()))
            if now - told_at < self._interval:
                return
            del self._told_at[user_id]
            if not self._told_at:
                self._told_at = OrderedDict()
            if user_id in self._early:
                self._early.discard(user_id)
                self._due[user_id] = None


class Allowance:
    """So much a second, of which a second's worth may be saved up; 0 or less is no limit.

    What is more than a second's worth is allowed when nothing of it has been used, and has to be made up for.
    """

    __slots__ = ("_rate", "_left", "_since")

    def __init__(self, per_second: float) -> None:
        self._rate = per_second
        self._left = per_second
        self._since = 0.0

    def wait(self, amount: float, now: float) -> float:
        """Seconds until so much is allowed, 0.0 when it is now; nothing is used up by asking."""
        if self._rate <= 0:
            return 0.0
        self._left = min(self._rate, self._left + (now - self._since) * self._rate)
        self._since = now
        missing = min(amount, self._rate) - self._left
        # What is missing by rounding alone would make somebody wait for nothing.
        return missing / self._rate if missing > 1e-9 * self._rate else 0.0

    def use(self, amount: float) -> None:
        """So much was done."""
        if self._rate > 0:
            self._left -= amount

    def is_full(self, now: float) -> bool:
        """Whether all of it is there again, so that nobody need remember it."""
        return self.wait(self._rate, now) == 0.0


class Rates:
    """An allowance for each user; those who have used nothing of theirs take no room."""

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._allowances: dict[str, Allowance] = {}

    def __len__(self) -> int:
        return len(self._allowances)

    def wait(self, user_id: str, amount: float, now: float) -> float:
        """As `Allowance.wait`."""
        return self._of(user_id).wait(amount, now)

    def use(self, user_id: str, amount: float) -> None:
        """As `Allowance.use`."""
        self._of(user_id).use(amount)

    def sweep(self, now: float) -> None:
        """Forget users who may do all again."""
        for user_id, allowance in list(self._allowances.items()):
            if allowance.is_full(now):
                del self._allowances[user_id]

    def _of(self, user_id: str) -> Allowance:
        allowance = self._allowances.get(user_id)
        if allowance is None:
            allowance = self._allowances[user_id] = Allowance(self._per_second)
        return allowance


class BroadcastRates:
    """How much each sender, and all of them together, may broadcast.

    `broadcasts` and `deliveries` a second for one user, `deliveries_in_all` for everybody.
    """

    def __init__(self, broadcasts: int, deliveries: int, deliveries_in_all: int) -> None:
        self._broadcasts = Rates(broadcasts)
        self._deliveries = Rates(deliveries)
        self._all = Allowance(deliveries_in_all)

    def wait(self, user_id: str | None, deliveries: int, now: float) -> float:
        """Seconds for which a broadcast to so many has to wait; 0.0 allows it and counts it.

        None is a sender for whom only the limit for everybody holds.
        """
        wait = self._all.wait(deliveries, now)
        if user_id is not None:
            wait = max(wait, self._broadcasts.wait(user_id, 1, now), self._deliveries.wait(user_id, deliveries, now))
        if wait == 0.0:
            if user_id is not None:
                self._broadcasts.use(user_id, 1)
            self.use(user_id, deliveries)
        return wait

    def use(self, user_id: str | None, deliveries: int) -> None:
        """Count what belongs to a broadcast that was allowed: further pieces of a blob."""
        self._all.use(deliveries)
        if user_id is not None:
            self._deliveries.use(user_id, deliveries)

    def sweep(self, now: float) -> None:
        """Forget senders who may do all again."""
        self._broadcasts.sweep(now)
        self._deliveries.sweep(now)


class BlobTable(Generic[Value]):
    """Blobs that pass through in pieces, by sender and number: what is kept for each until its last piece."""

    def __init__(
        self, most: int = limits.MAX_BLOBS_PER_SENDER, idle_timeout: float = limits.BLOB_IDLE_TIMEOUT
    ) -> None:
        self._most = most
        self._idle_timeout = idle_timeout
        self._senders: dict[str, dict[int, tuple[Value, int, float]]] = {}

    def __len__(self) -> int:
        return sum(len(blobs) for blobs in self._senders.values())

    def begin(self, sender: str, number: int, value: Value, now: float) -> bool:
        """A blob's first piece came; False when its sender has too many unfinished ones already."""
        blobs = self._senders.setdefault(sender, {})
        if number not in blobs and len(blobs) >= self._most:
            return False
        blobs[number] = (value, 1, now)
        return True

    def next(self, sender: str, number: int, index: int, now: float) -> Value | None:
        """What is kept for a blob whose piece `index` came; None, and nothing kept, unless that is the next one."""
        value, expected, _ = self._senders.get(sender, {}).get(number, (None, 0, 0.0))
        if value is None:
            return None
        if index != expected:
            self.end(sender, number)
            return None
        self._senders[sender][number] = (value, expected + 1, now)
        return value

    def get(self, sender: str, number: int) -> Value | None:
        """What is kept for a blob."""
        kept = self._senders.get(sender, {}).get(number)
        return None if kept is None else kept[0]

    def end(self, sender: str, number: int) -> None:
        """The blob is finished, or given up."""
        blobs = self._senders.get(sender, {})
        blobs.pop(number, None)
        if not blobs:
            self._senders.pop(sender, None)

    def forget(self, sender: str) -> None:
        """The sender is gone."""
        self._senders.pop(sender, None)

    def expire(self, now: float) -> None:
        """Give up blobs of which no piece came for too long."""
        for sender, blobs in list(self._senders.items()):
            for number, (_, _, heard) in list(blobs.items()):
                if now - heard >= self._idle_timeout:
                    self.end(sender, number)
