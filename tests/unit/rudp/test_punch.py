"""One attempt, with a test in the place of the other end, the relay and the sockets."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import pytest

from esframework.limits import rudp as limits
from esframework.rudp.candidates import Candidate, Kind, Protocol
from esframework.rudp.paths import Address
from esframework.rudp.probes import Probe, What, read_probe, write_probe
from esframework.rudp.punch import (
    Attempt,
    ConnectionUnwanted,
    Event,
    Failed,
    Finished,
    Mode,
    PathAgreed,
    Reason,
    SyncWanted,
)
from esframework.rudp.stages import TRANSITIONS, State, Step

KEY = b"k" * 32
SESSION = b"sixteen bytes..."
HERE = ("10.0.0.2", 5000)
NEAR = ("10.0.0.1", 5000)
FAR = ("203.0.113.1", 5000)
STRANGER = ("198.51.100.7", 4711)
RELAY = 0.2
UDP, TCP = Protocol.UDP, Protocol.TCP


def candidates(protocol: Protocol) -> list[Candidate]:
    return [Candidate(Kind.HOST, protocol, *NEAR), Candidate(Kind.REFLEXIVE, protocol, *FAR)]


class Bench:
    """An attempt, the time, and everything that came of it."""

    def __init__(self, is_leader: bool = True, mode: Mode = Mode.BOTH, **options: Any) -> None:
        options.setdefault("remote", candidates(UDP) + candidates(TCP))
        self.now = 100.0
        self.attempt = Attempt(
            is_leader=is_leader,
            session=SESSION,
            probe_key=KEY,
            local=[Candidate(Kind.HOST, protocol, *HERE) for protocol in Protocol],
            mode=mode,
            relay_round_trip=RELAY,
            **options,
        )
        self.events: list[Event] = []
        self.sent: list[tuple[Probe, Address, int | None]] = []
        self.dialled: list[Address] = []

    @property
    def state(self) -> State:
        return self.attempt.state

    def take(self) -> None:
        """Take what came of an input, as whoever drives an attempt does."""
        self.events += self.attempt.events()
        for datagram, address, ttl in self.attempt.probes_to_send(self.now):
            probe = read_probe(KEY, SESSION, datagram)
            assert probe is not None
            assert probe.is_by_leader is self.attempt.is_leader
            self.sent.append((probe, address, ttl))
        self.dialled += self.attempt.dials(self.now)

    def start(self) -> Bench:
        """Begin."""
        self.attempt.start(self.now)
        self.take()
        return self

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        while (when := self.attempt.next_timer()) is not None and when <= end:
            self.now = when
            self.attempt.on_timer(when)
            self.take()
        self.now = end

    def hear(self, what: What, number: int, address: Address = NEAR, round_trip: float = 0.0, rounds: int = 1) -> None:
        """A probe of the other end comes."""
        probe = Probe(what, not self.attempt.is_leader, rounds, number, round_trip)
        self.attempt.receive(write_probe(KEY, SESSION, probe), address, self.now)
        self.take()

    def last(self, what: What, address: Address = NEAR) -> Probe:
        """What was sent to an address last."""
        return next(probe for probe, there, _ in reversed(self.sent) if probe.what is what and there == address)

    def answer(self, address: Address = NEAR) -> None:
        """The other end answers the last probe that went to an address."""
        self.hear(What.ANSWER, self.last(What.PROBE, address).number, address)

    def confirm(self, address: Address = NEAR) -> None:
        """The other end confirms the last nomination of an address."""
        self.hear(What.CONFIRMATION, self.last(What.NOMINATION, address).number, address)

    def connect(self, connection: Hashable = 1, address: Address = FAR, round_trip: float | None = None) -> None:
        """A TCP connection counts."""
        self.attempt.tcp_connected(connection, address, self.now, round_trip)
        self.take()

    def announce(self, number: int) -> None:
        """The leader's announcement of a round comes."""
        self.attempt.synchronise(number, self.now)
        self.take()

    def stop(self) -> None:
        """Nobody wants a path any more."""
        self.attempt.stop(self.now)
        self.take()

    def of(self, kind: type) -> list[Event]:
        """The events of a kind."""
        return [event for event in self.events if isinstance(event, kind)]


