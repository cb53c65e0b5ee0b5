"""The sender's side: messages that are kept until nothing can happen to them any more. Pure.

Knows no connection: whoever has one asks what is to be written after a welcome, and tells what the server's receipts
say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from esframework import limits
from esframework.errors import WindowFull
from esframework.managers.delivery.contracts import LAST_LEVELS, Mark, MessageKey
from esframework.wire.types import Level

Record = tuple[bytes, int]
"""Which of a server's records a message was given to: (epoch, record)."""


class Message:
    """One message that is kept. `written_to` is the record that it was given to last, None before the first."""

    __slots__ = (
        "key",
        "target",
        "information_type",
        "content",
        "sent_at",
        "level",
        "written_to",
        "marks",
    )

    def __init__(
        self, key: MessageKey, target: str | None, information_type: int, content: bytes | None, sent_at: int
    ) -> None:
        self.key = key
        self.target = target
        self.information_type = information_type
        self.content = content
        self.sent_at = sent_at
        self.level = Level.QUEUED
        self.written_to: Record | None = None
        self.marks = Mark(0)

    @property
    def size(self) -> int:
        """Bytes that count for the window."""
        return len(self.content or b"")


class Conversation:
    """What goes to one target. Everything up to `settled` is over; `told` of it the server knows."""

    __slots__ = ("number", "target", "last", "settled", "told", "over")

    def __init__(self, number: int, target: str | None) -> None:
        self.number = number
        self.target = target
        self.last = 0
        self.settled = 0
        self.told = 0
        self.over: set[int] = set()


