"""One UDP socket on loopback, read and written as a reactor would have it."""

from __future__ import annotations

import socket
import sys
from errno import EAGAIN, EINVAL, EIO, EMSGSIZE, ENETUNREACH
from typing import Any

import pytest
from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor, IWriteDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer
from zope.interface.verify import verifyObject

from esframework import limits
from esframework.net import datagram_socket
from esframework.net.datagram_socket import Address, Datagram, DatagramSocket

HOST = "127.0.0.1"


@implementer(IReactorFDSet)
class Descriptors:
    """A reactor that only knows who wants to be called."""

    def __init__(self) -> None:
        self.readers: set[Any] = set()
        self.writers: set[Any] = set()

    def addReader(self, reader: Any) -> None:
        self.readers.add(reader)

    def addWriter(self, writer: Any) -> None:
        self.writers.add(writer)

    def removeReader(self, reader: Any) -> None:
        self.readers.discard(reader)

    def removeWriter(self, writer: Any) -> None:
        self.writers.discard(writer)

    def removeAll(self) -> list[Any]:
        return []

    def getReaders(self) -> list[Any]:
        return list(self.readers)

    def getWriters(self) -> list[Any]:
        return list(self.writers)


class Owner:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.batches: list[list[Datagram]] = []
        self.refused: list[tuple[int, Address]] = []
        self.left = 0
        self.lost: list[Failure] = []

    def datagrams_came(self, batch: list[Datagram]) -> None:
        self.batches.append(batch)

    def datagram_refused(self, size: int, address: Address) -> None:
        self.refused.append((size, address))

    def datagrams_left(self) -> None:
        self.left += 1

    def socket_lost(self, reason: Failure) -> None:
        self.lost.append(reason)


class Scripted:
    """In place of the kernel's socket: says what a test wants when something is sent."""

    def __init__(self, opened: socket.socket) -> None:
        self.opened = opened
        self.errors: list[int] = []
        self.largest = 65_536
        self.calls: list[list[bytes]] = []

    def sendto(self, datagram: bytes, address: Address) -> int:
        self._send([datagram])
        return len(datagram)

    def sendmsg(self, run: list[bytes], ancillary: Any, flags: int, address: Address) -> int:
        self._send(run)
        return len(run)

    def _send(self, run: list[bytes]) -> None:
        if self.errors:
            error = self.errors.pop(0)
            if error:
                raise OSError(error, "scripted")
        if len(run[0]) > self.largest:
            raise OSError(EMSGSIZE if len(run) == 1 else EINVAL, "too long")
        self.calls.append(run)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.opened, name)


class Ends:
    """Two sockets on loopback."""

    def __init__(self, host: str = HOST) -> None:
        self.reactor = Descriptors()
        self.owner, self.other_owner = Owner(), Owner()
        self.socket = DatagramSocket(self.reactor, host, 0, self.owner)
        self.other = DatagramSocket(self.reactor, host, 0, self.other_owner)
        self.address = (host, self.socket.port)
        self.there = (host, self.other.port)

    def scripted(self) -> Scripted:
        """What the first one sends goes there from now on."""
        scripted = Scripted(self.socket._socket)
        self.socket._socket = scripted  # type: ignore[assignment]
        return scripted

    def read_one_by_one(self) -> None:
        """The other one reads as on a kernel that joins nothing."""
        self.other._merges = False
        if sys.platform == "linux":
            self.other._socket.setsockopt(17, 104, 0)

    def close(self) -> None:
        self.socket.close()
        self.other.close()
        assert not self.reactor.readers
        assert not self.reactor.writers


def batch(there: Address, *sizes: int) -> list[Datagram]:
    return [(bytes([index]) * size, there) for index, size in enumerate(sizes)]


@pytest.mark.parametrize("segments", [True, False], ids=["segments", "each by itself"])
@pytest.mark.parametrize("merges", [True, False], ids=["merged", "one by one"])
@pytest.mark.parametrize("sizes", [[1200] * 200, [1200] * 5 + [7, 1200, 1200, 1472, 30, 30], [5], [1, 2, 3]])
def test_what_is_written_comes_as_it_was(sizes: list[int], merges: bool, segments: bool) -> None:
    ends = Ends()
    assert verifyObject(IReadDescriptor, ends.socket)
    assert verifyObject(IWriteDescriptor, ends.socket)
    ends.socket._segments &= segments
    if not merges:
        ends.read_one_by_one()
    sent = batch(ends.there, *sizes)
    ends.socket.write(sent)
    ends.other.doRead()
    assert ends.other_owner.batches == [[(datagram, ends.address) for datagram, _ in sent]]
    ends.close()


