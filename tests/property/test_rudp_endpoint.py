"""What anybody may send to a port that has channels: nothing comes of it."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from esframework.rudp.connection import Connection
from esframework.rudp.endpoint import LAST_OF_RENDEZVOUS, Endpoint
from esframework.rudp.keys import derive
from esframework.rudp.packet import DATA, HEADER, PROBE

PEER, STRANGER = ("203.0.113.2", 1), ("203.0.113.9", 9)
INDEX = 0x0A0B0C0D


class Ends:
    """A channel in use, and datagrams of its peer that were read on the way."""

    def __init__(self) -> None:
        self.endpoint = Endpoint(Random(1).randbytes)
        self.connection = connection(is_leader=True, receiver=77)
        self.endpoint.add(INDEX, self.connection)
        peer = connection(is_leader=False, receiver=INDEX)
        peer.write(0, b"hello")
        self.recorded = [datagram for datagram, _ in peer.datagrams_to_send(0.0)]
        self.endpoint.receive_batch([(datagram, PEER) for datagram in self.recorded], 0.0)
        self.connection.write(0, b"answer")
        self.endpoint.touch(INDEX)
        self.endpoint.events()
        self.endpoint.datagrams_to_send(0.0)


def connection(is_leader: bool, receiver: int) -> Connection:
    keys = derive(b"secret", b"shared", is_leader, b"session", "aes-128-gcm")
    return Connection(keys, receiver, PEER, 0.0, random=Random(2).randbytes, round_trip=0.1)


HEADERS = st.builds(
    HEADER.pack,
    st.sampled_from([DATA, PROBE, 0, 3, 4]),
    st.integers(0, 255),
    st.integers(0, 0xFFFF),
    st.sampled_from([INDEX, 77, 0]),
    st.integers(0, 2**64 - 1),
)
MADE_UP = st.one_of(st.binary(max_size=100), st.builds(bytes.__add__, HEADERS, st.binary(max_size=60)))
MUTATIONS = st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 7)), min_size=1, max_size=3, unique=True)


def mutated(datagram: bytes, mutations: list[tuple[int, int]], length: int) -> bytes:
    """The same with some bits flipped, cut; never the same."""
    changed = bytearray(datagram)
    for position, bit in mutations:
        changed[position % len(changed)] ^= 1 << bit
    return bytes(changed[: max(1, length)])


@given(st.lists(MADE_UP, max_size=20), st.lists(st.tuples(MUTATIONS, st.integers(1, 200)), max_size=5))
def test_what_is_not_authentic_is_handed_back_or_counted(
    made_up: list[bytes], mutations: list[tuple[list[tuple[int, int]], int]]
) -> None:
    ends = Ends()
    endpoint = ends.endpoint
    datagrams = [*made_up, *(mutated(ends.recorded[0], bits, length) for bits, length in mutations), *ends.recorded]
    datagrams = [one for one in datagrams if one not in ends.recorded] + ends.recorded
    before = ends.connection.facts(0.0)
    due = ends.connection.next_timer()
    others = endpoint.receive_batch([(datagram, STRANGER) for datagram in datagrams], 0.0)
    assert endpoint.events() == []
    assert endpoint.datagrams_to_send(0.0) == []
    assert ends.connection.facts(0.0) == before | {"datagrams_refused": sum(ends.connection.refused.values())}
    assert ends.connection.next_timer() == due
    assert len(endpoint) == 1
    assert all(datagram[0] <= LAST_OF_RENDEZVOUS or datagram[0] == PROBE for datagram, _ in others)
    refused = sum(endpoint.refused.values()) + sum(ends.connection.refused.values())
    assert refused + len(others) == len(datagrams)
