"""What was sent, acknowledged and lost, and when to ask again (RFC 9002, section 6 and appendix A).

    lost          when one sent 3 later is acknowledged, or 9/8 of a round trip after it left once any later one is;
                  a path that was seen to change the order by more gets as much patience
    timer         the earliest of those times, if a later one was acknowledged; else the probe time-out after the last
                  packet left: doubled with each miss, up to 3 s; then two packets leave, whatever the window says
    persistent    everything lost over 3 probe time-outs: the window begins anew
    delivery      each packet remembers how much was delivered when it left; what was delivered since, by the time it
                  took, is the rate (draft-cheng-iccrg-delivery-rate-estimation)

Packets that only acknowledge do not count, and their loss means nothing. Of each other one there is a tuple, by its
number, and only those are touched that an acknowledgement is about. Knows no frame: what a
packet carried is handed back as it was given. A packet that was given up stays so when it is acknowledged after all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from esframework.errors import PacketError
from esframework.limits import rudp as limits
from esframework.rudp.congestion import Congestion, Packet, Sample
from esframework.rudp.rtt import Rtt


class Outcome(NamedTuple):
    """What an acknowledgement or a timer changed; packets in the order in which they left, each reported once."""

    acked: list[Packet]
    lost: list[Packet]
    probes: int
    """Packets to send now whatever the window says, to be acknowledged: with new data, else with that of `oldest`."""


class Recovery:
    """Bookkeeping of one path in one direction; `in_flight` are the bytes that are neither acknowledged nor lost."""

    def __init__(self, rtt: Rtt, congestion: Congestion, now: float) -> None:
        self.rtt = rtt
        self.congestion = congestion
        self.in_flight = 0
        self.timeouts = 0
        """Probe time-outs in a row without any acknowledgement."""
        self.given_up = 0
        """Packets that counted as lost, MTU probes not among them."""
        self.spurious = 0
        """Packets that were given up and came all the same."""
        self._packets: dict[int, Packet] = {}
        # When each packet left that was given up, lowest number first.
        self._given_up: dict[int, float] = {}
        self._lowest = 0
        self._next = 0
        self._largest_acked = -1
        self._first_of_path = 0
        self._packet_threshold = limits.PACKET_THRESHOLD
        self._lateness = 0.0
        self._last_sent_at = now
        self._loss_at: float | None = None
        self._delivered = 0
        self._app_limited_until = 0
        # (delivered, when, when the first packet of that sample left, application limited): shared by all packets
        # that leave until the next acknowledgement.
        self._delivery = (0, now, now, False)

    @property
    def room(self) -> int:
        """Bytes that the window leaves."""
        return max(0, self.congestion.window - self.in_flight)

    def sent(
        self,
        number: int,
        size: int,
        frames: Any,
        now: float,
        is_eliciting: bool = True,
        is_mtu_probe: bool = False,
    ) -> None:
        """A packet of `size` bytes left, header and tag included; numbers only grow. `frames` comes back with it."""
        self._next = number + 1
        if not is_eliciting:
            return
        if not self._packets:
            # After a pause, or at the begin: time without anything to deliver says nothing about the path.
            self._delivery = (self._delivered, now, now, self._delivery[3])
            self._lowest = number
        self._packets[number] = (number, now, size, frames, is_mtu_probe, self._delivery)
        self._last_sent_at = now
        self.in_flight += size

    def app_limited(self) -> None:
        """There is nothing to send although there is room: until what is on its way has arrived, rates say little."""
        self._app_limited_until = max(1, self._delivered + self.in_flight)
        delivered, at, first_sent_at, _ = self._delivery
        self._delivery = (delivered, at, first_sent_at, True)

    def acked(self, ranges: Sequence[tuple[int, int]], delay: float, now: float) -> Outcome:
        """An acknowledgement came: of these ranges (newest first), the newest packet having waited `delay` seconds.

        Raises PacketError for an acknowledgement of what was never sent; nothing is changed then.
        """
        stop = ranges[0][1]
        if stop > self._next:
            raise PacketError(f"packet {stop - 1} was acknowledged and never sent")
        if self._given_up:
            self._notice_spurious(ranges, now)
        acked = self._take(ranges)
        if not acked:
            return Outcome([], [], 0)
        newest = acked[-1]
        rtt = 0.0
        is_of_path = newest[0] >= self._first_of_path
        if newest[0] == stop - 1 and is_of_path:
            rtt = max(0.0, now - newest[1])
            self.rtt.update(rtt, delay, now)
        self._largest_acked = max(self._largest_acked, stop - 1)
        self.timeouts = 0
        size = sum(packet[2] for packet in acked)
        self.in_flight -= size
        sample = self._measure(newest, size, rtt, now)
        lost = self._lose(now, acked)
        if is_of_path:
            self.congestion.acked(acked, sample._replace(in_flight=self.in_flight), now)
        return Outcome(acked, lost, 0)

    def timer(self) -> float | None:
        """When `on_timer` is to be called; None while there is nothing to wait for."""
        if not self._packets:
            return None
        if self._loss_at is not None:
            return self._loss_at
        pto = self.rtt.pto()
        # Two to the 32nd is beyond any longest wait.
        return self._last_sent_at + min(pto * 2.0 ** min(self.timeouts, 32), max(pto, limits.LONGEST_PTO))

    def on_timer(self, now: float) -> Outcome:
        """The time has come, or not yet: then nothing changes."""
        due = self.timer()
        if due is None or now < due:
            return Outcome([], [], 0)
        if self._loss_at is not None:
            return Outcome([], self._lose(now, []), 0)
        self.timeouts += 1
        # In case nothing leaves: the next one is due a while from now, not in the past.
        self._last_sent_at = now
        return Outcome([], [], limits.PTO_PACKETS)

    def oldest(self, most: int) -> list[Packet]:
        """The packets that have waited longest for their acknowledgement: what to send again when nothing is heard."""
        found: list[Packet] = []
        for packet in self._packets.values():
            if len(found) == most:
                break
            found.append(packet)
        return found

    def move(self, rtt: Rtt, congestion: Congestion) -> None:
        """The channel goes on by another path, of which nothing is known; what becomes of packets that left before
        says nothing about it."""
        self.rtt = rtt
        self.congestion = congestion
        self.timeouts = 0
        self._packet_threshold = limits.PACKET_THRESHOLD
        self._lateness = 0.0
        self._first_of_path = self._next

    def _take(self, ranges: Sequence[tuple[int, int]]) -> list[Packet]:
        """Take the packets of these ranges out, oldest first."""
        packets = self._packets
        lowest = self._lowest
        taken: list[Packet] = []
        for start, stop in reversed(ranges):
            for number in range(start if start > lowest else lowest, stop):
                packet = packets.pop(number, None)
                if packet is not None:
                    taken.append(packet)
        self._advance()
        return taken

    def _advance(self) -> None:
        """Find the lowest number that is still waited for."""
        packets = self._packets
        lowest = self._lowest
        if packets:
            while lowest not in packets:
                lowest += 1
            self._lowest = lowest
        else:
            self._lowest = self._next

    def _notice_spurious(self, ranges: Sequence[tuple[int, int]], now: float) -> None:
        """Be more patient from now on if something came that was given up: the path changes the order by so many
        packets, and so many seconds (RACK, RFC 8985, 6.2: a round trip more at most)."""
        remaining = iter(ranges)
        start, stop = next(remaining)
        came: list[int] = []
        for number in reversed(self._given_up):
            while number < start:
                start, stop = next(remaining, (-1, -1))
            if number < stop:
                came.append(number)
        for number in came:
            patience = max(self._largest_acked, ranges[0][1] - 1) - number + 1
            late = now - self._given_up.pop(number) - self.rtt.loss_delay()
            self.spurious += 1
            self._packet_threshold = min(max(self._packet_threshold, patience), limits.MOST_PACKET_THRESHOLD)
            self._lateness = min(max(self._lateness, late), self.rtt.smoothed)

    def _measure(self, newest: Packet, size: int, rtt: float, now: float) -> Sample:
        """What this acknowledgement says of the path; packets that leave from now on start from here."""
        delivered_before, delivered_at, first_sent_at, was_limited = newest[5]
        self._delivered += size
        elapsed = max(newest[1] - first_sent_at, now - delivered_at)
        rate = (self._delivered - delivered_before) / elapsed if elapsed > _SHORTEST else 0.0
        if self._app_limited_until and self._delivered > self._app_limited_until:
            self._app_limited_until = 0
        self._delivery = (self._delivered, now, newest[1], self._app_limited_until > 0)
        return Sample(size, rate, was_limited, rtt, self._delivered, delivered_before, 0)

    def _lose(self, now: float, acked: list[Packet]) -> list[Packet]:
        """Give up what is overdue, and find out when the next one is."""
        self._loss_at = None
        largest = self._largest_acked
        if self._lowest > largest:
            return []
        packets = self._packets
        patience = self.rtt.loss_delay() + self._lateness
        by_number = largest - self._packet_threshold
        lost: list[Packet] = []
        for number in range(self._lowest, largest):
            packet = packets.get(number)
            if packet is None:
                continue
            # The very sum that the timer is set to: a difference might be rounded otherwise, and never be due.
            if number <= by_number or packet[1] + patience <= now:
                del packets[number]
                lost.append(packet)
            elif self._loss_at is None:
                self._loss_at = packet[1] + patience
        if lost:
            self._advance()
            self._report(lost, acked, now)
        return lost

    def _report(self, lost: list[Packet], acked: list[Packet], now: float) -> None:
        """Tell the controller what was lost, and remember it in case it comes all the same."""
        for packet in lost:
            self.in_flight -= packet[2]
            self._given_up[packet[0]] = packet[1]
        while len(self._given_up) > limits.LOST_REMEMBERED:
            del self._given_up[next(iter(self._given_up))]
        counted = [packet for packet in lost if not packet[4] and packet[0] >= self._first_of_path]
        self.given_up += len(counted)
        if not counted:
            return
        self.congestion.lost(counted, now)
        if self._is_persistent(counted, acked):
            self.congestion.persistent(now)
            self.rtt.forget_minimum()

    def _is_persistent(self, lost: list[Packet], acked: list[Packet]) -> bool:
        """Whether nothing of what left over a long time got through (RFC 9002, 7.6.2)."""
        duration = self.rtt.pto() * limits.PERSISTENT_PTOS
        begin = self.rtt.first_sample_at
        if begin is None or lost[-1][1] - lost[0][1] < duration:
            return False
        arrived = iter(packet[0] for packet in acked)
        following = next(arrived, self._next)
        run_began_at: float | None = None
        for number, sent_at, *_ in lost:
            while following < number:
                following = next(arrived, self._next)
                run_began_at = None
            if sent_at <= begin:
                continue
            if run_began_at is None:
                run_began_at = sent_at
            elif sent_at - run_began_at >= duration:
                return True
        return False


_SHORTEST = 1e-6
"""Seconds: what was delivered in less says nothing of a rate."""