def new() -> Bench:
    return Bench()


def want_round() -> Bench:
    return new().start()


def probing() -> Bench:
    bench = want_round()
    bench.wait(RELAY / 2)
    return bench


def nominating() -> Bench:
    bench = probing()
    bench.wait(0.03)
    bench.answer()
    return bench


def upgrading() -> Bench:
    bench = nominating()
    bench.wait(0.03)
    bench.confirm()
    return bench


def is_open() -> Bench:
    bench = probing()
    bench.connect()
    return bench


def in_last_round(bench: Bench) -> Bench:
    while len(bench.of(SyncWanted)) < limits.ROUNDS:
        bench.wait(limits.ROUND_TIME)
    bench.wait(RELAY / 2)
    return bench


WALK: dict[tuple[State, Step], tuple[Callable[[], Bench], Callable[[Bench], object]]] = {
    (State.NEW, Step.START): (new, Bench.start),
    (State.NEW, Step.STOP): (new, Bench.stop),
    (State.WANT_ROUND, Step.ROUND_BEGINS): (want_round, lambda bench: bench.wait(RELAY / 2)),
    (State.WANT_ROUND, Step.PATH_WORKS): (
        lambda: between_rounds(),
        lambda bench: bench.answer(),
    ),
    (State.WANT_ROUND, Step.UDP_AGREED): (
        lambda: Bench(is_leader=False).start(),
        lambda bench: bench.hear(What.NOMINATION, 1),
    ),
    (State.WANT_ROUND, Step.AGREED): (want_round, Bench.connect),
    (State.WANT_ROUND, Step.ROUNDS_OVER): (
        lambda: Bench(is_leader=False).start(),
        lambda bench: bench.wait(limits.SYNC_WAIT),
    ),
    (State.WANT_ROUND, Step.STOP): (want_round, Bench.stop),
    (State.PROBING, Step.ROUND_BEGINS): (lambda: following(), lambda bench: bench.announce(2)),
    (State.PROBING, Step.PATH_WORKS): (probing, Bench.answer),
    (State.PROBING, Step.UDP_AGREED): (lambda: following(), lambda bench: bench.hear(What.NOMINATION, 1)),
    (State.PROBING, Step.AGREED): (probing, Bench.connect),
    (State.PROBING, Step.ROUND_OVER): (probing, lambda bench: bench.wait(limits.ROUND_TIME)),
    (State.PROBING, Step.ROUNDS_OVER): (
        lambda: in_last_round(probing()),
        lambda bench: bench.wait(limits.ROUND_TIME),
    ),
    (State.PROBING, Step.STOP): (probing, Bench.stop),
    (State.NOMINATING, Step.UNCONFIRMED): (nominating, lambda bench: bench.wait(limits.NOMINATION_TIME)),
    (State.NOMINATING, Step.UDP_AGREED): (nominating, Bench.confirm),
    (State.NOMINATING, Step.AGREED): (nominating, Bench.connect),
    (State.NOMINATING, Step.STOP): (nominating, Bench.stop),
    (State.UPGRADING, Step.ROUND_BEGINS): (upgrading, lambda bench: bench.wait(limits.ROUND_TIME + RELAY / 2)),
    (State.UPGRADING, Step.UDP_AGREED): (
        lambda: follower_with_udp(),
        lambda bench: bench.hear(What.NOMINATION, 2, FAR),
    ),
    (State.UPGRADING, Step.AGREED): (upgrading, Bench.connect),
    (State.UPGRADING, Step.ROUND_OVER): (upgrading, lambda bench: bench.wait(limits.ROUND_TIME)),
    (State.UPGRADING, Step.ROUNDS_OVER): (
        lambda: in_last_round(upgrading()),
        lambda bench: bench.wait(limits.ROUND_TIME),
    ),
    (State.UPGRADING, Step.STOP): (upgrading, Bench.stop),
    (State.OPEN, Step.UDP_AGREED): (
        lambda: follower_with_udp(limits.SYNC_WAIT),
        lambda bench: bench.hear(What.NOMINATION, 2, FAR),
    ),
    (State.OPEN, Step.AGREED): (lambda: in_tcp_while_nominating(), Bench.confirm),
    (State.OPEN, Step.STOP): (is_open, Bench.stop),
}
"""How each entry of the table comes about: an attempt in that state, and what happens to it."""


