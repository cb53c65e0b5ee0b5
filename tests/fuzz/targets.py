"""Every parser that a datagram or connection reaches before anybody has shown who it is, and what may come of it there.

rendezvous-server    requests by UDP and TCP, and what clients of another make ask
rendezvous-client    answers of a P2P server
probe                probes of attempts
udp-channel          datagrams to a port that has a channel
tcp-hello            connections to a port that expects a session
tcp-record           what follows a hello, from somebody without keys
tcp-frames           the same from somebody with keys: no stranger, but no friend either
udp-frames           likewise
router-answer        NAT-PMP and PCP
"""

from __future__ import annotations

from contextlib import suppress
from random import Random
from types import SimpleNamespace
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted
from twisted.python.failure import Failure

from esframework.errors import KeyRefused, RendezvousRefused
from esframework.machines.port_mapping import PortMappings
from esframework.managers.p2p.foreign import Foreigners
from esframework.net.punched_tcp.sessions import Expected, Sessions
from esframework.net.rendezvous import RendezvousService
from esframework.rudp import keys, packet
from esframework.rudp.candidates import Candidate, Kind, Protocol
from esframework.rudp.connection import Connection
from esframework.rudp.endpoint import Endpoint
from esframework.rudp.events import Closed
from esframework.rudp.packet import parse_frames
from esframework.rudp.probes import Probe, What, read_probe, write_probe
from esframework.rudp.punch import Attempt
from esframework.rudp.rendezvous.answering import Answering
from esframework.rudp.rendezvous.discovery import Discovery
from esframework.rudp.rendezvous.messages import Answer, Request, decode_answer
from esframework.rudp.rendezvous.tokens import Tokens
from esframework.sealed import frames as tcp_frames
from esframework.sealed.hello import HELLO_SIZE, is_authentic, say_hello
from esframework.sealed.records import RecordSealer, connection_keys
from esframework.testing.reactor import VirtualReactor
from tests.fuzz.fuzzing import Target
from tests.memory_tcp import Recorder
from tests.routers import Router
from tests.sealed_ends import FOLLOWER_NONCE, LEADER_NONCE, SESSION, Pair, end, session_keys
from tests.sockets import SocketReactor

PEER, STRANGER = ("203.0.113.2", 4531), ("203.0.113.9", 9)
SERVER = ("203.0.113.1", 9901)
KEY = b"k" * 32
TOKENS = Tokens([b"a secret of ours"], Random(0).randbytes)


# --- the P2P server, and its answers --------------------------------------------------------------------------------
GOOD_REQUEST = Request(b"transaction.", TOKENS.issue(0.0)).encode()


def rendezvous_server(data: bytes) -> None:
    """Nobody without a token gets an answer, and none gets a longer one than its request."""
    reactor = SocketReactor()
    service = RendezvousService(reactor, Answering(TOKENS), reactor.seconds)
    nobody: Any = SimpleNamespace(users=SimpleNamespace(devices_of=lambda user_id: []))
    service.foreign = Foreigners(nobody).datagram
    service.open(*SERVER)
    for answer, _ in reactor.deliver(data, STRANGER, SERVER):
        assert len(answer) <= len(data)
        assert TOKENS.check(data[16:48], 0.0) is None
        assert decode_answer(answer).seen == STRANGER
    peer = reactor.connect(STRANGER, SERVER)
    assert peer is not None
    peer.write(data)
    reactor.advance(120.0)
    assert service.connections == 0


def rendezvous_client(data: bytes) -> None:
    """Only an answer to a question counts."""
    client = Discovery(SERVER, bytes(32), lambda size: bytes(size), 0.0, tests_filtering=True)
    client.datagrams_to_send(0.0)
    was_taken = client.receive(data, 0.1)
    assert not was_taken or data[4:16] == bytes(12), "an answer to nothing was taken"
    for now in range(1, 30):
        client.datagrams_to_send(float(now))
    assert client.findings is not None


