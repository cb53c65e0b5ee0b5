"""Limits and default numbers of the reliable channel over UDP, and where each comes from.

Seconds are seconds, sizes are bytes. RFC 9002 is QUIC's loss detection and congestion control, RFC 8899 path MTU
discovery with datagrams, RFC 6479 a replay window.
"""

from __future__ import annotations

from typing import Final

# --- streams ------------------------------------------------------------------------------------------------------
STREAM_WINDOW: Final = 1024 * 1024
"""Bytes that a stream may bring beyond what the application has taken, in the beginning."""

CONNECTION_WINDOW: Final = 4 * 1024 * 1024
"""The same for all streams of a channel together."""

MAX_STREAM_WINDOW: Final = 8 * 1024 * 1024
"""What a stream's window grows to while the application keeps up: 640 Mbit/s at a round trip of 100 ms."""

MAX_CONNECTION_WINDOW: Final = 16 * 1024 * 1024
"""The same for all streams: the memory that the other end can make this one keep."""

MAX_GAPS: Final = 4096
"""Gaps in what came of all streams of a channel: five times what a loss of 5 % leaves in the largest windows, and half
a mebibyte of books."""

READY_PIECES: Final = 256
"""Pieces of a stream that wait in order until they are taken: a batch of the socket; what comes beyond is joined, as a
hostile sender would make pieces as small as it can."""

MAX_STREAMS: Final = 32
"""Streams that are open at a time, of each direction: a channel has three."""

SHARE_OF_LOWER: Final = 8
"""Of so many packets one goes to streams of lower priority, if they have anything: a file goes on beside blobs."""

URGENT_BYTES: Final = 1000
"""Bytes of messages that leave at once, without regard to the pace: they fit one packet."""

REPEATED_BYTES: Final = 256
"""Bytes of messages on their way that the next packet repeats: what somebody types, not what a program pours out."""

SMALLEST_FRAGMENT: Final = 64
"""Bytes of a larger piece that are worth a frame at the end of a packet."""

# --- acknowledgements, path, life -----------------------------------------------------------------------------
ACK_EVERY: Final = 2
"""Packets after which one says what came (RFC 9000, section 13.2.2)."""

ACK_EVERY_WHEN_BUSY: Final = 10
"""The same above `ACK_BUSY_RATE`: an acknowledgement costs both ends about as much as a packet."""

ACK_BUSY_RATE: Final = 1000.0
"""Packets a second."""

ACK_RATE_TIME: Final = 0.1
"""Seconds over which packets are counted for that."""

ACK_RANGES_ANSWERED: Final = 8
"""Ranges from which on an acknowledgement asks to be acknowledged, once in a round trip: then it may become short."""

AMPLIFICATION: Final = 3
"""Times the bytes that came from an address may go there before it has answered (RFC 9000, section 8)."""

PATH_TIMEOUT: Final = 3.0
"""Seconds in which a new address must answer."""

ASKED_BYTES: Final = 1200
"""Bytes that may go to an address that was named by signalling before it has answered: a dozen questions."""

EARLIER_ADDRESSES: Final = 4
"""Addresses at which the other end has answered, or said that it is, and is looked for when nothing comes any more: at
home by both protocols, and on the way."""

MAX_PATH_RESPONSES: Final = 4
"""Answers to challenges that wait to be sent: more would be asked for only to make this end send."""

HEARTBEAT: Final = 5.0
"""Seconds, more or less a fifth, without an answer after which one is asked for: NATs forget after 30."""

SILENCE: Final = 15.0
"""Seconds after which the other end is gone: three heartbeats."""

DOUBT: Final = 1.0
"""Seconds in which something must be heard when this end has come to another network, before the other end is looked
for elsewhere: a few round trips."""

LATE: Final = 1.0
"""Seconds by which this end may notice the silence too late before it blames itself: its program was busy or asleep."""

FINISHING_TIME: Final = 5.0
"""Seconds in which what was written may arrive when a channel is to end: as long as a slow consumer of the server
gets."""

CLOSING_PTOS: Final = 3
"""Probe time-outs for which a channel that was closed still tells the other end so (RFC 9000, section 10.2), and at
each of which it does: what got lost is noticed by nobody else for fifteen seconds."""

CLOSE_ANSWERS: Final = 8
"""Packets of an other end that has not heard of the close that are answered with it again."""