def between_rounds() -> Bench:
    bench = probing()
    bench.wait(limits.ROUND_TIME)
    return bench


def following() -> Bench:
    bench = Bench(is_leader=False).start()
    bench.announce(1)
    return bench


def follower_with_udp(later: float = 0.0) -> Bench:
    bench = Bench(is_leader=False).start()
    bench.hear(What.NOMINATION, 1)
    bench.wait(later)
    return bench


def in_tcp_while_nominating() -> Bench:
    bench = nominating()
    bench.connect()
    return bench


def test_the_whole_table_is_walked() -> None:
    assert set(WALK) == {(state, step) for state, row in TRANSITIONS.items() for step in row}


@pytest.mark.parametrize(("state", "step"), WALK, ids=lambda part: part.name)
def test_an_attempt_goes_where_the_table_says(state: State, step: Step) -> None:
    make, happen = WALK[state, step]
    bench = make()
    assert bench.state is state
    happen(bench)
    assert bench.state is TRANSITIONS[state][step]


@pytest.mark.parametrize("make", [new, want_round, probing, nominating, upgrading, is_open])
def test_after_the_end_nothing_happens_any_more(make: Callable[[], Bench]) -> None:
    bench = make()
    bench.stop()
    bench.events.clear()
    sent, dialled = len(bench.sent), len(bench.dialled)
    bench.start()
    bench.hear(What.PROBE, 1)
    bench.attempt.add_remote([(Kind.HOST, TCP, "10.0.0.9", 5000)], bench.now)
    bench.attempt.tcp_failed(NEAR, True, bench.now)
    bench.wait(60.0)
    assert bench.events == []
    assert (len(bench.sent), len(bench.dialled)) == (sent, dialled)
    assert bench.attempt.next_timer() is None
    bench.connect("late")
    assert bench.events == [ConnectionUnwanted("late")]


class TestRounds:
    """Three, each announced anew."""

    def test_a_leader_announces_each_and_begins_half_a_round_trip_later(self) -> None:
        bench = want_round()
        assert bench.events == [SyncWanted(1)]
        bench.wait(RELAY / 2 - 0.001)
        assert bench.state is State.WANT_ROUND
        bench.wait(0.001)
        assert bench.state is State.PROBING
        bench.wait(limits.ROUND_TIME)
        assert bench.events == [SyncWanted(1), SyncWanted(2)]
        bench.attempt.relay_round_trip = 0.0
        bench.wait(RELAY / 2 + limits.ROUND_TIME)
        assert bench.events == [SyncWanted(1), SyncWanted(2), SyncWanted(3)]
        bench.wait(limits.ROUND_TIME)
        assert bench.events[3:] == [Failed(Reason.NOTHING_CAME)]

    def test_a_follower_begins_when_it_hears_of_one_and_announces_none(self) -> None:
        bench = following()
        assert bench.state is State.PROBING
        bench.wait(limits.ROUND_TIME)
        assert bench.state is State.WANT_ROUND
        bench.announce(2)
        assert bench.state is State.PROBING
        assert bench.events == []

    @pytest.mark.parametrize("number", [-1, 0, 1, limits.ROUNDS + 1, 10**9])
    def test_a_round_that_was_or_cannot_be_changes_nothing(self, number: int) -> None:
        bench = following()
        bench.wait(limits.ROUND_TIME)
        bench.announce(number)
        assert bench.state is State.WANT_ROUND

    def test_a_leader_follows_nobody(self) -> None:
        bench = want_round()
        bench.announce(1)
        assert bench.state is State.WANT_ROUND

    @pytest.mark.parametrize("is_leader", [True, False])
    def test_a_probe_that_is_quicker_than_the_announcement_begins_the_round(self, is_leader: bool) -> None:
        bench = Bench(is_leader).start()
        bench.hear(What.PROBE, 1, rounds=1)
        assert bench.state is State.PROBING
        bench.wait(0.01)
        bench.announce(1)
        assert [probe.round for probe, _, _ in bench.sent if probe.what is What.ANSWER] == [1]

    def test_a_probe_of_a_round_that_was_begins_none(self) -> None:
        bench = between_rounds()
        bench.hear(What.PROBE, 1, rounds=1)
        assert bench.state is State.WANT_ROUND
        assert bench.last(What.ANSWER).number == 1

    def test_without_a_leader_it_ends_soon(self) -> None:
        bench = Bench(is_leader=False).start()
        bench.wait(limits.SYNC_WAIT)
        assert bench.events == [Failed(Reason.NOT_ANNOUNCED)]


