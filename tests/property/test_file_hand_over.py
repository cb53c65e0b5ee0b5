"""However offers end and stores fail: one file at a time, none lost, none offered again once it was received."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from esframework.interfaces import StoredFile
from esframework.managers.offline_files.machine import Action, Ending, Fetch, HandOver, Offer, Remove, State

PAGE = 2
RETRY = 60.0
DEVICES = ("phone", "tablet")


class FileHandOverWalk(RuleBasedStateMachine):
    """A store, a hand-over and two devices; what is asked of the store ends when the walk says so."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.store: dict[int, StoredFile] = {}
        self.last = 0
        self.hand_over = HandOver(RETRY, PAGE)
        self.fetches: list[Fetch] = []
        self.removes: list[Remove] = []
        self.offer: Offer | None = None
        self.here: set[str] = set()
        self.settled: set[int] = set()

    def perform(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Fetch():
                    assert not self.fetches, "the store is asked one thing at a time"
                    self.fetches.append(action)
                case Remove(file):
                    assert file.number in self.settled, "removed before anybody had it"
                    self.removes.append(action)
                case Offer(device, file):
                    assert self.offer is None, "two at a time"
                    assert file.number not in self.settled, "offered again"
                    assert device in self.here, "offered to somebody who is gone"
                    self.offer = action

    # --- what may happen ----------------------------------------------------------------------------------------------
    @rule()
    def a_file_is_left(self) -> None:
        self.last += 1
        number = self.last
        self.store[number] = StoredFile(
            f"f{number}", "bob", None, None, "n", False, 0, 1, 0, None, f"b{number}", 0.0, 9e9, 0, number
        )
        self.perform(self.hand_over.stirred())

    @rule(device=st.sampled_from(DEVICES))
    def says_ready(self, device: str) -> None:
        self.here.add(device)
        self.perform(self.hand_over.ready(device))

    @precondition(lambda self: self.here)
    @rule(data=st.data())
    def is_cut(self, data: st.DataObject) -> None:
        device = data.draw(st.sampled_from(sorted(self.here)))
        self.here.remove(device)
        self.hand_over.left(device)
        if self.offer is not None and self.offer.device == device:
            self.ends(Ending.GONE)

    @precondition(lambda self: self.offer)
    @rule(ending=st.sampled_from([each for each in Ending if each is not Ending.GONE]))
    def ends(self, ending: Ending) -> None:
        assert self.offer is not None
        number, self.offer = self.offer.file.number, None
        if ending.is_settled:
            self.settled.add(number)
        self.perform(self.hand_over.ended(ending, self.now))

    @precondition(lambda self: self.fetches)
    @rule(fails=st.sampled_from([False, False, True]))
    def store_answers(self, fails: bool) -> None:
        fetch = self.fetches.pop()
        if fails:
            self.hand_over.store_failed(self.now)
        else:
            behind = [file for number, file in sorted(self.store.items()) if number > fetch.after]
            self.perform(self.hand_over.fetched(behind[:PAGE], self.now))

    @precondition(lambda self: self.removes)
    @rule(fails=st.sampled_from([False, False, True]))
    def store_removes(self, fails: bool) -> None:
        file = self.removes.pop(0).file
        if fails:
            self.hand_over.remove_failed(file, self.now)
        else:
            self.store.pop(file.number, None)
            self.hand_over.removed(file)

    @rule(seconds=st.sampled_from([1.0, RETRY / 2, RETRY]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        wakes_at = self.hand_over.wakes_at
        if wakes_at is not None and wakes_at <= self.now:
            self.perform(self.hand_over.woken(self.now))

    def teardown(self) -> None:
        """Once nothing fails any more, everything arrives and nothing stays."""
        self.says_ready("phone")
        for _ in range(20 * (self.last + 2)):
            if self.fetches:
                self.store_answers(False)
            elif self.removes:
                self.store_removes(False)
            elif self.offer is not None:
                self.ends(Ending.RECEIVED)
            elif self.hand_over.wakes_at is not None:
                self.time_passes(RETRY)
            else:
                break
        assert self.hand_over.state is State.WANT_NEWS
        assert self.settled == set(range(1, self.last + 1))
        assert not self.store


FileHandOverWalk.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestFileHandOver = FileHandOverWalk.TestCase
