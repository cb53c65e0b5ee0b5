"""However connections are cut and stores fail: every message is handled, and marked when it may come twice."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from esframework.interfaces import StoredMessage
from esframework.managers.offline.machine import (
    Action,
    CaughtUp,
    Count,
    Delete,
    Fetch,
    HandOut,
    HandOver,
    Inbox,
)

BATCH = 3


class HandOverWalk(RuleBasedStateMachine):
    """A store, a hand-over and one inbox for each device; operations of the store end when the walk says so."""

    def __init__(self) -> None:
        super().__init__()
        self.store: dict[int, StoredMessage] = {}
        self.last = 0
        self.hand_over = HandOver()
        self.asked: list[Fetch | Count] = []
        self.deleting: list[Delete] = []
        self.ready: list[str] = []
        self.on_the_way: dict[str, list[StoredMessage]] = {}
        self.inboxes = {"phone": Inbox(), "tablet": Inbox()}
        self.handled: list[tuple[int, str]] = []
        self.given: set[int] = set()

    def perform(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Fetch() | Count():
                    self.asked.append(action)
                case Delete():
                    self.deleting.append(action)
                case HandOut(device, messages):
                    assert device == self.ready[0]
                    assert len(messages) <= BATCH
                    assert sorted(messages, key=lambda each: each.number) == list(messages)
                    for message in messages:
                        assert message.handed_out > 0 or message.number not in self.given, "given twice, unmarked"
                        self.given.add(message.number)
                    self.on_the_way[device].extend(messages)
                case CaughtUp(devices):
                    assert set(devices) <= set(self.ready)

    # --- what may happen ----------------------------------------------------------------------------------------------
    @rule(count=st.integers(1, 5))
    def keep(self, count: int) -> None:
        for _ in range(count):
            self.last += 1
            self.store[self.last] = StoredMessage(
                f"m{self.last}", "bob", "alice", 8, 1, b"", 0.0, 9e9, 0, self.last
            )
        self.perform(self.hand_over.stirred())

    @rule(device=st.sampled_from(["phone", "tablet"]))
    def says_ready(self, device: str) -> None:
        if device not in self.ready:
            self.ready.append(device)
            self.on_the_way[device] = []
        self.perform(self.hand_over.ready(device))

    @rule(device=st.sampled_from(["phone", "tablet"]))
    def is_cut(self, device: str) -> None:
        if device in self.ready:
            self.ready.remove(device)
            del self.on_the_way[device]
            self.inboxes[device].connection_lost()
            self.perform(self.hand_over.left(device))

    @precondition(lambda self: self.asked)
    @rule(fails=st.sampled_from([False, False, False, True]))
    def store_answers(self, fails: bool) -> None:
        asked = self.asked.pop(0)
        if fails:
            self.hand_over.store_failed()
        elif isinstance(asked, Fetch):
            behind = [message for number, message in sorted(self.store.items()) if number > asked.after]
            self.perform(self.hand_over.fetched(behind[:BATCH], 0.0))
        else:
            for number in set(asked.numbers) & self.store.keys():
                message = self.store[number]
                self.store[number] = replace(message, handed_out=message.handed_out + 1)
            self.perform(self.hand_over.counted())

    @precondition(lambda self: self.deleting)
    @rule(fails=st.sampled_from([False, False, True]))
    def store_deletes(self, fails: bool) -> None:
        numbers = self.deleting.pop(0).numbers
        if fails:
            self.hand_over.delete_failed()
            return
        for number in numbers:
            assert number in {done for done, _ in self.handled}, "deleted before it was handled"
            self.store.pop(number, None)
        self.perform(self.hand_over.deleted())

    @rule(raises=st.sampled_from([False, False, False, True]))
    def device_handles(self, raises: bool) -> None:
        for device, messages in self.on_the_way.items():
            if messages:
                self.handle(device, messages.pop(0), raises)
                return

    def handle(self, device: str, message: StoredMessage, raises: bool) -> None:
        inbox = self.inboxes[device]
        if inbox.arrived(message.id, message.number):
            assert inbox.begun(message.id, inbox.session)
            if not raises:
                assert (message.number, device) not in self.handled, "handled twice by one process"
                self.handled.append((message.number, device))
            inbox.finished(message.id, not raises)
        self.perform(self.hand_over.acknowledged(device, *inbox.take_report())[1])

    @rule()
    def store_is_asked_again(self) -> None:
        self.perform(self.hand_over.retry())

    # --- what always holds --------------------------------------------------------------------------------------------
    @invariant()
    def one_thing_at_a_time_is_asked_of_the_store(self) -> None:
        assert len(self.asked) <= 1 and len(self.deleting) <= 1

    def is_busy(self) -> bool:
        return bool(self.asked or self.deleting or any(self.on_the_way.values()))

    def teardown(self) -> None:
        """Let everything end well: nothing is left, and everything was handled."""
        self.says_ready("phone")
        for _ in range(3):
            self.store_is_asked_again()
            while self.is_busy():
                self.device_handles(raises=False)
                if self.asked:
                    self.store_answers(fails=False)
                if self.deleting:
                    self.store_deletes(fails=False)
            self.says_ready(self.ready[0])
        while self.is_busy():
            self.device_handles(raises=False)
            if self.asked:
                self.store_answers(fails=False)
        assert self.store == {}
        assert {number for number, _ in self.handled} == set(range(1, self.last + 1))


TestHandOver = HandOverWalk.TestCase
TestHandOver.settings = settings(max_examples=150, stateful_step_count=40)
