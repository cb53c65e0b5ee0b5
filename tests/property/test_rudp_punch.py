"""Whatever comes, and in whatever order: attempts keep to their table, their limits and their time, and never raise."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from esframework.limits import rudp as limits
from esframework.rudp.candidates import Candidate, Kind, Offered, Protocol, RemoteCandidates, Rules
from esframework.rudp.paths import Address
from esframework.rudp.probes import PROBE_SIZE, Probe, What, read_probe, session_of, write_probe
from esframework.rudp.punch import Attempt, Event, Failed, Finished, Mode
from esframework.rudp.stages import TRANSITIONS, State

KEY = b"k" * 32
SESSION = b"sixteen bytes..."
NEAR, FAR = ("10.0.0.1", 5000), ("203.0.113.1", 5000)
REMOTE: list[Offered] = [
    Candidate(kind, protocol, *address)
    for protocol in Protocol
    for kind, address in ((Kind.HOST, NEAR), (Kind.REFLEXIVE, FAR))
]
LOCAL = [Candidate(Kind.HOST, protocol, "10.0.0.2", 5000) for protocol in Protocol]

ADDRESSES = st.sampled_from([NEAR, FAR]) | st.tuples(st.just("198.51.100.7"), st.integers(1, 12))
PROBES = st.builds(
    Probe,
    st.sampled_from(What),
    st.booleans(),
    st.integers(0, 255),
    st.integers(0, 40) | st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1).map(lambda micros: micros / 1e6),
)
HOSTS = st.one_of(
    st.ip_addresses().map(str),
    st.sampled_from(["10.0.0.3", "127.0.0.1", "255.255.255.255", "::", "fe80::1%1", "::ffff:10.0.0.1"]),
    st.text(max_size=50),
)
OFFERS = st.tuples(
    st.sampled_from([*Kind, "relay", ""]), st.sampled_from([*Protocol, "sctp"]), HOSTS, st.integers(-1, 2**17)
)


def attempt(is_leader: bool, mode: Mode = Mode.BOTH) -> Attempt:
    return Attempt(
        is_leader=is_leader,
        session=SESSION,
        probe_key=KEY,
        local=LOCAL,
        remote=REMOTE,
        mode=mode,
        relay_round_trip=0.2,
    )


@given(PROBES)
def test_a_probe_is_read_as_it_was_written(probe: Probe) -> None:
    datagram = write_probe(KEY, SESSION, probe)
    assert len(datagram) == PROBE_SIZE
    assert session_of(datagram) == SESSION
    assert read_probe(KEY, SESSION, datagram) == probe


@given(st.lists(OFFERS, max_size=80), st.booleans(), st.booleans())
def test_any_offer_gives_few_candidates_that_the_rules_allow(
    offered: list[Offered], loopback: bool, private: bool
) -> None:
    rules = Rules(loopback, private)
    remote = RemoteCandidates(rules)
    added = remote.add(offered) + remote.add(offered)
    assert len(added) == len(set(added)) <= limits.MAX_CANDIDATES
    assert max(Counter(one[1:3] for one in added).values(), default=0) <= limits.MAX_PORTS_OF_HOST
    # What was admitted is admitted again, as it is: its form is the canonical one.
    assert sorted(RemoteCandidates(rules).add(added)) == sorted(added)


@given(st.binary(max_size=100), st.integers(0, PROBE_SIZE - 1), st.integers(1, 255), PROBES, ADDRESSES)
def test_what_is_not_authentic_changes_nothing(
    noise: bytes, place: int, flipped: int, probe: Probe, address: Address
) -> None:
    mutated = bytearray(write_probe(KEY, SESSION, probe))
    mutated[place] ^= flipped
    elsewhere = write_probe(b"x" * 32, SESSION, probe), write_probe(KEY, b"another session.", probe)
    for is_leader in (True, False):
        disturbed, calm = attempt(is_leader), attempt(is_leader)
        for one in (disturbed, calm):
            one.start(0.0)
        for step in range(1, 40):
            for datagram in (noise, bytes(mutated), *elsewhere):
                disturbed.receive(datagram, address, step / 10)
            for one in (disturbed, calm):
                one.synchronise(1, step / 10)
                one.on_timer(step / 10)
            assert disturbed.state is calm.state
            assert disturbed.next_timer() == calm.next_timer()
            assert disturbed.events() == calm.events()
            assert disturbed.probes_to_send(step / 10) == calm.probes_to_send(step / 10)
            assert disturbed.dials(step / 10) == calm.dials(step / 10)


class AnyInputs(RuleBasedStateMachine):
    """An attempt, and a world that does what it likes."""

    @initialize(is_leader=st.booleans(), mode=st.sampled_from(Mode))
    def begin(self, is_leader: bool, mode: Mode) -> None:
        self.attempt = attempt(is_leader, mode)
        self.now = 0.0
        self.seen = State.NEW
        self.events: list[Event] = []
        self.sent: Counter[Address] = Counter()
        self.dialled: list[Address] = []

    def take(self) -> None:
        """Take what came of an input; the state has gone along the table, or not at all."""
        self.events += self.attempt.events()
        for _, address, _ in self.attempt.probes_to_send(self.now):
            self.sent[address] += 1
        self.dialled += self.attempt.dials(self.now)

    @rule()
    def start(self) -> None:
        self.attempt.start(self.now)

    @rule(number=st.integers(-1, 5))
    def synchronise(self, number: int) -> None:
        self.attempt.synchronise(number, self.now)

    @rule(probe=PROBES, address=ADDRESSES)
    def receive(self, probe: Probe, address: Address) -> None:
        self.attempt.receive(write_probe(KEY, SESSION, probe), address, self.now)

    @rule(offered=st.lists(OFFERS, max_size=5))
    def learn(self, offered: list[Offered]) -> None:
        self.attempt.add_remote(offered, self.now)

    @rule(connection=st.integers(0, 3), address=ADDRESSES)
    def connected(self, connection: int, address: Address) -> None:
        self.attempt.tcp_connected(connection, address, self.now)

    @rule(connection=st.integers(0, 3))
    def chosen(self, connection: int) -> None:
        self.attempt.tcp_chosen(connection, self.now)

    @rule(connection=st.integers(0, 3))
    def lost(self, connection: int) -> None:
        self.attempt.tcp_lost(connection, self.now)

    @rule(address=ADDRESSES, was_refused=st.booleans())
    def failed(self, address: Address, was_refused: bool) -> None:
        self.attempt.tcp_failed(address, was_refused, self.now)

    @rule(seconds=st.floats(0.0, 5.0))
    def wait(self, seconds: float) -> None:
        end = self.now + seconds
        while (when := self.attempt.next_timer()) is not None and when <= end:
            self.now = max(self.now, when)
            self.attempt.on_timer(self.now)
            self.step()
        self.now = end

    @rule()
    def late_timer(self) -> None:
        self.attempt.on_timer(self.now)

    @invariant()
    def step(self) -> None:
        self.take()
        state = self.attempt.state
        if state is not self.seen:
            steps = {self.seen}
            # Two steps may come of one input: a path is given up, and another one nominated.
            for _ in range(2):
                steps |= {after for before in list(steps) for after in TRANSITIONS[before].values()}
            assert state in steps
            self.seen = state
        timer = self.attempt.next_timer()
        assert timer is None or timer > self.now
        assert (timer is not None) or state in (State.NEW, State.OPEN, State.FAILED, State.STOPPED)

    @invariant()
    def limits_are_kept(self) -> None:
        assert len(self.sent) <= limits.MAX_CANDIDATES + limits.MAX_ADOPTED
        assert max(self.sent.values(), default=0) <= limits.PROBES_PER_ADDRESS
        assert len(self.dialled) <= limits.MAX_DIALS
        assert sum(isinstance(event, (Failed, Finished)) for event in self.events) <= 1

    def teardown(self) -> None:
        """In the end it is over, in time."""
        if hasattr(self, "attempt") and self.attempt.state is not State.NEW:
            self.wait(limits.ROUNDS * (limits.ROUND_TIME + 0.1) + limits.ROUNDS * limits.NOMINATION_TIME + 1.0)
            assert self.attempt.state in (State.OPEN, State.FAILED)


TestAnyInputs = AnyInputs.TestCase