ANSWERS = [
    Answer(bytes(12), ("192.0.2.1", 5000), 9902, ("203.0.113.2", 9901), 0).encode(),
    Answer(bytes(12), ("2001:db8::1", 5000)).encode(),
]


# --- attempts -------------------------------------------------------------------------------------------------------
def probe(data: bytes) -> None:
    """What is not authentic changes nothing."""
    for is_leader in (True, False):
        candidate = Candidate(Kind.HOST, Protocol.UDP, "192.0.2.1", 5000)
        attempt = Attempt(
            is_leader=is_leader,
            session=SESSION,
            probe_key=KEY,
            local=[candidate],
            remote=[("host", "udp", *PEER)],
            first_ttl=None,
        )
        attempt.start(0.0)
        attempt.synchronise(1, 0.0)
        attempt.probes_to_send(0.0)
        attempt.events()
        before = attempt.state, attempt.next_timer()
        attempt.receive(data, STRANGER, 0.0)
        if read_probe(KEY, SESSION, data) is None:
            assert (attempt.state, attempt.next_timer()) == before
            assert attempt.events() == [] == attempt.probes_to_send(0.0)
            assert sum(attempt.refused.values()) == 1
        else:
            assert sum(len(one[0]) for one in attempt.probes_to_send(0.0)) <= 3 * len(data)


PROBES = [
    write_probe(KEY, SESSION, Probe(what, is_by_leader, 1, number, 0.05))
    for number, (what, is_by_leader) in enumerate((what, leads) for what in What for leads in (True, False))
]


# --- channels by UDP ------------------------------------------------------------------------------------------------
def _udp_connection(is_leader: bool, receiver: int) -> Connection:
    own = keys.derive(b"s" * 32, b"x" * 32, is_leader, SESSION, keys.AES_GCM)
    return Connection(own, receiver, PEER, 0.0, random=Random(2).randbytes, round_trip=0.1)


INDEX = 0x0A0B0C0D


def _recorded() -> list[bytes]:
    peer = _udp_connection(False, INDEX)
    peer.write(0, b"hello")
    return [datagram for datagram, _ in peer.datagrams_to_send(0.0)]


RECORDED = _recorded()


def udp_channel(data: bytes) -> None:
    """What is not authentic, or comes again, is handed back or counted."""
    endpoint = Endpoint(Random(1).randbytes)
    connection = _udp_connection(True, 77)
    endpoint.add(INDEX, connection)
    endpoint.receive_batch([(datagram, PEER) for datagram in RECORDED], 0.0)
    endpoint.events()
    endpoint.datagrams_to_send(0.0)
    before, due = connection.facts(0.0), connection.next_timer()
    others = endpoint.receive_batch([(data, STRANGER)], 0.0)
    assert (endpoint.events(), endpoint.datagrams_to_send(0.0)) == ([], [])
    counted = {"datagrams_refused": sum(connection.refused.values())}
    assert (connection.facts(0.0), connection.next_timer()) == (before | counted, due)
    assert len(others) + sum(endpoint.refused.values()) + sum(connection.refused.values()) == 1


def udp_frames(data: bytes) -> None:
    """A peer that has the keys says anything: at worst the channel ends."""
    connection = _udp_connection(True, 77)
    own = keys.derive(b"s" * 32, b"x" * 32, False, SESSION, keys.AES_GCM)
    connection.write(0, b"something to acknowledge")
    connection.datagrams_to_send(0.0)
    connection.receive_batch([(keys.Sealer(own, INDEX, 0.0).seal(data, 0), PEER)], 0.1)
    connection.events()
    for now in (0.1, 0.2, 1.0, 5.0):
        if (due := connection.next_timer()) is not None and due <= now:
            connection.on_timer(now)
        connection.datagrams_to_send(now)
        connection.events()


