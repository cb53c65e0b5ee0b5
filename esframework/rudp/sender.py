"""What leaves by a channel: packets made of what streams, acknowledgements and the path have to say.

    first       challenges and their answers, each alone and to its own address; a probe of the MTU
    then        packets with bytes of streams, as many as window and pace bear; acknowledgements and news ride along
    regardless  what is asked for when nothing is heard, the first sign of life, and small messages
    at last     an acknowledgement alone, if it is due

Joins `streams`, `acknowledging`, `paths`, `recovery`, `pacing` and `mtu`, and seals with `keys`. Refuses to know what
comes, and when a channel begins and ends.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from typing import Final, Literal, TypeAlias

from esframework.limits import rudp as limits
from esframework.rudp.acknowledging import Acknowledger
from esframework.rudp.congestion import Congestion
from esframework.rudp.keys import Keys, Sealer
from esframework.rudp.mtu import Mtu
from esframework.rudp.pacing import Pacer
from esframework.rudp.packet import (
    ACK,
    OBSERVED,
    OVERHEAD,
    put_challenge,
    put_close,
    put_mtu_probe,
    put_observed,
    put_ping,
    put_response,
)
from esframework.rudp.paths import Address, Paths
from esframework.rudp.recovery import Recovery
from esframework.rudp.rtt import Rtt
from esframework.rudp.streams import Sent, Streams

Carried: TypeAlias = Sent | tuple[Literal[2], int] | tuple[Literal[11]]
"""What is remembered of a packet: see `streams`; and (ACK, newest number acknowledged) (OBSERVED,)."""

Datagrams: TypeAlias = list[tuple[bytes, Address]]

_CHALLENGE_DATAGRAM: Final = OVERHEAD + 9


class Sender:
    """Makes datagrams of one channel. `recovery`, `pacer` and `mtu` are of the path in use.

    `wants_ping`: ask the other end to show that it is there; `wants_observed`: tell it where it is seen; `probes`: so
    many packets leave whatever the window says.
    """

    def __init__(
        self,
        keys: Keys,
        receiver: int,
        streams: Streams,
        acknowledger: Acknowledger,
        paths: Paths,
        recovery: Recovery,
        now: float,
    ) -> None:
        self.recovery = recovery
        self.pacer = Pacer(now)
        self.mtu = Mtu(now)
        self.bytes_sent = 0
        self.datagrams_sent = 0
        # The first packet asks the other end to show that it is there.
        self.wants_ping = True
        self.wants_observed = True
        self.probes = 0
        self._sealer = Sealer(keys, receiver, now)
        self._streams = streams
        self._acks = acknowledger
        self._paths = paths

    def begin_path(self, rtt: Rtt, congestion: Congestion, now: float) -> None:
        """Go on by a path of which nothing is known."""
        self.recovery.move(rtt, congestion)
        self.pacer = Pacer(now)
        self.mtu = Mtu(now)

    def datagrams(self, is_confirmed: bool, now: float) -> Datagrams:
        """What leaves now, and whereto. `is_confirmed`: the other end has shown that it is there."""
        out: Datagrams = []
        self._sealer.renew(now)
        if self._paths.has_responses or self._paths.deadline <= now:
            self._put_path_frames(out, now)
        if is_confirmed and (size := self.mtu.probe(now)) is not None:
            self._put_mtu_probe(size, out, now)
        self._fill(out, now)
        if self._acks.deadline <= now:
            self._put_acknowledgement(out, now)
        return out

    def close_datagram(self, code: int, reason: str) -> Datagrams:
        """The one that tells the other end that it is over."""
        out: Datagrams = []
        packet = bytearray()
        put_close(packet, code, reason)
        self._seal(packet, out, self._paths.address)
        return out

    def next_at(self, now: float) -> float | None:
        """When bytes that wait may leave, as far as the pace says; None when nothing waits, or the window is full."""
        recovery = self.recovery
        if recovery.room and self._streams.is_waiting:
            return self.pacer.next_at(recovery.congestion.rate, self.mtu.size, now)
        return None

    def _fill(self, out: Datagrams, now: float) -> None:
        """Packets with what streams have to say, as many as window and pace bear; and what cannot wait for them."""
        streams, recovery, acks, size = self._streams, self.recovery, self._acks, self.mtu.size
        budget = min(recovery.room, self.pacer.budget(recovery.congestion.rate, size, now))
        address = self._paths.address
        is_waiting = streams.is_waiting
        while len(out) < limits.TURN_DATAGRAMS:
            may_carry = is_waiting and (budget > 0 or self.probes > 0 or (streams.is_urgent and recovery.room > 0))
            if not (may_carry or self.probes or self.wants_ping or self.wants_observed):
                break
            packet = bytearray()
            carried: list[Carried] = []
            has_ping = self.wants_ping or self.probes > 0
            if has_ping:
                self._put_ping(packet)
            acknowledges = acks.has_news
            if acknowledges:
                carried.append((ACK, acks.put(packet, now)))
            if self.wants_observed:
                self._put_observed(packet, carried)
            if may_carry:
                streams.put(packet, size - OVERHEAD, carried)  # type: ignore[arg-type]
            # Streams may have had something that does not matter any more; what was acknowledged beside it does.
            is_eliciting = has_ping or len(carried) > acknowledges
            if not packet:
                break
            sent = self._seal(packet, out, address)
            recovery.sent(self.datagrams_sent - 1, sent, carried, now, is_eliciting)
            if not is_eliciting:
                break
            self.pacer.sent(sent, size)
            budget -= sent
            is_waiting = streams.is_waiting
        if budget > 0 and not is_waiting:
            recovery.app_limited()

    def _put_ping(self, packet: bytearray) -> None:
        put_ping(packet)
        self.wants_ping = False
        self.probes = max(0, self.probes - 1)

    def _put_observed(self, packet: bytearray, carried: list[Carried]) -> None:
        host, port = self._paths.address
        put_observed(packet, ip_address(host).packed, port)
        carried.append((OBSERVED,))
        self.wants_observed = False

    def _put_acknowledgement(self, out: Datagrams, now: float) -> None:
        packet = bytearray()
        wants_answer = self._acks.wants_answer(now, self.recovery.rtt.smoothed)
        newest = self._acks.put(packet, now)
        if wants_answer:
            put_ping(packet)
        sent = self._seal(packet, out, self._paths.address)
        self.recovery.sent(self.datagrams_sent - 1, sent, [(ACK, newest)], now, is_eliciting=wants_answer)

    def _put_path_frames(self, out: Datagrams, now: float) -> None:
        """Challenges and their answers go alone, each to its address; who asked asks again, so no loss is noticed."""
        for data, address in self._paths.responses():
            self._put_alone(put_response, data, address, out, now)
        for data, address in self._paths.questions(_CHALLENGE_DATAGRAM, now, self.recovery.rtt.pto()):
            self._put_alone(put_challenge, data, address, out, now)

    def _put_alone(
        self, put: Callable[[bytearray, bytes], None], data: bytes, address: Address, out: Datagrams, now: float
    ) -> None:
        packet = bytearray()
        put(packet, data)
        sent = self._seal(packet, out, address)
        self.recovery.sent(self.datagrams_sent - 1, sent, [], now, is_eliciting=False)

    def _put_mtu_probe(self, size: int, out: Datagrams, now: float) -> None:
        packet = bytearray()
        put_mtu_probe(packet, size - OVERHEAD)
        sent = self._seal(packet, out, self._paths.address)
        self.recovery.sent(self.datagrams_sent - 1, sent, [], now, is_mtu_probe=True)
        self.mtu.probe_sent(size)

    def _seal(self, packet: bytearray, out: Datagrams, address: Address) -> int:
        datagram = self._sealer.seal(packet, self.datagrams_sent)
        self.datagrams_sent += 1
        size = len(datagram)
        self.bytes_sent += size
        out.append((datagram, address))
        return size