def test_a_turn_reads_so_many_and_no_more() -> None:
    ends = Ends()
    ends.read_one_by_one()
    ends.socket._segments = False
    ends.socket.write(batch(ends.there, *[100] * 250))
    ends.socket.write(batch(ends.there, *[100] * 50))
    ends.other.doRead()
    ends.other.doRead()
    ends.other.doRead()
    assert [len(read) for read in ends.other_owner.batches] == [limits.UDP_READ_DATAGRAMS, 44]
    ends.close()


def test_runs_of_one_size_to_one_address_leave_by_one_call() -> None:
    ends = Ends()
    ends.socket._segments = True
    scripted = ends.scripted()
    elsewhere = (HOST, 9)
    sent = batch(ends.there, *[1200] * 70, 100, 1200) + batch(elsewhere, 1200, 1400)
    ends.socket.write(sent)
    assert [len(run) for run in scripted.calls] == [54, 17, 1, 1, 1]
    assert [datagram for run in scripted.calls for datagram in run] == [datagram for datagram, _ in sent]
    ends.close()


@pytest.mark.parametrize("error", [EIO, EINVAL])
def test_a_network_card_that_cannot_segment_is_asked_once(error: int) -> None:
    ends = Ends()
    ends.socket._segments = True
    scripted = ends.scripted()
    scripted.errors = [error]
    ends.socket.write(batch(ends.there, 100, 100, 100))
    assert [len(run) for run in scripted.calls] == [1, 1, 1]
    assert not ends.socket.segments
    ends.close()


def test_a_run_of_too_large_ones_is_their_fault_and_not_the_cards() -> None:
    ends = Ends()
    ends.socket._segments = True
    ends.scripted().largest = 1400
    ends.socket.write(batch(ends.there, 1472, 1472, 100))
    assert ends.owner.refused == [(1472, ends.there)] * 2
    assert ends.socket.counts == {"too_large": 2}
    assert ends.socket.segments
    ends.close()


def test_an_address_that_is_none_is_its_own_fault_and_not_the_cards() -> None:
    ends = Ends()
    ends.socket._segments = True
    scripted = ends.scripted()
    # Port 0: anybody can write that into a datagram as the port that it comes from.
    scripted.errors = [EINVAL] * 4
    ends.socket.write(batch((HOST, 0), 100, 100, 100))
    assert ends.socket.counts == {f"error_{EINVAL}": 3}
    assert ends.socket.segments
    ends.close()


@pytest.mark.parametrize("segments", [True, False])
def test_what_finds_no_room_waits_in_order(segments: bool) -> None:
    ends = Ends()
    ends.socket._segments = segments
    scripted = ends.scripted()
    scripted.errors = [0, EAGAIN]
    sent = batch(ends.there, 100, 200, 300, 400)
    ends.socket.write(sent)
    assert ends.socket.is_blocked
    assert ends.reactor.writers == {ends.socket}
    more = batch(ends.there, 50)
    ends.socket.write(more)
    scripted.errors = [0, EAGAIN]
    ends.socket.doWrite()
    assert ends.socket.is_blocked
    assert ends.owner.left == 0
    ends.socket.doWrite()
    assert not ends.socket.is_blocked
    assert ends.owner.left == 1
    assert ends.reactor.writers == set()
    assert [datagram for run in scripted.calls for datagram in run] == [datagram for datagram, _ in sent + more]
    ends.close()


def test_only_so_many_wait() -> None:
    ends = Ends()
    ends.scripted().errors = [EAGAIN]
    ends.socket.write(batch(ends.there, 100))
    ends.socket.write([(b"x", ends.there)] * (limits.UDP_WAITING_DATAGRAMS + 10))
    assert len(ends.socket._waiting) == limits.UDP_WAITING_DATAGRAMS
    assert ends.socket.counts == {"no_room": 11}
    ends.close()