class TestUdp:
    """Probes, the leader's choice, and what the follower makes of it."""

    def test_what_lies_beyond_the_lan_is_opened_at_the_start(self) -> None:
        bench = want_round()
        assert [(address, ttl) for _, address, ttl in bench.sent] == [(FAR, limits.FIRST_TTL)]

    def test_the_first_that_answers_is_nominated_and_used_when_that_is_confirmed(self) -> None:
        bench = nominating()
        nomination = bench.last(What.NOMINATION)
        assert nomination.round_trip == pytest.approx(0.03)
        assert bench.of(PathAgreed) == []
        bench.wait(0.02)
        bench.confirm()
        agreed = PathAgreed(UDP, NEAR, pytest.approx(0.02))
        assert bench.of(PathAgreed) == [agreed]
        assert bench.of(Finished) == []

    def test_with_udp_alone_all_is_finished_then(self) -> None:
        bench = Bench(mode=Mode.UDP).start()
        bench.wait(RELAY / 2)
        bench.answer()
        bench.confirm()
        assert bench.state is State.OPEN
        assert [type(event) for event in bench.events] == [SyncWanted, PathAgreed, Finished]
        assert bench.dialled == []
        assert bench.attempt.next_timer() is None

    def test_a_nomination_is_said_until_it_is_confirmed(self) -> None:
        bench = nominating()
        bench.wait(1.9)
        said = [probe for probe, _, _ in bench.sent if probe.what is What.NOMINATION]
        assert len(said) == len(limits.PROBE_OFFSETS)
        assert len({probe.number for probe in said}) == len(said)
        bench.hear(What.CONFIRMATION, said[0].number)
        assert len(bench.of(PathAgreed)) == 1

    def test_what_is_not_confirmed_gives_way_to_another_that_works(self) -> None:
        bench = nominating()
        bench.wait(0.2)
        bench.answer(FAR)
        bench.wait(limits.NOMINATION_TIME)
        assert bench.state is State.NOMINATING
        bench.confirm(FAR)
        assert bench.of(PathAgreed)[-1][:2] == (UDP, FAR)

    def test_a_path_that_nobody_confirmed_is_the_reason_in_the_end(self) -> None:
        bench = nominating()
        bench.wait(20.0)
        assert bench.events[-1] == Failed(Reason.NOT_CONFIRMED)

    def test_a_confirmation_of_what_was_not_nominated_is_none(self) -> None:
        bench = nominating()
        number = bench.last(What.NOMINATION).number
        bench.hear(What.CONFIRMATION, number, FAR)
        bench.hear(What.CONFIRMATION, number + 99)
        assert bench.state is State.NOMINATING

    def test_a_follower_confirms_and_uses_the_leaders_choice_with_its_round_trip(self) -> None:
        bench = following()
        bench.hear(What.NOMINATION, 5, FAR, 0.04)
        assert bench.last(What.CONFIRMATION, FAR).number == 5
        assert bench.events == [PathAgreed(UDP, FAR, pytest.approx(0.04))]
        bench.hear(What.NOMINATION, 6, FAR, 0.04)
        assert bench.last(What.CONFIRMATION, FAR).number == 6
        assert len(bench.events) == 1

    @pytest.mark.parametrize(("claimed", "believed"), [(0.0, None), (4000.0, limits.LONGEST_PROBED_RTT)])
    def test_a_round_trip_that_the_leader_does_not_know_or_invents_is_not_believed(
        self, claimed: float, believed: float | None
    ) -> None:
        bench = following()
        bench.hear(What.NOMINATION, 1, NEAR, claimed)
        assert bench.events == [PathAgreed(UDP, NEAR, believed)]

    def test_what_a_follower_measured_itself_counts_more(self) -> None:
        bench = following()
        bench.wait(0.01)
        bench.answer()
        bench.hear(What.NOMINATION, 1, NEAR, 1.0)
        assert bench.events == [PathAgreed(UDP, NEAR, pytest.approx(0.01))]

    def test_a_leader_that_changes_its_mind_is_followed_and_an_old_word_of_it_is_not(self) -> None:
        bench = following()
        bench.hear(What.NOMINATION, 5, NEAR)
        bench.hear(What.NOMINATION, 9, FAR)
        bench.hear(What.NOMINATION, 5, STRANGER)
        bench.hear(What.NOMINATION, 9, STRANGER)
        assert [event[1] for event in bench.of(PathAgreed)] == [NEAR, FAR]

    def test_roles_are_kept(self) -> None:
        leader, follower = probing(), following()
        leader.hear(What.NOMINATION, 1)
        follower.answer()
        follower.hear(What.CONFIRMATION, 0)
        assert leader.state is State.PROBING
        assert follower.state is State.PROBING

    def test_probes_are_answered_where_they_came_from_and_that_place_is_probed(self) -> None:
        bench = probing()
        bench.hear(What.PROBE, 77, STRANGER)
        assert bench.last(What.ANSWER, STRANGER).number == 77
        bench.answer(STRANGER)
        bench.confirm(STRANGER)
        assert bench.of(PathAgreed)[0][:2] == (UDP, STRANGER)

    def test_questions_are_answered_after_a_path_is_in_use(self) -> None:
        bench = is_open()
        before = len(bench.sent)
        bench.hear(What.PROBE, 7, FAR)
        assert [probe.what for probe, _, _ in bench.sent[before:]] == [What.ANSWER]

    @pytest.mark.parametrize("is_leader", [True, False])
    def test_own_probes_that_come_back_are_nothing(self, is_leader: bool) -> None:
        bench = Bench(is_leader).start()
        own = write_probe(KEY, SESSION, Probe(What.PROBE, is_leader, 1, 0))
        bench.attempt.receive(own, NEAR, bench.now)
        assert bench.attempt.refused == {"own probe": 1}
        assert bench.state is State.WANT_ROUND

    def test_nothing_is_taken_before_the_start_nor_where_udp_is_not_wanted(self) -> None:
        for bench in (new(), Bench(mode=Mode.TCP).start()):
            bench.hear(What.PROBE, 1)
            assert bench.attempt.refused == {"probe when none is wanted": 1}
            assert bench.sent == []

    def test_one_address_gets_no_more_than_its_share_whatever_comes_from_it(self) -> None:
        bench = probing()
        for number in range(1000):
            bench.hear(What.PROBE, number, STRANGER)
        answers = [probe for probe, address, _ in bench.sent if address == STRANGER]
        assert len(answers) == limits.PROBES_PER_ADDRESS
        assert bench.attempt.refused["too many probes from an address"] > 0

    def test_addresses_that_nobody_offered_are_few(self) -> None:
        bench = probing()
        for number in range(1000):
            bench.hear(What.PROBE, number, ("198.51.100.1", number + 1))
        assert len({address for _, address, _ in bench.sent} - {NEAR, FAR}) == limits.MAX_ADOPTED
        assert bench.attempt.refused == {"probe from too many addresses": 1000 - limits.MAX_ADOPTED}