class Outbox:
    """The messages of one process on their way.

    At most `most_messages` and `most_bytes` are on their way at a time; a single longer message goes alone.
    """

    def __init__(
        self,
        process: bytes,
        most_messages: int = limits.DELIVERY_WINDOW_MESSAGES,
        most_bytes: int = limits.DELIVERY_WINDOW_BYTES,
        most_conversations: int = limits.DELIVERY_CONVERSATIONS,
    ) -> None:
        self.process = process
        self._most_messages = most_messages
        self._most_bytes = most_bytes
        self._most_conversations = most_conversations
        self._open: dict[tuple[int, int], Message] = {}
        self._conversations: dict[int, Conversation] = {}
        self._by_target: dict[str | None, Conversation] = {}
        self._untold: set[int] = set()
        self._last_conversation = 0
        self._span = 0
        self._bytes = 0
        self._record: Record | None = None

    def __len__(self) -> int:
        return len(self._open)

    @property
    def is_welcome(self) -> bool:
        """Whether messages may be written now."""
        return self._record is not None

    # --- sending ------------------------------------------------------------------------------------------------------
    def add(self, target: str | None, information_type: int, content: bytes | None, sent_at: int) -> Message:
        """Keep a new message; raises `WindowFull`. When `is_welcome`, it is to be written next."""
        size = len(content or b"")
        if self._span >= self._most_messages or (self._open and self._bytes + size > self._most_bytes):
            raise WindowFull(
                f"{self._span} messages with {self._bytes} bytes wait for their receipts; the window holds "
                f"{self._most_messages} messages and {self._most_bytes} bytes: wait for some of their Deferreds"
            )
        conversation = self._by_target.get(target) or self._begin(target)
        conversation.last += 1
        key = MessageKey(self.process, conversation.number, conversation.last)
        message = Message(key, target, information_type, content, sent_at)
        self._open[key[1:]] = message
        self._span += 1
        self._bytes += size
        return message

    def written(self, message: Message) -> int:
        """A message is written now; what to say of its conversation besides: it is settled up to the sequence given."""
        message.written_to = self._record
        conversation = self._conversations[message.key.conversation]
        conversation.told = conversation.settled
        self._untold.discard(conversation.number)
        return conversation.settled

    # --- the session --------------------------------------------------------------------------------------------------
    def hello(self) -> list[tuple[int, int]]:
        """A session begins: (conversation, sequence) up to which the server need not tell. What is on its way by now is
        older than the session."""
        for message in self._open.values():
            message.marks |= Mark.WAITED
        return [(each.number, each.settled) for each in self._conversations.values() if each.settled]

    def take_untold(self) -> list[tuple[int, int]]:
        """The same, only what the server does not know yet."""
        told = []
        for number in sorted(self._untold):
            conversation = self._conversations[number]
            conversation.told = conversation.settled
            told.append((number, conversation.settled))
        self._untold.clear()
        return told

    @property
    def untold(self) -> int:
        """For how many messages the server keeps what nobody needs."""
        conversations = (self._conversations[number] for number in self._untold)
        return sum(each.settled - each.told for each in conversations)

    def welcomed(self, record: Record, accepted: Mapping[int, int]) -> list[Message]:
        """The server has a record of us, and has `accepted` of each conversation so much: what to write now, in order.

        What was given to another record may have been handed to its receiver; that record is gone.
        """
        self._record = record
        due = []
        for message in self._open.values():
            if message.written_to is not None and message.written_to != record:
                message.marks |= Mark.MAY_HAVE_BEEN_HANDED
            if message.key.sequence > accepted.get(message.key.conversation, 0):
                due.append(message)
        return due

    def disconnected(self) -> None:
        """Nothing can be written until the next welcome."""
        self._record = None

    # --- receipts -----------------------------------------------------------------------------------------------------
    def reached(self, conversation: int, first: int, last: int, level: Level) -> list[Message]:
        """Messages have reached a level: those for which that is news. After the last levels they are forgotten."""
        known = self._conversations.get(conversation)
        if known is None:
            return []
        changed = []
        for sequence in range(max(first, known.settled + 1), min(last, known.last) + 1):
            message = self._open.get((conversation, sequence))
            # The process that had it may be gone for good: then it is on the disk after a receiver had it.
            if message is not None and (level > message.level or level in LAST_LEVELS):
                message.level = level
                changed.append(message)
                if level in LAST_LEVELS:
                    self.forget(message)
        return changed

    def failed(self, conversation: int, sequence: int, level: Level) -> Message | None:
        """A message gets no further than `level`; it is forgotten. None when it was before."""
        message = self._open.get((conversation, sequence))
        if message is not None:
            message.level = max(message.level, level)
            self.forget(message)
        return message

    def sent(self, messages: Iterable[Message]) -> list[Message]:
        """Messages have left for the kernel: those for which that is news."""
        changed = []
        for message in messages:
            if message.level < Level.SENT and message.key[1:] in self._open:
                message.level = Level.SENT
                changed.append(message)
        return changed

    def open_messages(self) -> list[Message]:
        """Everything that is on its way, in order."""
        return list(self._open.values())

    def give_up(self, key: MessageKey) -> None:
        """Keep a message no longer, whatever its state. It may arrive nevertheless."""
        message = self._open.get(key[1:])
        if message is not None and message.key == key:
            self.forget(message)

    def forget(self, message: Message) -> None:
        """Keep a message no longer; forgetting twice is harmless."""
        if self._open.pop(message.key[1:], None) is None:
            return
        self._bytes -= message.size
        conversation = self._conversations[message.key.conversation]
        conversation.over.add(message.key.sequence)
        while conversation.settled + 1 in conversation.over:
            conversation.settled += 1
            conversation.over.discard(conversation.settled)
            self._span -= 1
        if conversation.settled > conversation.told:
            self._untold.add(conversation.number)

    def close(self) -> list[Message]:
        """Forget everything; what was still on its way. Conversations begin anew, and no id is ever used again."""
        left = list(self._open.values())
        self._open.clear()
        self._conversations.clear()
        self._by_target.clear()
        self._untold.clear()
        self._span = self._bytes = 0
        self._record = None
        return left

    # --- conversations ------------------------------------------------------------------------------------------------
    def _begin(self, target: str | None) -> Conversation:
        if len(self._conversations) >= self._most_conversations:
            self._end_idle_conversations()
        self._last_conversation += 1
        conversation = Conversation(self._last_conversation, target)
        self._conversations[conversation.number] = self._by_target[target] = conversation
        return conversation

    def _end_idle_conversations(self) -> None:
        # Half of them, so that this is done seldom.
        idle = [each for each in self._conversations.values() if each.last == each.told]
        for conversation in idle[: self._most_conversations // 2]:
            del self._conversations[conversation.number]
            del self._by_target[conversation.target]