@pytest.mark.parametrize("segments", [True, False])
def test_what_cannot_leave_counts_as_lost(segments: bool) -> None:
    ends = Ends()
    ends.socket._segments = segments
    scripted = ends.scripted()
    scripted.errors = [ENETUNREACH] * (1 if segments else 3)
    ends.socket.write(batch(ends.there, 100, 100, 100))
    ends.socket.write(batch(ends.there, 5))
    assert scripted.calls == [[b"\0" * 5]]
    assert ends.socket.counts == {f"error_{ENETUNREACH}": 3}
    ends.close()


def test_the_kernel_refuses_what_is_larger_than_the_path() -> None:
    ends = Ends()
    ends.socket.write([(bytes(65_507), ends.there), (bytes(70_000), ends.there)])
    assert ends.owner.refused == [(70_000, ends.there)]
    ends.close()


@pytest.mark.parametrize("merges", [True, False])
def test_what_is_longer_than_any_of_ours_takes_no_memory(merges: bool) -> None:
    ends = Ends()
    ends.socket._segments = False
    if not merges:
        ends.read_one_by_one()
    ends.socket.write(batch(ends.there, 60_000, 100, limits.UDP_LARGEST_DATAGRAM))
    ends.other.doRead()
    (came,) = ends.other_owner.batches
    assert [len(datagram) for datagram, _ in came][-2:] == [100, limits.UDP_LARGEST_DATAGRAM]
    assert max(len(datagram) for datagram, _ in came) == limits.UDP_LARGEST_DATAGRAM
    ends.close()


def test_a_flood_of_what_is_too_long_has_the_reactor_wait_no_longer_than_any_other() -> None:
    class Flood:
        reads = 0

        def recvmsg_into(self, buffers: Any, ancillary: int) -> Any:
            self.reads += 1
            assert self.reads < 10_000, "read for ever"
            return 60_000, [], 0, (HOST, 9)

        def __getattr__(self, name: str) -> Any:
            return getattr(ends.socket._socket, name)

    ends = Ends()
    flood = Flood()
    ends.other._merges = True
    ends.other._socket, kept = flood, ends.other._socket  # type: ignore[assignment]
    ends.other.doRead()
    assert flood.reads == limits.UDP_READ_DATAGRAMS
    assert ends.other.counts == {"too_long": flood.reads}
    ends.other._socket = kept
    ends.close()


def test_an_empty_datagram_is_one() -> None:
    ends = Ends()
    ends.socket.write([(b"", ends.there), (b"x", ends.there)])
    ends.other.doRead()
    assert [datagram for datagram, _ in ends.other_owner.batches[0]] == [b"", b"x"]
    ends.close()


def test_nobody_there_is_no_error() -> None:
    ends = Ends()
    ends.other.close()
    for _ in range(5):
        ends.socket.write(batch(ends.there, 10))
        ends.socket.doRead()
    assert ends.owner.batches == []
    ends.socket.close()


@pytest.mark.parametrize("host", [HOST, "::1"])
def test_a_datagram_may_die_after_so_many_routers(host: str) -> None:
    if host == "::1" and not has_ipv6():
        pytest.skip("this machine has no IPv6")
    ends = Ends(host)
    option = datagram_socket._HOPS[ends.socket.family]
    usual = ends.socket._socket.getsockopt(*option)
    ends.socket.write_near(b"near", ends.there, 2)
    assert ends.socket._socket.getsockopt(*option) == usual
    ends.other.doRead()
    assert ends.other_owner.batches == [[(b"near", ends.address)]]
    ends.close()


def test_a_lost_socket_is_told_of_and_closed() -> None:
    ends = Ends()
    ends.socket.connectionLost(Failure(OSError("gone")))
    assert len(ends.owner.lost) == 1
    assert ends.reactor.readers == {ends.other}
    ends.socket.doWrite()
    ends.close()


def test_small_buffers_are_told_of_once(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[dict[str, Any]] = []
    monkeypatch.setattr(datagram_socket._log, "info", lambda *_, **what: said.append(what))
    monkeypatch.setattr(limits, "UDP_SOCKET_BUFFER", 1 << 30)
    datagram_socket._tell_of_small_buffers.cache_clear()
    for _ in range(3):
        Ends().close()
    assert len(said) == 1
    assert said[0]["wanted"] == 1 << 30
    datagram_socket._tell_of_small_buffers.cache_clear()


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True