def _udp_payloads() -> list[bytes]:
    payload = bytearray()
    packet.put_ping(payload)
    packet.put_ack(payload, [(0, 1)], 0.001)
    packet.put_stream(payload, 0, 0, b"message", False)
    packet.put_stream(payload, 2, 5, b"file", True)
    packet.put_max_data(payload, 2**40)
    packet.put_max_stream(payload, 2, 2**40)
    packet.put_blocked(payload, 2, 5)
    packet.put_challenge(payload, bytes(8))
    packet.put_response(payload, bytes(8))
    packet.put_reset(payload, 3, 4, 100)
    packet.put_observed(payload, bytes((192, 0, 2, 1)), 5000)
    assert len(parse_frames(bytes(payload))) == 11
    closing = bytearray()
    packet.put_close(closing, 64, "enough")
    return [bytes(payload), bytes(closing)]


# --- channels by TCP ------------------------------------------------------------------------------------------------
class Line:
    """A transport that keeps what is written."""

    def __init__(self, reactor: VirtualReactor) -> None:
        self._reactor = reactor
        self.written = b""
        self.connected = True
        self.protocol: Any = None

    def write(self, data: bytes) -> None:
        self.written += data

    def getPeer(self) -> IPv4Address:
        return IPv4Address("TCP", *STRANGER)

    getHost = getPeer

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        producer.resumeProducing()

    def unregisterProducer(self) -> None:
        """Nothing was kept of it."""

    def abortConnection(self) -> None:
        self.connected = False
        self._reactor.callLater(0, self.protocol.connectionLost, Failure(ConnectionAborted()))


class NoPort:
    """Nobody dials."""

    def listen(self, accept: Any, number: int = 0) -> None:
        raise NotImplementedError

    dial = close = listen


def tcp_hello(data: bytes) -> None:
    """Who has no keys hears nothing; who repeats a hello hears one, and opens nothing with it."""
    reactor = VirtualReactor()
    sessions = Sessions(reactor, NoPort(), Random(0).randbytes)  # type: ignore[arg-type]
    user = Recorder(is_leader=True)
    sessions.expect(Expected(SESSION, session_keys(True), True, user))
    line = Line(reactor)
    line.protocol = sessions.accept(line.getPeer())
    line.protocol.makeConnection(line)
    cut = data[0] if data else 0
    for piece in (data[:cut], data[cut:]):
        if piece and line.connected:
            line.protocol.dataReceived(piece)
            reactor.settle()
    is_repeated = len(data) >= HELLO_SIZE and is_authentic(session_keys(True).probes, data)
    assert not line.written or is_repeated
    assert user.found_channels == []
    reactor.advance(60.0)
    assert not line.connected
    assert len(line.written) <= 2 * HELLO_SIZE + 400


HELLOS = [
    say_hello(session_keys(True).probes, SESSION, False, FOLLOWER_NONCE),
    say_hello(session_keys(True).probes, SESSION, True, LEADER_NONCE) + bytes(40),
    say_hello(KEY, SESSION, False, FOLLOWER_NONCE),
]


def _sealer(is_leader: bool) -> RecordSealer:
    return RecordSealer(connection_keys(session_keys(is_leader), LEADER_NONCE, FOLLOWER_NONCE), 0.0)


def tcp_record(data: bytes) -> None:
    """Bytes of somebody without keys: nothing of them is handed out, and the connection ends at the first record."""
    for is_leader in (True, False):
        one = end(is_leader)
        one.receive(data, 0.0)
        events = one.events(0.0)
        assert all(isinstance(event, Closed) for event in events)
        assert [one.take(stream) for stream in range(3)] == [b"", b"", b""]
        assert one.records_received == 0


STRANGE_RECORDS = [
    RecordSealer(connection_keys(session_keys(True), bytes(16), bytes(16)), 0.0).seal(b"\x0b" * 20, 0.0),
    b"\x43\x00\x00\x11" + bytes(17),
    b"\x43\x01\x40\x10" + bytes(16400),
]


