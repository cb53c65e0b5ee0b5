"""Two senders, a user's processes and a server, through cuts, restarts and duplicates; only the machines, no network.

What the halves of the manager do with frames is done here with tuples in lists: a cut loses what is on its way, a
restart of a process loses its machines, and every frame may come twice.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from esframework.errors import WindowFull
from esframework.managers.delivery.contracts import LAST_LEVELS, Mark, MessageKey
from esframework.managers.delivery.machine.entries import Entry
from esframework.managers.delivery.machine.inbox import Inbox, Job
from esframework.managers.delivery.machine.office import Office
from esframework.managers.delivery.machine.options import DeliveryOptions
from esframework.managers.delivery.machine.outbox import Message, Outbox
from esframework.managers.delivery.machine.readers import Reader
from esframework.managers.delivery.machine.senders import Sender
from esframework.wire.types import Level, RequestFailure

WINDOW = 120.0
OPTIONS = DeliveryOptions(
    window=WINDOW,
    messages=8,
    bytes=1000,
    messages_in_all=1000,
    bytes_in_all=100_000,
    messages_from_one=20,
    messages_in_hand=3,
    bytes_in_hand=35,
)
LIMITED = (RequestFailure.QUOTA_EXCEEDED, RequestFailure.SENDER_QUOTA_EXCEEDED, RequestFailure.BUSY)


@dataclass(eq=False)
class Line:
    """A connection: what is on its way in both directions, and what the server knows of it."""

    process: Process
    up: deque[tuple[Any, ...]] = field(default_factory=deque)
    down: deque[tuple[Any, ...]] = field(default_factory=deque)
    sender: Sender | None = None
    reader: Reader | None = None


@dataclass(eq=False)
class Process:
    """One process of a user: its machines, and what its handler was given."""

    user: str
    device: int
    identity: bytes
    outbox: Outbox
    inbox: Inbox = field(default_factory=lambda: Inbox(most_refused=2))
    line: Line | None = None
    handed: list[tuple[MessageKey, bool]] = field(default_factory=list)
    at_work: deque[Job] = field(default_factory=deque)
    reports: dict[MessageKey, tuple[Level, int]] = field(default_factory=dict)
    sent: list[Message] = field(default_factory=list)
    joined: int | None = None
    missed_nothing: bool = True


class World:
    """The server, the processes, and the lines between them.

    `stored` is what is on the disk; `ever_handed` how many processes there had been when a message was first handed to
    one, `handled` what a handler finished.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.epochs = 0
        self.lives = 0
        self.lines: list[Line] = []
        self.stored: list[MessageKey] = []
        self.keeps = False
        self.ever_handed: dict[MessageKey, int] = {}
        self.handled: set[MessageKey] = set()
        self.accepted: dict[MessageKey, tuple[int, str]] = {}
        self.steps = 0
        self.restart_server()

    # --- the server ---------------------------------------------------------------------------------------------------
    def restart_server(self) -> None:
        self.epochs += 1
        self.epoch = bytes([self.epochs % 256]) * 16
        for line in list(self.lines):
            self.cut(line, told=False)
        self.office = Office(self, OPTIONS, self.now)
        self.due: dict[Sender, None] = {}

    def take(self, line: Line, frame: tuple[Any, ...]) -> None:
        kind, *content = frame
        user, device = line.process.user, line.process.device
        self.steps += 1
        if kind == "hello":
            epoch, received, handled, refused, settled = content
            if line.sender is not None:
                return
            line.sender = self.office.sender(user, device, line.process.identity, line)
            for pair in settled:
                line.sender.confirm(*pair)
            known = epoch == self.epoch
            received = received if known else 0
            line.reader, resumed = self.office.reader(user, device, line.process.identity, line, received)
            if line.process.joined is None:
                line.process.joined = self.steps
            elif not resumed:
                line.process.missed_nothing = False
            if known:
                self.office.acknowledge(user, line.reader, received, handled, refused)
            record = (self.epoch, line.sender.record)
            line.down.append(("welcome", record, dict(line.sender.accepted()), line.reader.handled))
            self.office.hand_rest(user, line.reader)
            self.receipts_due(line.sender)
        elif line.sender is None or line.reader is None:
            raise AssertionError("something came before the hello")
        elif kind == "message":
            key, target, marks, settled = content
            line.sender.confirm(key.conversation, settled)
            entry = Entry(key, user, device, target, None, 1, b"content", 0, 0, bool(marks & Mark.MAY_HAVE_BEEN_HANDED))
            if self.office.accept(line.sender, entry, bool(marks & Mark.WAITED), self.now):
                self.accepted[key] = (self.steps, target)
        elif kind == "acknowledgement":
            self.office.acknowledge(user, line.reader, *content)
            self.office.hand_rest(user, line.reader)
        elif kind == "settled":
            for pair in content[0]:
                line.sender.confirm(*pair)

    def hand(self, reader: Reader, entry: Entry, is_redelivered: bool) -> None:
        line = reader.link
        assert isinstance(line, Line)
        line.down.append(("handed", entry.number, entry.key, is_redelivered, reader.handled))

    def has_missed(self, reader: Reader) -> None:
        assert isinstance(reader.link, Line)
        reader.link.down.append(("missed",))

    def no_room(self, reason: RequestFailure) -> None:
        assert reason in LIMITED

    def pass_on(self, entry: Entry) -> bool:
        return False

    def store(self, entry: Entry) -> bool:
        if self.keeps:
            self.stored.append(entry.key)
            self.office.stored(entry, None)
        return self.keeps

    def receipts_due(self, sender: Sender) -> None:
        self.due[sender] = None

    def tell(self) -> None:
        due, self.due = self.due, {}
        for sender in due:
            if isinstance(sender.link, Line):
                sender.link.down.append(("receipts", *sender.take_changes()))

    # --- lines --------------------------------------------------------------------------------------------------------
    def connect(self, process: Process) -> None:
        place = (process.user, process.device)
        for other in [line for line in self.lines if (line.process.user, line.process.device) == place]:
            self.cut(other)
        line = process.line = Line(process)
        self.lines.append(line)
        inbox, outbox = process.inbox, process.outbox
        line.up.append(("hello", inbox.epoch, *inbox.hello(), outbox.hello()))

    def cut(self, line: Line, told: bool = True) -> None:
        if line not in self.lines:
            return
        self.lines.remove(line)
        if line.process.line is line:
            line.process.line = None
            line.process.outbox.disconnected()
        if told and line.sender is not None and line.reader is not None:
            self.office.left(line.process.user, line.sender, line.reader, line, self.now)

    # --- processes ----------------------------------------------------------------------------------------------------
    def get(self, process: Process, frame: tuple[Any, ...]) -> None:
        kind, *content = frame
        if kind == "welcome":
            record, accepted, confirmed = content
            process.inbox.welcomed(record[0], confirmed)
            for message in process.outbox.welcomed(record, accepted):
                self.write(process, message)
            self.acknowledge(process)
        elif kind == "handed":
            number, key, is_redelivered, confirmed = content
            job = process.inbox.arrived(number, key, confirmed)
            if job is not None:
                self.hand_over(process, job, is_redelivered)
            assert len(process.at_work) <= OPTIONS.messages_in_hand * self.epochs, "more than it had room for"
        elif kind == "missed":
            process.missed_nothing = False
        elif kind == "receipts":
            reached, failed = content
            for run in reached:
                for message in process.outbox.reached(run.conversation, run.first, run.last, Level(run.level)):
                    process.reports[message.key] = (message.level, 0)
            for each in failed:
                message = process.outbox.failed(each.conversation, each.sequence, Level(each.level))
                if message is not None:
                    process.reports[message.key] = (message.level, each.reason)

    def hand_over(self, process: Process, job: Job, is_redelivered: bool) -> None:
        key = job.key
        assert key not in [handed for handed, _ in process.handed], "handed twice to one process"
        born = int.from_bytes(process.identity, "big")
        assert is_redelivered or self.ever_handed.get(key, born) >= born, "handed before this process, and not marked"
        earlier = [handed.sequence for handed, _ in process.handed if handed[:2] == key[:2]]
        assert all(sequence < key.sequence for sequence in earlier), "out of order"
        process.handed.append((key, is_redelivered))
        self.ever_handed.setdefault(key, self.lives)
        process.at_work.append(job)

    def write(self, process: Process, message: Message) -> None:
        assert process.line is not None
        settled = process.outbox.written(message)
        process.line.up.append(("message", message.key, message.target, message.marks, settled))

    def acknowledge(self, process: Process) -> None:
        while process.line is not None and (news := process.inbox.acknowledgement()) is not None:
            process.line.up.append(("acknowledgement", *news))