class TestTcp:
    """Dials, and which connection is used."""

    def test_near_ones_are_dialled_at_the_start_and_others_in_the_round(self) -> None:
        bench = want_round()
        assert bench.dialled == [NEAR]
        bench.wait(RELAY / 2)
        assert bench.dialled == [NEAR, FAR]

    def test_a_follower_dials_nobody_who_may_not_expect_it_yet(self) -> None:
        bench = Bench(is_leader=False).start()
        bench.attempt.add_remote([(Kind.MAPPED, TCP, "203.0.113.9", 6000)], bench.now)
        bench.take()
        assert bench.dialled == []
        bench.announce(1)
        assert bench.dialled == [NEAR, FAR, ("203.0.113.9", 6000)]
        bench.wait(limits.ROUND_TIME)
        bench.attempt.add_remote([(Kind.MAPPED, TCP, "203.0.113.9", 7000)], bench.now)
        bench.take()
        assert bench.dialled[3:] == [("203.0.113.9", 7000)]

    def test_the_leader_takes_the_first_and_wants_no_other(self) -> None:
        bench = probing()
        bench.connect(1, FAR, 0.03)
        bench.connect(2, NEAR)
        assert bench.events[1:] == [PathAgreed(TCP, FAR, 0.03, 1), Finished(), ConnectionUnwanted(2)]
        dialled = len(bench.dialled)
        bench.attempt.tcp_failed(NEAR, True, bench.now)
        bench.wait(20.0)
        assert len(bench.dialled) == dialled

    def test_the_follower_takes_the_one_that_the_leader_chose(self) -> None:
        bench = following()
        for connection in (1, 2, 3):
            bench.connect(connection)
        assert bench.events == []
        bench.attempt.tcp_chosen(4, bench.now)
        bench.attempt.tcp_lost(3, bench.now)
        bench.attempt.tcp_chosen(3, bench.now)
        bench.take()
        assert bench.events == []
        bench.attempt.tcp_chosen(2, bench.now)
        bench.attempt.tcp_chosen(1, bench.now)
        bench.take()
        assert bench.events == [PathAgreed(TCP, FAR, None, 2), ConnectionUnwanted(1), Finished()]

    def test_nobody_chooses_at_a_leader(self) -> None:
        bench = is_open()
        bench.events.clear()
        bench.attempt.tcp_chosen(1, bench.now)
        bench.take()
        assert bench.events == []

    @pytest.mark.parametrize("is_leader", [True, False])
    def test_connections_that_nobody_chose_are_unwanted_in_the_end(self, is_leader: bool) -> None:
        bench = Bench(is_leader, Mode.TCP).start()
        if is_leader:
            bench.connect(1)
            bench.events.clear()
        else:
            bench.connect(1)
        bench.stop()
        assert bench.events == ([] if is_leader else [ConnectionUnwanted(1)])

    def test_tcp_is_preferred_and_still_tried_while_udp_is_in_use(self) -> None:
        bench = upgrading()
        dialled = len(bench.dialled)
        bench.wait(limits.ROUND_TIME + RELAY)
        assert bench.of(SyncWanted) == [SyncWanted(1), SyncWanted(2)]
        assert bench.dialled[dialled:] == [NEAR, FAR]
        probed = [probe for probe, _, _ in bench.sent if probe.round == 2]
        assert probed == []
        bench.connect()
        assert bench.events[-2:] == [PathAgreed(TCP, FAR, None, 1), Finished()]

    def test_without_it_udp_stays_and_all_is_finished_with_the_rounds(self) -> None:
        bench = upgrading()
        bench.wait(20.0)
        assert bench.events[-1] == Finished()
        assert bench.state is State.OPEN
        assert bench.of(Finished) == [Finished()]

    def test_a_dial_that_is_done_after_that_still_counts(self) -> None:
        bench = upgrading()
        bench.wait(20.0)
        dialled = len(bench.dialled)
        bench.attempt.tcp_failed(NEAR, True, bench.now)
        bench.wait(2.0)
        assert len(bench.dialled) == dialled
        bench.connect()
        assert bench.events[-1] == PathAgreed(TCP, FAR, None, 1)

    def test_a_nomination_on_its_way_is_seen_through_so_that_both_ends_think_the_same(self) -> None:
        bench = in_tcp_while_nominating()
        assert bench.of(Finished) == [Finished()]
        bench.confirm()
        assert [event[0] for event in bench.of(PathAgreed)] == [TCP, UDP]
        assert bench.of(Finished) == [Finished()]

    def test_one_that_is_not_confirmed_then_is_forgotten(self) -> None:
        bench = in_tcp_while_nominating()
        bench.wait(limits.NOMINATION_TIME)
        assert bench.attempt.next_timer() is None
        bench.confirm()
        assert [event[0] for event in bench.of(PathAgreed)] == [TCP]

    @pytest.mark.parametrize("mode", [Mode.TCP, Mode.UDP])
    def test_only_what_is_wanted_is_tried(self, mode: Mode) -> None:
        bench = Bench(mode=mode).start()
        bench.wait(20.0)
        assert bool(bench.dialled) is (mode is Mode.TCP)
        assert bool(bench.sent) is (mode is Mode.UDP)
        assert bench.events[-1] == Failed(Reason.NOTHING_CAME)

    def test_a_connection_that_nobody_wants_is_told_so(self) -> None:
        bench = Bench(mode=Mode.UDP).start()
        bench.connect()
        assert bench.events[-1] == ConnectionUnwanted(1)


