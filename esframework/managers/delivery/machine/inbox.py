"""The receiver's side: each message once and in order to this process, and what to tell the server of it. Pure.

Within one life of a server its numbers tell what is new; across restarts of the server the messages' own ids do. Knows
no handler: whoever hands a `Job` over says when it is finished.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from heapq import nsmallest

from esframework import limits
from esframework.managers.delivery.contracts import MessageKey
from esframework.wire.types import RequestFailure


class Seen:
    """What came of one conversation: sequences from `first` to `highest`, without the runs that were `skipped`."""

    __slots__ = ("first", "highest", "skipped", "open", "refused")

    def __init__(self, first: int) -> None:
        self.first = first
        self.highest = first - 1
        self.skipped: deque[tuple[int, int]] = deque()
        self.open: dict[int, Job] = {}
        self.refused: OrderedDict[int, int] = OrderedDict()

    def has(self, sequence: int) -> bool:
        """Whether a sequence came."""
        is_between = self.first <= sequence <= self.highest
        return is_between and not any(first <= sequence <= last for first, last in self.skipped)

    def go_to(self, sequence: int) -> None:
        """Take the next sequence; remember what was skipped, as far back as anything may still come."""
        if sequence > self.highest + 1:
            self.skipped.append((self.highest + 1, sequence - 1))
        while self.skipped and self.skipped[0][1] < sequence - limits.DELIVERY_REMEMBERED:
            self.skipped.popleft()
        self.highest = sequence

    def refuse(self, sequence: int, reason: int) -> None:
        """A handler did not handle one."""
        self.refused[sequence] = reason
        while len(self.refused) > limits.DELIVERY_REMEMBERED:
            self.refused.popitem(last=False)


class Job:
    """A message that is to be handed over, or is. The server knows it by `numbers`: several when it came again."""

    __slots__ = ("key", "numbers", "seen")

    def __init__(self, key: MessageKey, number: int, seen: Seen) -> None:
        self.key = key
        self.numbers = [number]
        self.seen = seen


class Inbox:
    """What one process has received, over all its connections.

    It remembers at most `most_conversations`, and `most_of_one` of one sending process, so that no sender can have
    those of others forgotten by beginning ever new ones. `most_refused` is how many it tells of at a time.
    """

    def __init__(
        self,
        most_conversations: int = limits.DELIVERY_CONVERSATIONS,
        most_of_one: int = limits.DELIVERY_CONVERSATIONS_OF_ONE,
        most_refused: int = limits.DELIVERY_LIST,
    ) -> None:
        self._most_conversations = most_conversations
        self._most_of_one = most_of_one
        self._most_refused = most_refused
        # By sending process, then by conversation; the ones that were heard of last come last.
        self._seen: OrderedDict[bytes, OrderedDict[int, Seen]] = OrderedDict()
        self._conversations = 0
        self._unfinished: dict[int, Job] = {}
        self._refused: dict[int, int] = {}
        self._unsaid: dict[int, int] = {}
        self._said = (0, 0)
        self.epoch: bytes | None = None
        self.received = 0

    # --- the session --------------------------------------------------------------------------------------------------
    @property
    def handled(self) -> int:
        """Everything up to this number is finished."""
        return next(iter(self._unfinished), self.received + 1) - 1

    def hello(self) -> tuple[int, int, dict[int, int]]:
        """(received, handled, refused), what a server needs to know that was left at any time. When there is more, the
        acknowledgements after the welcome say it: in another life of the server it means nothing."""
        self._unsaid = dict(self._refused)
        return self._say()

    def welcomed(self, epoch: bytes, confirmed: int) -> None:
        """A server says which life of it this is, and what it knows of us; the numbers of an earlier life mean nothing
        now."""
        if epoch != self.epoch:
            self.epoch = epoch
            for job in self._unfinished.values():
                job.numbers.clear()
            self._unfinished.clear()
            self._refused.clear()
            self._unsaid.clear()
            self.received = 0
            self._said = (0, 0)
        self._confirm(confirmed)

    def acknowledgement(self) -> tuple[int, int, dict[int, int]] | None:
        """(received, handled, refused) when there is something new to tell; ask until there is not."""
        if (self.received, self.handled) == self._said and not self._unsaid:
            return None
        return self._say()

    def _say(self) -> tuple[int, int, dict[int, int]]:
        refused = {number: self._unsaid.pop(number) for number in nsmallest(self._most_refused, self._unsaid)}
        # What is refused must be said no later than that it is finished.
        handled = min(self.handled, min(self._unsaid) - 1) if self._unsaid else self.handled
        self._said = (self.received, handled)
        return self.received, handled, refused

    # --- messages -----------------------------------------------------------------------------------------------------
    def arrived(self, number: int, key: MessageKey, confirmed: int) -> Job | None:
        """A message has come: the job to hand it over, or None when it is not to be handed over."""
        self._confirm(confirmed)
        if number <= self.received:
            return None
        self.received = number
        seen = self._conversation(key)
        sequence = key.sequence
        if seen.has(sequence):
            self._came_again(seen, sequence, number)
            return None
        if sequence < seen.highest:
            # Later ones were handed over already, and order is what was promised: its sender is told.
            self._refuse(number, RequestFailure.CONFLICT)
            return None
        if sequence > seen.highest:
            seen.go_to(sequence)
        job = seen.open[sequence] = self._unfinished[number] = Job(key, number, seen)
        return job

    def has_handled(self, key: MessageKey) -> bool:
        """Whether this process was given a message before, and has not failed to handle it."""
        seen = self._known(key)
        return seen is not None and seen.has(key.sequence) and key.sequence not in seen.refused

    def finished(self, job: Job, failure: int = 0) -> None:
        """A handler has handled a message, or has not: then `failure` is a `RequestFailure`."""
        sequence = job.key.sequence
        if job.seen.open.pop(sequence, None) is None:
            return
        if failure:
            job.seen.refuse(sequence, failure)
        for number in job.numbers:
            del self._unfinished[number]
            if failure:
                self._refuse(number, failure)

    def _came_again(self, seen: Seen, sequence: int, number: int) -> None:
        job = seen.open.get(sequence)
        if job is not None:
            job.numbers.append(number)
            self._unfinished[number] = job
        elif sequence in seen.refused:
            self._refuse(number, seen.refused[sequence])

    def _refuse(self, number: int, reason: int) -> None:
        self._refused[number] = self._unsaid[number] = reason

    def _confirm(self, confirmed: int) -> None:
        # In the order in which they were refused, which is nearly that of the numbers.
        while self._refused and (first := next(iter(self._refused))) <= confirmed:
            del self._refused[first]
            self._unsaid.pop(first, None)

    def _known(self, key: MessageKey) -> Seen | None:
        conversations = self._seen.get(key.process)
        return None if conversations is None else conversations.get(key.conversation)

    def _conversation(self, key: MessageKey) -> Seen:
        known = self._known(key)
        if known is None:
            self._make_room(key.process)
            self._conversations += 1
            known = self._seen.setdefault(key.process, OrderedDict())[key.conversation] = Seen(key.sequence)
        self._seen.move_to_end(key.process)
        self._seen[key.process].move_to_end(key.conversation)
        return known

    def _make_room(self, process: bytes) -> None:
        if len(self._seen.get(process, ())) >= self._most_of_one and self._forget_one_of(process):
            return
        if self._conversations >= self._most_conversations:
            any(self._forget_one_of(each) for each in list(self._seen))

    def _forget_one_of(self, process: bytes) -> bool:
        """Forget the conversation that was heard of longest ago; False when handlers are at work on all of them."""
        conversations = self._seen[process]
        idle = next((number for number, seen in conversations.items() if not seen.open), None)
        if idle is None:
            return False
        del conversations[idle]
        self._conversations -= 1
        if not conversations:
            del self._seen[process]
        return True