SENDERS = st.sampled_from([0, 0, 0, 1, 2])
TARGETS = st.sampled_from(["bob", "bob", "bob", "alice", "nobody"])


class DeliveryWalk(RuleBasedStateMachine):
    """Alice's processes send to bob, who has two devices; everything happens that may."""

    restarts_server = False

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.dead: list[Process] = []

    @initialize(keeps=st.booleans(), has_two_devices=st.booleans())
    def begin(self, keeps: bool, has_two_devices: bool) -> None:
        self.world.keeps = keeps
        self.places = [("alice", 1), ("bob", 1), ("bob" if has_two_devices else "carol", 2)]
        self.processes = [self.born(user, device) for user, device in self.places]
        for process in self.processes:
            self.world.connect(process)
        self.settle()

    def born(self, user: str, device: int) -> Process:
        self.world.lives += 1
        identity = self.world.lives.to_bytes(16, "big")
        return Process(user, device, identity, Outbox(identity, 12, 1000))

    @rule(place=SENDERS, to=TARGETS, count=st.integers(1, 4))
    def send(self, place: int, to: str, count: int) -> None:
        process = self.processes[place]
        for _ in range(count):
            try:
                message = process.outbox.add(to, 1, b"content", 0)
            except WindowFull:
                return
            process.sent.append(message)
            if process.outbox.is_welcome:
                self.world.write(process, message)

    @rule()
    def everything_arrives(self) -> None:
        self.flow()

    @rule()
    def everything_arrives_and_is_handled(self) -> None:
        self.settle()

    @rule(place=st.integers(0, 2), up=st.booleans(), twice=st.booleans(), count=st.integers(1, 4))
    def frames_arrive(self, place: int, up: bool, twice: bool, count: int) -> None:
        process = self.processes[place]
        line = process.line
        if line is None:
            return
        for _ in range(count):
            way = line.up if up else line.down
            if not way or process.line is not line:
                return
            self.arrive(line, up, twice)
        self.world.tell()

    def arrive(self, line: Line, up: bool, twice: bool = False) -> None:
        frame = (line.up if up else line.down).popleft()
        for _ in range(1 + twice):
            if up:
                self.world.take(line, frame)
            elif line.process.line is line:
                self.world.get(line.process, frame)

    @rule(place=st.integers(0, 2), raises=st.sampled_from([False, False, False, True]), count=st.integers(1, 4))
    def handler_finishes(self, place: int, raises: bool, count: int) -> None:
        process = self.processes[place]
        for _ in range(min(count, len(process.at_work))):
            self.finish(process, raises)
        if process.outbox.is_welcome:
            self.world.acknowledge(process)

    @rule(count=st.integers(4, 14))
    def one_device_handles_much_and_the_other_nothing(self, count: int) -> None:
        fast = self.processes[1]
        for _ in range(count):
            self.send(0, "bob", 1)
            self.flow()
            while fast.at_work:
                self.finish(fast)
            self.flow()

    def finish(self, process: Process, raises: bool = False) -> None:
        job = process.at_work.popleft()
        if not raises:
            self.world.handled.add(job.key)
        process.inbox.finished(job, RequestFailure.HANDLER_RAISED if raises else 0)

    @rule(place=st.integers(0, 2))
    def line_is_cut(self, place: int) -> None:
        line = self.processes[place].line
        if line is not None:
            self.world.cut(line)
        self.world.tell()

    @rule(place=st.integers(0, 2))
    def line_is_back(self, place: int) -> None:
        self.world.connect(self.processes[place])
        self.world.tell()

    @rule(place=st.integers(0, 2), comes_back=st.booleans())
    def process_restarts(self, place: int, comes_back: bool) -> None:
        old = self.processes[place]
        if old.line is not None:
            self.world.cut(old.line)
        self.dead.append(old)
        self.processes[place] = self.born(old.user, old.device)
        if comes_back:
            self.world.connect(self.processes[place])
        self.world.tell()

    @rule(seconds=st.sampled_from([0.5, 10.0, WINDOW / 2, WINDOW + 1]))
    def time_passes(self, seconds: float) -> None:
        self.world.now += seconds
        self.world.office.sweep(self.world.now)
        self.world.tell()

    @precondition(lambda self: self.restarts_server)
    @rule(come_back=st.booleans())
    def server_restarts(self, come_back: bool) -> None:
        self.world.restart_server()
        if come_back:
            for process in self.processes:
                self.world.connect(process)

    # --- the end ------------------------------------------------------------------------------------------------------
    def flow(self) -> None:
        """Everything arrives that is on its way, and what that sets off; handlers go on with their work."""
        moved = True
        while moved or self.world.due:
            moved = False
            self.world.tell()
            for line in list(self.world.lines):
                for up in (True, False):
                    while line.up if up else line.down:
                        self.arrive(line, up)
                        moved = True
                if line.process.outbox.is_welcome:
                    self.world.acknowledge(line.process)
                    moved = moved or bool(line.up)

    def settle(self) -> None:
        """Everything arrives, and every handler finishes."""
        self.flow()
        while any(process.at_work for process in self.processes):
            for process in self.processes:
                while process.at_work:
                    self.finish(process)
                if process.outbox.is_welcome:
                    self.world.acknowledge(process)
            self.flow()

    def teardown(self) -> None:
        if not hasattr(self, "processes"):
            return
        for process in self.processes:
            if process.line is None:
                self.world.connect(process)
        self.settle()
        self.world.now += 3 * WINDOW
        self.world.office.sweep(self.world.now)
        self.settle()
        for process in [*self.processes, *self.dead]:
            for message in process.sent:
                self.check(process, message)
        for process in self.processes:
            self.check_completeness(process)
        self.check_nothing_is_left()

    def check(self, process: Process, message: Message) -> None:
        level, failure = process.reports.get(message.key, (Level.QUEUED, 0))
        if process in self.processes:
            assert failure or level in LAST_LEVELS, f"{message.key} was neither delivered nor reported"
        if failure in LIMITED and not message.marks & Mark.MAY_HAVE_BEEN_HANDED:
            assert message.key not in self.world.ever_handed, "refused and handed"
        elif level is Level.RECEIVER_HANDLED_IT:
            assert message.key in self.world.handled, "said to be handled, and is not"
        elif level is Level.RECEIVER_HAS_IT:
            assert message.key in self.world.ever_handed, "said to be received, and is not"
        elif level is Level.STORED_ON_DISK:
            assert message.key in self.world.stored

    def check_completeness(self, process: Process) -> None:
        """A process that was never told that it missed something got everything that came while it was there."""
        if process.joined is None or not process.missed_nothing:
            return
        handed = {key for key, _ in process.handed}
        for other in [*self.processes, *self.dead]:
            for message in other.sent:
                step, target = self.world.accepted.get(message.key, (0, ""))
                level, failure = other.reports.get(message.key, (Level.QUEUED, 0))
                if step > process.joined and target == process.user and not failure and level > Level.STORED_ON_DISK:
                    assert message.key in handed, f"a device of {target} missed {message.key}"

    def check_nothing_is_left(self) -> None:
        office = self.world.office
        assert (office.messages, office.bytes) == (0, 0)
        for process in self.processes:
            assert len(process.outbox) == 0


class RestartedServerWalk(DeliveryWalk):
    """The same, and the server restarts as well: it loses everything, its senders do not."""

    restarts_server = True


COMMON = settings(max_examples=60, stateful_step_count=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
TestDelivery = DeliveryWalk.TestCase
TestDelivery.settings = COMMON
TestRestartedServer = RestartedServerWalk.TestCase
TestRestartedServer.settings = COMMON