def tcp_frames_of_peer(data: bytes) -> None:
    """A peer that has the keys says anything: at worst the channel ends, and the window is never passed."""
    pair = Pair().opened()
    pair.follower.pause(2)
    if data:
        for place in range(0, len(data), 16384):
            record = pair.leader._sealer.seal(data[place : place + 16384], 0.0)
            pair.follower.receive(record, 0.0)
            pair.follower.records(1 << 16, 0.0)
    closed = [event for event in pair.follower.events(0.0) if isinstance(event, Closed)]
    assert len(closed) <= 1
    for now in (1.0, 5.0, 20.0):
        pair.follower.on_timer(now)
        pair.follower.records(1 << 16, now)
    fresh = end(False)
    if data:
        fresh.receive(_sealer(True).seal(data[:16384], 0.0), 0.0)
        fresh.events(0.0)


def _tcp_payloads() -> list[bytes]:
    record = bytearray()
    tcp_frames.put_data(record, 0, b"message")
    tcp_frames.put_data(record, 2, b"file")
    tcp_frames.put_credit(record, 1, 2**40)
    tcp_frames.put_mark(record, tcp_frames.PING, 5)
    tcp_frames.put_mark(record, tcp_frames.PONG, 5)
    closing = bytearray()
    tcp_frames.put_close(closing, 64, "enough")
    choices = bytes((tcp_frames.CHOSEN, tcp_frames.READY, tcp_frames.AGREED, tcp_frames.CLOSED))
    return [bytes(record), bytes(closing), choices, bytes((tcp_frames.CHOSEN,)) + bytes(record)]


# --- routers --------------------------------------------------------------------------------------------------------
def router_answer(data: bytes) -> None:
    """An answer counts if it is one, and never leads to more than a few questions."""
    mappings = PortMappings("10.0.0.2", bytes)
    mappings.want("udp", 4531, 0.0)
    mappings.want("tcp", 4532, 0.0)
    mappings.on_timer(2.0)
    mappings.on_timer(3.0)
    mappings.datagrams_to_send()
    mappings.receive(data, 3.0)
    for now in range(4, 40):
        mappings.on_timer(float(now))
    assert len(mappings.datagrams_to_send()) <= 40
    assert len(mappings.events()) <= 8


def _router_answers() -> list[bytes]:
    asking = PortMappings("10.0.0.2", bytes)
    asking.want("udp", 4531, 0.0)
    asking.on_timer(2.0)
    asking.on_timer(3.0)
    asked = asking.datagrams_to_send()
    answers = [answer for datagram in asked for answer in Router(pcp=datagram[0] == 2).answer(datagram)]
    refusing = Router()
    refusing.result = 2
    return answers + [answer for datagram in asked for answer in refusing.answer(datagram)]


# --- keys -----------------------------------------------------------------------------------------------------------
def public_key(data: bytes) -> None:
    """What the other end says is its public key, is one or is refused."""
    with suppress(KeyRefused):
        assert len(keys.exchange(b"p" * 32, data)) == 32
    with suppress(RendezvousRefused):
        TOKENS.check(data, 0.0)


TARGETS = (
    Target("rendezvous-server", "requests by UDP and TCP", [GOOD_REQUEST, b"\xff" * 40, bytes(80)], rendezvous_server),
    Target("rendezvous-client", "answers of a P2P server", ANSWERS, rendezvous_client),
    Target("probe", "probes of attempts", PROBES, probe),
    Target("udp-channel", "datagrams to a port that has a channel", RECORDED, udp_channel),
    Target("udp-frames", "frames of a peer that has the keys", _udp_payloads(), udp_frames),
    Target("tcp-hello", "connections to a port that expects a session", HELLOS, tcp_hello),
    Target("tcp-record", "what follows a hello, without keys", STRANGE_RECORDS, tcp_record),
    Target("tcp-frames", "frames of a peer that has the keys", _tcp_payloads(), tcp_frames_of_peer),
    Target("router-answer", "NAT-PMP and PCP", _router_answers(), router_answer),
    Target("public-key", "keys and tokens", [keys.public_key(b"q" * 32), bytes(32), TOKENS.issue(0.0)], public_key),
)
"""All of them."""
