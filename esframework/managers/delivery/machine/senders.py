"""What the server remembers of the processes that send: how far each conversation was accepted, and what to tell. Pure.

A receipt may be lost with a connection, so the last state of each message is kept until the sender says that it needs
it no more. Knows no mailbox.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from esframework import limits
from esframework.managers.delivery.contracts import LAST_LEVELS, FailedBody, ReachedBody
from esframework.wire.types import Level


@dataclass(frozen=True, slots=True)
class Outcome:
    """How far a message has come; with a `failure` (a `RequestFailure`) it will come no further."""

    level: Level
    failure: int = 0

    @property
    def is_last(self) -> bool:
        """Whether there is nothing more to say."""
        return bool(self.failure) or self.level in LAST_LEVELS


REACHED = {level: Outcome(level) for level in Level}


class Dialogue:
    """One conversation of a sender: what was accepted, and how each message stands of which it may want to hear."""

    __slots__ = ("sender", "number", "accepted", "outcomes")

    def __init__(self, sender: Sender, number: int) -> None:
        self.sender = sender
        self.number = number
        self.accepted = 0
        self.outcomes: dict[int, Outcome] = {}


class Sender:
    """One process that sends. `link` is its connection, None while it is away, since `away_since`.

    `record` is never the same for two of these: by it a sender notices that it is talking to a new one.
    """

    __slots__ = (
        "user",
        "device",
        "process",
        "record",
        "link",
        "away_since",
        "unconfirmed",
        "_dialogues",
        "_changed",
    )

    def __init__(self, user: str | None, device: int | None, process: bytes, record: int) -> None:
        self.user = user
        self.device = device
        self.process = process
        self.record = record
        self.link: object | None = None
        self.away_since = 0.0
        self.unconfirmed = 0
        self._dialogues: dict[int, Dialogue] = {}
        self._changed: dict[tuple[int, int], None] = {}

    # --- what comes ---------------------------------------------------------------------------------------------------
    def accept(self, conversation: int, sequence: int) -> Dialogue | None:
        """A message has come: its dialogue, or None when it had come before; then its state is told again."""
        dialogue = self._dialogues.get(conversation)
        if dialogue is None:
            dialogue = self._dialogues[conversation] = Dialogue(self, conversation)
        if sequence <= dialogue.accepted:
            if sequence in dialogue.outcomes:
                self._changed[conversation, sequence] = None
            return None
        dialogue.accepted = sequence
        dialogue.outcomes[sequence] = REACHED[Level.SERVER_HAS_IT]
        self.unconfirmed += 1
        self._changed[conversation, sequence] = None
        return dialogue

    @property
    def is_silent(self) -> bool:
        """Whether it has so many receipts unconfirmed that it cannot be one of ours."""
        return self.unconfirmed >= limits.DELIVERY_UNCONFIRMED

    def confirm(self, conversation: int, sequence: int) -> None:
        """The sender needs no more receipts for a conversation up to a sequence."""
        dialogue = self._dialogues.get(conversation)
        if dialogue is None:
            return
        outcomes = dialogue.outcomes
        while outcomes and (first := next(iter(outcomes))) <= sequence:
            del outcomes[first]
            self._changed.pop((conversation, first), None)
            self.unconfirmed -= 1
        if not outcomes:
            # What comes next is new: nothing that was confirmed is ever sent again.
            del self._dialogues[conversation]

    def drop(self, conversation: int, sequence: int) -> None:
        """No receipts are needed any more for one message of a sender in this very process."""
        dialogue = self._dialogues[conversation]
        del dialogue.outcomes[sequence]
        self.unconfirmed -= 1
        if not dialogue.outcomes:
            # Else one would stay for every user to whom the server has ever sent anything.
            del self._dialogues[conversation]

    # --- what is told -------------------------------------------------------------------------------------------------
    def change(self, dialogue: Dialogue, sequence: int, outcome: Outcome) -> bool:
        """A message stands otherwise now; False when its sender does not want to know any more."""
        known = dialogue.outcomes.get(sequence)
        if known is None or known.is_last:
            return False
        dialogue.outcomes[sequence] = outcome
        self._changed[dialogue.number, sequence] = None
        return True

    def accepted(self) -> list[tuple[int, int]]:
        """(conversation, sequence): how far each was accepted."""
        return [(dialogue.number, dialogue.accepted) for dialogue in self._dialogues.values()]

    def tell_all_again(self) -> None:
        """The sender has a new connection: what was told on the old one may be lost."""
        for dialogue in self._dialogues.values():
            self._changed.update(dict.fromkeys((dialogue.number, sequence) for sequence in dialogue.outcomes))

    def take_changes(self) -> tuple[list[ReachedBody], list[FailedBody]]:
        """What is to be told now: levels in runs of neighbours, and failures."""
        changed, self._changed = self._changed, {}
        failed: list[FailedBody] = []
        steps: list[tuple[int, int, Level]] = []
        for conversation, sequence in sorted(changed):
            outcome = self._dialogues[conversation].outcomes[sequence]
            if outcome.failure:
                failed.append(FailedBody(conversation, outcome.level, outcome.failure, sequence))
            else:
                steps.append((conversation, sequence, outcome.level))
        return _runs(steps), failed


def _runs(steps: Iterable[tuple[int, int, Level]]) -> list[ReachedBody]:
    runs: list[ReachedBody] = []
    now: tuple[int, int, Level] | None = None
    first = 0
    for step in steps:
        conversation, sequence, level = step
        if now is None or (conversation, sequence - 1, level) != now:
            if now is not None:
                runs.append(ReachedBody(now[0], first, now[1], now[2]))
            first = sequence
        now = step
    if now is not None:
        runs.append(ReachedBody(now[0], first, now[1], now[2]))
    return runs