class TestCandidates:
    """What the other end offers, early and late."""

    def test_late_ones_are_opened_and_dialled_at_once_and_probed_in_the_round(self) -> None:
        bench = Bench(remote=[]).start()
        assert bench.attempt.add_remote(candidates(UDP) + candidates(TCP), bench.now)
        bench.take()
        assert bench.dialled == [NEAR]
        assert [address for _, address, _ in bench.sent] == [FAR]
        bench.wait(RELAY / 2)
        late = ("203.0.113.9", 6000)
        bench.attempt.add_remote([(Kind.MAPPED, UDP, *late), (Kind.REFLEXIVE, TCP, *late)], bench.now)
        bench.take()
        assert late in bench.dialled
        bench.wait(0.2)
        bench.answer(late)
        assert bench.state is State.NOMINATING

    def test_offers_are_checked_here(self) -> None:
        bench = Bench(remote=[("host", "udp", "127.0.0.1", 5000), ("host", "tcp", "example.com", 5000)])
        assert bench.attempt.add_remote([("host", "tcp", "224.0.0.1", 5000)], bench.now) == []
        assert bench.attempt.refused == {"loopback": 1, "host": 1, "target": 1}
        bench.start()
        bench.wait(20.0)
        assert bench.events[-1] == Failed(Reason.NOTHING_TO_TRY)
        assert bench.sent == []
        assert bench.dialled == []

    def test_a_family_that_this_end_gets_late_is_tried_in_the_next_round(self) -> None:
        there = ("2001:db8::1", 5000)
        bench = Bench(remote=[(Kind.HOST, UDP, *there)]).start()
        bench.attempt.add_local([Candidate(Kind.HOST, UDP, "2001:db8::2", 5000)])
        bench.wait(1.0)
        bench.answer(there)
        assert bench.state is State.NOMINATING

    def test_something_came_and_nothing_was_answered(self) -> None:
        bench = probing()
        bench.hear(What.PROBE, 1, FAR)
        bench.wait(20.0)
        assert bench.events[-1] == Failed(Reason.NOTHING_ANSWERED)
