"""P2P channels by UDP: one local port, all channels of it, and what comes for others.

    datagrams that came    to their channels; probes and the rendezvous' to the callbacks given; others count only
    what happened          told to the channels' users
    what is to leave       is sent: so what this end acknowledges has been handed out before
    the time               one delayed call, for the earliest of everything; what is written in a turn of the reactor
                           leaves in the next

Joins `DatagramPort` and `rudp.Endpoint`; nothing is allocated for a datagram that is not authentic. Refuses to know how
channels are agreed upon, and what users say.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import Any, TypeAlias

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from esframework import limits
from esframework.errors import ChannelClosed
from esframework.limits.rudp import INITIAL_RTT
from esframework.net.channels import Address, IP2PChannelUser
from esframework.net.datagram_socket import Datagram
from esframework.net.datagrams import EVERYWHERE, DatagramPort, source_for
from esframework.net.udp_channel import UdpChannel
from esframework.rudp.connection import CongestionMaker, Connection, measuring
from esframework.rudp.endpoint import Endpoint
from esframework.rudp.events import CloseCode, Closed
from esframework.rudp.keys import Keys
from esframework.rudp.packet import PROBE

OnDatagram: TypeAlias = Callable[[bytes, Address], object]

_log = Logger()


def _ignore(datagram: bytes, address: Address) -> None:
    """For whoever takes part in nothing."""


class UdpDriver:
    """Everything by one local UDP port.

    `on_probe(datagram, address)` gets what begins with 0x41, `on_rendezvous` what begins with 0 to 3: neither is
    authentic yet, and anybody can send as much of it as the line bears. What they raise is logged.

    :param hosts: addresses of this machine to bind to, at most one of each family; all of them as a rule.
    :param port: 0 for any; `port` says which.
    :param random: gives so many random bytes, that nobody can guess.
    :raises CannotListenError: where the port is taken.
    :raises LocalError: on a reactor that has no UDP.
    """

    def __init__(
        self,
        reactor: Any,
        *,
        on_probe: OnDatagram = _ignore,
        on_rendezvous: OnDatagram = _ignore,
        port: int = 0,
        hosts: Sequence[str] = EVERYWHERE,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.on_probe = on_probe
        self.on_rendezvous = on_rendezvous
        self._reactor = reactor
        self._random = random
        self._endpoint = Endpoint(random)
        self._channels: dict[int, UdpChannel] = {}
        # Those that were busy, whose users wait for that to end.
        self._watched: dict[int, UdpChannel] = {}
        self._timer: IDelayedCall | None = None
        self._in_turn = False
        self._is_woken = False
        self._stopping: list[Deferred[None]] = []
        self._is_closed = False
        self._port = DatagramPort(reactor, self, port, hosts)

    # --- what is known ----------------------------------------------------------------------------------------------
    @property
    def port(self) -> int:
        """The local port."""
        return self._port.port

    @property
    def has_ipv6(self) -> bool:
        """Whether IPv6 addresses can be reached by it at all."""
        return self._port.has_ipv6

    @property
    def has_ipv4(self) -> bool:
        """Whether IPv4 addresses can be reached by it at all."""
        return self._port.has_ipv4

    @property
    def channels(self) -> list[UdpChannel]:
        """Those that have not ended."""
        return list(self._channels.values())

    def refused(self) -> dict[str, int]:
        """How many datagrams were for nobody, or could not be sent, for which reason."""
        return self._endpoint.refused | self._port.counts()

    def seconds(self) -> float:
        """The reactor's time."""
        return float(self._reactor.seconds())

    def local_address(self, towards: Address) -> Address:
        """From where datagrams to an address leave: the system's choice, by its routes."""
        return source_for(self._reactor, towards) or "", self.port

    # --- probes and the rendezvous ----------------------------------------------------------------------------------
    def send(self, datagram: bytes, address: Address, ttl: int | None = None) -> None:
        """Send a datagram that belongs to no channel. With `ttl`, one that no more than so many routers pass on: it
        opens the door of this end's NAT and never knocks at the other's. What cannot leave is lost, as on the way."""
        if self._is_closed:
            return
        if ttl is None:
            self._port.write([(datagram, address)])
        else:
            self._port.write_near(datagram, address, ttl)

    # --- channels ---------------------------------------------------------------------------------------------------
    def new_index(self) -> int:
        """An index that no channel here has, to be told to the other end."""
        return self._endpoint.new_index()

    def open(
        self,
        keys: Keys,
        index: int,
        receiver: int,
        address: Address,
        user: IP2PChannelUser,
        *,
        round_trip: float | None = None,
        also_at: Sequence[Address] = (),
        congestion: CongestionMaker = measuring,
    ) -> UdpChannel:
        """Begin a channel; its first datagram leaves in the next turn of the reactor.

        :param index: of this end, from `new_index`; `receiver` is the other end's.
        :param address: where the other end answered.
        :param round_trip: seconds, if the probes measured it.
        :param also_at: other addresses at which the other end may be, the likeliest last; a few of them are kept, where
            it is looked for when this one falls silent.
        :param congestion: what decides how much may be on its way; `reference` gives way to every loss.
        :raises ChannelClosed: when the port is closed, or is to be.
        """
        if self._is_closed or self._stopping:
            raise ChannelClosed(f"UDP port {self.port} is closed, and channels by it with it")
        connection = Connection(
            keys,
            receiver,
            (str(ip_address(address[0])), address[1]),
            self.seconds(),
            random=self._random,
            round_trip=INITIAL_RTT if round_trip is None else round_trip,
            congestion=congestion,
        )
        for other in also_at:
            connection.remember_address(other)
        channel = UdpChannel(connection, index, user, self)
        self._channels[index] = channel
        self._endpoint.add(index, connection)
        self._wake()
        return channel

    def try_address(self, channel: UdpChannel, address: Address) -> None:
        """Signalling says that the other end is to be found at this address: go on there as soon as it answers."""
        channel.connection.try_address(address, self.seconds())
        self.touch(channel.index)

    def network_changed(self) -> None:
        """This machine has come to another network: every other end is shown its new address at once."""
        now = self.seconds()
        for channel in self._channels.values():
            channel.connection.moved_here(now)
            self.touch(channel.index)

    def touch(self, index: int) -> None:
        """Something was written to a channel, or it was closed: that leaves at the end of this turn, or in the next."""
        self._endpoint.touch(index)
        if not self._in_turn:
            self._wake()

    def watch(self, channel: UdpChannel) -> None:
        """A channel is busy: its user is told when it no longer is."""
        self._watched[channel.index] = channel

    # --- the end ----------------------------------------------------------------------------------------------------
    def stop(self) -> Deferred[None]:
        """Close all channels, each when what it has to say has arrived or a few seconds later, and then the port.
        Fires when that is done."""
        if self._is_closed:
            return succeed(None)
        for channel in self.channels:
            channel.close(CloseCode.DONE)
        done: Deferred[None] = Deferred()
        self._stopping.append(done)
        self._wake()
        return done

    def abort(self) -> None:
        """Close all channels and the port now. Other ends are told once, what waits is lost."""
        if not self._is_closed:
            self._end(CloseCode.DONE, "")

    def _end(self, code: int, reason: str) -> None:
        self._is_closed = self._in_turn = True
        now = self.seconds()
        for index, channel in self._channels.items():
            channel.connection.close(code, reason, now)
            self._endpoint.touch(index)
        self._tell()
        if not self._port.is_blocked:
            self._send(now)
        self._port.close()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        stopping, self._stopping = self._stopping, []
        for done in stopping:
            done.callback(None)

    # --- the socket's side ------------------------------------------------------------------------------------------
    def datagrams_came(self, batch: list[Datagram]) -> None:
        """Part of DatagramOwner."""
        now = self._reactor.seconds()
        others = self._endpoint.receive_batch(batch, now)
        if others:
            self._hand_on(others)
        self._turn(now)

    def datagram_refused(self, size: int, address: Address) -> None:
        """Part of DatagramOwner."""
        self._endpoint.refused_by_system(size, address, self._reactor.seconds())

    def datagrams_left(self) -> None:
        """Part of DatagramOwner."""
        self._turn(self._reactor.seconds())

    def socket_lost(self, reason: Failure) -> None:
        """Part of DatagramOwner."""
        if not self._is_closed:
            _log.info("UDP port {port}: lost: {reason}", port=self.port, reason=reason.getErrorMessage())
            self._end(CloseCode.FAILED, "the local port is gone")

    def _hand_on(self, others: list[Datagram]) -> None:
        for datagram, address in others:
            callback = self.on_probe if datagram[0] == PROBE else self.on_rendezvous
            try:
                callback(datagram, address)
            except Exception:
                _log.failure("UDP port {port}: a datagram that is of no channel", port=self.port)

    # --- turns ------------------------------------------------------------------------------------------------------
    def _turn(self, now: float) -> None:
        """Tell what happened, send what is to leave, and be called again when it is time."""
        if self._is_closed:
            return
        self._in_turn = True
        self._is_woken = False
        self._tell()
        if not (self._is_closed or self._port.is_blocked):
            self._send(now)
            if self._watched:
                self._tell_writable()
        if self._is_closed:
            # Whoever was told something has seen to that.
            return
        self._in_turn = False
        if self._stopping and not len(self._endpoint):
            self._end(CloseCode.DONE, "")
        elif self._port.is_blocked:
            # Goes on in `datagrams_left`; but a channel of which nothing is heard meanwhile ends all the same.
            self._call_at(now + limits.UDP_BLOCKED_LOOK, now)
        elif self._endpoint.is_touched:
            self._wake()
        else:
            self._call_at(self._endpoint.next_timer(), now)

    def _tell(self) -> None:
        for index, event in self._endpoint.events():
            channel = self._channels.get(index)
            if channel is not None:
                channel.tell(event)
                if type(event) is Closed:
                    del self._channels[index]
                    self._watched.pop(index, None)

    def _tell_writable(self) -> None:
        for index, channel in list(self._watched.items()):
            if channel.has_room:
                del self._watched[index]
                channel.tell_writable()

    def _send(self, now: float) -> None:
        batch = self._endpoint.datagrams_to_send(now)
        if batch:
            self._port.write(batch)

    def _wake(self) -> None:
        """Have a turn, as soon as this one of the reactor is over."""
        if not (self._in_turn or self._is_woken or self._is_closed):
            self._is_woken = True
            self._call_at(0.0, 0.0)

    def _call_at(self, when: float | None, now: float) -> None:
        if when is None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            return
        delay = when - now if when > now else 0.0
        if self._timer is None:
            self._timer = self._reactor.callLater(delay, self._on_time)
        else:
            self._timer.reset(delay)

    def _on_time(self) -> None:
        self._timer = None
        now = self._reactor.seconds()
        self._endpoint.on_timer(now)
        self._turn(now)
