"""Whatever happens to channels: what one end of a link sends, the other gets once and in order (protocol, 1126 on).

The server's way and each channel are pipes of their own, each in order, none in step with the others; a channel may die
with what is in it. The server's way loses no message here, but what the ends say to each other, and takes no more of
what was kept than it wants.
"""

from __future__ import annotations

from collections import deque
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from esframework.managers.p2p.machine.receiving import Receiver
from esframework.managers.p2p.machine.records import STREAMS, Counts, Record, pack_counts, pack_repeat
from esframework.managers.p2p.machine.sending import Sender, State


class Pipe:
    """A channel, seen from one direction: what is in it, and what comes back."""

    def __init__(self, name: int) -> None:
        self.name = name
        self.there: deque[tuple[int, bytes]] = deque()
        self.back: deque[tuple[int, bytes]] = deque()


class Direction:
    """A sender and its receiver, and everything between them."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.by_server: deque[Any] = deque()
        self.back_by_server: deque[Any] = deque()
        self.channels: list[Pipe] = []
        self.got: list[list[int]] = [[] for _ in range(STREAMS)]
        self.sent: list[list[int]] = [[] for _ in range(STREAMS)]
        self.past: set[int] = set()
        self.next = 0
        self.now = 0.0
        self.made = 0
        self.sender = Sender(self, 1)
        self.receiver = Receiver(Backwards(self), 1000)

    # SendingActions
    def relay(self, stream: int, record: Record) -> None:
        self.by_server.append((stream, record))

    def relay_kept(self, stream: int, record: Record) -> bool:
        if self.random.random() < 0.2:
            return False
        self.relay(stream, record)
        return True

    def write(self, channel: Pipe, stream: int, data: bytes) -> None:
        channel.there.append((stream, data))

    def announce(self, epoch: int) -> None:
        self.by_server.append(("epoch", epoch, False))
        self.by_server.append(("epoch", epoch, True))

    def ask(self, epoch: int) -> None:
        self.by_server.append(("ask", epoch))

    # what happens
    def send(self) -> None:
        stream = self.random.randrange(STREAMS)
        self.sent[stream].append(self.next)
        self.sender.send(stream, Record(1000, self.next, b"x" * self.random.choice((0, 3, 900))))
        self.next += 1

    def use_server(self) -> None:
        """Something goes past the link by the server; what is sent then comes behind it."""
        for stream in range(STREAMS):
            self.past.add(self.next)
            self.by_server.append((stream, Record(1000, self.next, b"")))
            self.next += 1
        self.sender.server_was_used()

    def check_past(self) -> None:
        """Of what went past by the server, nothing that was sent behind it has overtaken it."""
        for stream in self.got:
            for at, number in enumerate(stream):
                if number in self.past:
                    assert all(before < number for before in stream[:at])

    def open_channel(self) -> None:
        if len(self.channels) < 2:
            pipe = Pipe(self.made)
            self.made += 1
            self.channels.append(pipe)
            self.receiver.opened(pipe)
            self.sender.opened(pipe)

    def kill_channel(self) -> None:
        if self.channels:
            pipe = self.random.choice(self.channels)
            self.channels.remove(pipe)
            self.receiver.lost(pipe)
            if self.sender.channel is pipe:
                self.sender.lost(self.channels[-1] if self.channels else None)

    def move_server(self) -> None:
        if not self.by_server:
            return
        what = self.by_server.popleft()
        if what[0] == "epoch":
            self.receiver.announced(what[1], what[2])
        elif what[0] == "ask":
            self.back_by_server.append((what[1], self.receiver.asked(what[1])))
        else:
            self.got[what[0]].append(what[1].message_id)

    def move_back_by_server(self) -> None:
        if self.back_by_server:
            self.sender.answered(*self.back_by_server.popleft())

    def move_channel(self) -> None:
        for pipe in self.channels:
            if pipe.there and self.random.random() < 0.7:
                stream, data = pipe.there.popleft()
                if pipe.there and pipe.there[0][0] == stream and self.random.random() < 0.3:
                    data += pipe.there.popleft()[1]
                cut = self.random.randrange(len(data) + 1)
                self.receiver.received(pipe, stream, data[:cut], self.now)
                self.receiver.received(pipe, stream, data[cut:], self.now)
            if pipe.back and self.random.random() < 0.7:
                self.answer_by(pipe)

    def answer_by(self, pipe: Pipe) -> None:
        kind, arguments = pipe.back.popleft()
        if kind == 0:
            self.sender.delivered(*arguments)
        elif kind == 2:
            self.sender.say_again()
        else:
            self.sender.answered(*arguments)

    def lose_words(self) -> None:
        """Either end loses its connection to the server and has another."""
        self.by_server = deque(what for what in self.by_server if isinstance(what[0], int))
        self.back_by_server.clear()
        self.sender.say_again()
        self.receiver.ask_for_word()

    def settle(self) -> None:
        for turn in range(20000):
            if turn % 100 == 0 and self.sender.state is State.RETURNING:
                self.sender.say_again()
            self.move_server()
            self.move_back_by_server()
            self.move_channel()


class Backwards:
    """ReceivingActions: what the receiver says goes back by the channel, read here without its form."""

    def __init__(self, direction: Direction) -> None:
        self.direction = direction

    def deliver(self, stream: int, record: Record) -> None:
        self.direction.got[stream].append(record.message_id)

    def write(self, channel: Pipe, stream: int, data: bytes) -> None:
        if data == pack_repeat():
            channel.back.append((2, ()))
            return
        epoch = int.from_bytes(data[12:20])
        counts = tuple(int.from_bytes(data[at : at + 8]) for at in (20, 28, 36))
        channel.back.append((0, (epoch, counts)))

    def has_room(self, channel: Pipe) -> bool:
        return len(channel.back) < 3

    def delivered(self, epoch: int, counts: Counts) -> None:
        raise AssertionError("nobody sends that way here")

    def asked(self, epoch: int, channel: Pipe) -> None:
        channel.back.append((1, (epoch, self.direction.receiver.asked(epoch))))

    def answered(self, epoch: int, counts: Counts | None) -> None:
        raise AssertionError("nobody asks that way here")

    def repeat(self) -> None:
        raise AssertionError("nobody says it that way here")


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.integers(50, 400))
def test_everything_arrives_once_and_in_order_whatever_happens_to_channels(seed: int, steps: int) -> None:
    random = Random(seed)
    direction = Direction(random)
    for _ in range(steps):
        step = random.choices(
            (
                direction.send,
                direction.open_channel,
                direction.kill_channel,
                direction.move_server,
                direction.move_back_by_server,
                direction.move_channel,
                direction.receiver.confirm,
                direction.lose_words,
                direction.use_server,
            ),
            (10, 2, 2, 6, 3, 10, 1, 1, 1),
        )[0]
        step()
    direction.settle()
    assert [[each for each in stream if each not in direction.past] for stream in direction.got] == direction.sent
    direction.check_past()
    assert direction.sender.state in (State.BY_SERVER, State.DIRECT)


def test_what_went_past_by_the_server_is_not_overtaken() -> None:
    direction = Direction(Random(1))
    direction.open_channel()
    direction.settle()
    direction.relay(0, Record(1000, 7, b""))
    direction.sender.server_was_used()
    direction.sender.send(0, Record(1000, 8, b""))
    for _ in range(100):
        direction.move_channel()
    assert direction.got[0] == []
    direction.settle()
    assert direction.got[0] == [7, 8]


def test_an_end_that_is_gone_leaves_nothing_unsent() -> None:
    direction = Direction(Random(1))
    direction.open_channel()
    direction.send()
    direction.send()
    direction.kill_channel()
    direction.send()
    direction.by_server.clear()
    direction.sender.absent()
    assert sorted(record.message_id for _, record in direction.by_server) == [0, 1, 2]
    assert direction.sender.kept_bytes == 0


def test_a_count_that_nobody_can_have_is_not_believed() -> None:
    direction = Direction(Random(1))
    direction.open_channel()
    direction.send()
    direction.sender.delivered(1, (2**60, 2**60, 2**60))
    assert direction.sender.kept_bytes == 0
    direction.send()
    direction.kill_channel()
    direction.sender.answered(1, (0, 0, 0))
    assert [what[1].message_id for what in direction.by_server if isinstance(what[0], int)] == [1]


def test_the_form_of_an_answer_is_read_back() -> None:
    assert pack_counts(7, None)[12:] == bytes(7) + b"\x07" + bytes(25)