# --- packets and keys ---------------------------------------------------------------------------------------------
MAX_ACK_RANGES: Final = 32
"""Ranges in one acknowledgement, the newest: 254 bytes at most, beside which a packet still carries data."""

RECEIVED_RANGES: Final = 256
"""Ranges of packet numbers that a receiver remembers; below what was forgotten everything counts as received."""

REPLAY_WINDOW: Final = 8192
"""Packets behind the newest one beyond which any is dropped as a replay (RFC 6479's and WireGuard's number)."""

KEY_PHASE_PACKETS: Final = 2**24
"""Packets under one key: AES-GCM bears 2^28 of at most 2 KiB (RFC 9001, appendix B), ChaCha20 more."""

KEY_PHASE_TIME: Final = 30 * 60.0
"""Seconds under one key: what an attacker who steals one can read."""

MAX_CLOSE_REASON: Final = 255
"""Bytes of the text that comes with a close: its length is one byte."""

# --- round trips and losses ---------------------------------------------------------------------------------------
INITIAL_RTT: Final = 0.333
"""Seconds that a round trip is taken to last before one was measured (RFC 9002, 6.2.2)."""

TIMER_GRANULARITY: Final = 0.001
"""Seconds below which no timer is set apart (RFC 9002, 6.1.2); those of a reactor tick as slowly."""

MAX_ACK_DELAY: Final = 0.025
"""Seconds for which an acknowledgement may wait for more to acknowledge (RFC 9000, 18.2)."""

PACKET_THRESHOLD: Final = 3
"""Packets sent later and acknowledged that make one lost (RFC 9002, 6.1.1)."""

MOST_PACKET_THRESHOLD: Final = 1024
"""The same on a path that was seen to change the order by so much."""

TIME_THRESHOLD: Final = 9 / 8
"""Round trips after which one is lost when a later one is acknowledged (RFC 9002, 6.1.2)."""

LONGEST_PTO: Final = 3.0
"""Seconds between two probes of a channel that is open: it is dead after fifteen, and should notice that it is not."""

PTO_PACKETS: Final = 2
"""Packets that leave when nothing was heard: one of them may be lost as well (RFC 9002, 6.2.4)."""

LOST_REMEMBERED: Final = 32
"""Packets that were given up last and may yet be acknowledged, of which that is noticed."""

# --- congestion ---------------------------------------------------------------------------------------------------
INITIAL_WINDOW_PACKETS: Final = 10
"""Packets that a new channel may send before it has heard anything (RFC 9002, 7.2)."""

INITIAL_WINDOW_BYTES: Final = 14720
"""What may be on its way before anything is known: ten packets, if they are not larger than usual (RFC 9002, 7.2)."""

MINIMUM_WINDOW_PACKETS: Final = 2
"""What always may be (RFC 9002, 7.2)."""

LOSS_REDUCTION: Final = 0.5
"""What a loss leaves of NewReno's window (RFC 9002, 7.3.2)."""

PERSISTENT_PTOS: Final = 3
"""PTOs during which nothing gets through before the path counts as another one (RFC 9002, 7.6.1)."""

PACING_GAIN: Final = 1.25
"""How much faster than window and round trip say NewReno's packets may leave, so that pauses are made up for (7.7)."""

BANDWIDTH_ROUNDS: Final = 10
"""Round trips over which the largest bandwidth is believed: one more than BBR's cycle has."""

MINIMUM_RTT_TIME: Final = 10.0
"""Seconds for which a shortest round trip is believed before queues are emptied to measure it again (BBR)."""

FIRST_MINIMUM_RTT_TIME: Final = 1.0
"""The same of the first one where much is lost: a queue may have been full of others' packets from the beginning."""

PROBE_RTT_TIME: Final = 0.2
"""Seconds for which they are kept empty (BBR)."""

TOLERATED_LOSS: Final = 0.15
"""Share of a round that may be lost before bandwidth is given back: what bbr of the Linux kernel bears."""

BACK_OFF: Final = 0.85
"""What is left of the bandwidth then."""

# --- pacing -------------------------------------------------------------------------------------------------------
BURST_TIME: Final = 0.002
"""Seconds' worth of packets that leave together: timers tick each millisecond, and a call for many costs as for one."""

BURST_PACKETS: Final = 2
"""Packets that leave together at least. Not more: there are queues that hold few, and lose the rest of a burst."""

LONGEST_BURST_TIME: Final = 0.01
"""Seconds' worth that may leave at once after a timer was late: what others on the line wait for."""

TURN_DATAGRAMS: Final = 64
"""Datagrams that a channel makes before it looks at what has come meanwhile: half a millisecond of work, and what one
call of the kernel takes. Without it a fast line was filled for 10 ms at a time, and its round trip grew to 30."""

# --- the size of datagrams ----------------------------------------------------------------------------------------
BASE_DATAGRAM: Final = 1200
"""Bytes of a datagram that every path carries (RFC 9000, 14; RFC 8899, 5.1.2)."""

PROBED_DATAGRAMS: Final = (1452, 1472)
"""Bytes that are tried beyond: what 1500 bytes of Ethernet leave with IPv6, and with IPv4."""

MTU_PROBES: Final = 3
"""Probes of one size that may be lost before it counts as too large (RFC 8899, 5.1.2)."""

MTU_RAISE_TIME: Final = 600.0
"""Seconds after which a larger size is tried again (RFC 8899, 5.1.1)."""

BLACK_HOLE_LOSSES: Final = 3
"""Times in a row that only large packets were lost; one more, and the path swallows them."""

BLACK_HOLE_TIME: Final = 60.0
"""Seconds after that before a larger size is tried again."""

# --- attempts to find a path --------------------------------------------------------------------------------------
MAX_CANDIDATES: Final = 32
"""Addresses that one end may offer in an attempt, of both protocols, late ones counted: two families of several network
cards and virtual machines, and what two NATs add."""

MAX_PORTS_OF_HOST: Final = 4
"""Ports of one host, of one protocol, among them: own, reflexive and mapped differ; a list of more is a port scan."""

LOWEST_PORT: Final = 1024
"""Port below which nothing is tried because a peer says so: routers, mail servers and shares live there. Our sockets
never do, nor what a NAT makes of them (RFC 4787, REQ-3b)."""

MAX_ADOPTED: Final = 8
"""Addresses that nobody offered, from which authentic probes came: a symmetric NAT makes one for each of ours."""

PROBES_PER_ADDRESS: Final = 128
"""Datagrams that an attempt sends to one address at most, answers counted: three rounds make about forty."""

PROBE_OFFSETS: Final = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
"""Seconds after the first normal probe of a round at which an address is probed; a nomination is repeated so too."""

PROBE_PACE: Final = 0.02
"""Seconds between the beginnings of two addresses (RFC 8445, 14.2 allows down to 5 ms)."""

FIRST_TTL: Final = 2
"""Hops that the first datagram to an address beyond the LAN lives: through the own NAT, which it opens, not to the
other's, which would take another port for a flow that came from outside before."""

FIRST_SHOT_LEAD: Final = 0.1
"""Seconds from that datagram to the first normal one at least: by then the other end has sent its own, too."""

EXTRA_PROBES: Final = 3
"""Probes after the own success, each 50 ms: the other end may still need what they open."""

NOMINATION_TIME: Final = 2.0
"""Seconds in which a path that was nominated must be confirmed before another is taken."""

LONGEST_PROBED_RTT: Final = 3.0
"""Seconds of a round trip that a nomination may claim: a channel that starts with more would never be heard in time."""

ROUNDS: Final = 3
"""Rounds of an attempt: 97.6 % of those that succeed at all do so in the first (arXiv 2510.27500)."""

ROUND_TIME: Final = 4.0
"""Seconds of a round."""

SYNC_WAIT: Final = 6.0
"""Seconds for which a follower waits for a round to be announced: its leader is slower, or gone."""

LONGEST_HEAD_START: Final = 2.0
"""Seconds that the announcement of a round is given to arrive at most: else half of what was measured by the server."""

DIAL_TIMEOUT: Final = 3.0
"""Seconds in which a TCP connection must be made and the other end show itself on it; then it may be dialled again."""

REDIAL_AFTER: Final = (0.2, 0.4, 0.8)
"""Seconds after which a dial that was refused is repeated in the same round: a NAT may answer for who is not ready."""

MAX_DIALS: Final = 96
"""TCP connections that an attempt tries to make at most: eight addresses, with all repetitions of three rounds."""

RETRY_AFTER: Final = (60.0, 300.0, 900.0)
"""Seconds after attempts that failed in a row when the next one follows; the last holds for all later ones."""
