"""Limits and default numbers of P2P channels over TCP, and of the port on which they are made.

Heartbeats, silence and the life of keys are those of channels over UDP: see `limits.rudp`.
"""

from __future__ import annotations

from typing import Final

# --- before anything is known of the other end --------------------------------------------------------------------
DIAL_TIME: Final = 3.0
"""Seconds for a TCP connection to come about: a SYN is sent again after one, and its answer may be lost too."""

HELLO_TIME: Final = 5.0
"""Seconds in which a connection must say which session it is for: a round trip, and two bytes lost."""

UNKNOWN_CONNECTIONS: Final = 64
"""Connections that have said nothing yet, at a time: strangers can hold so many sockets of a client, and no more."""

UNKNOWN_PER_NETWORK: Final = 8
"""The same from one address (one /64 of IPv6): several devices behind one NAT, each of which tries twice."""

FOUND_CONNECTIONS: Final = 8
"""Connections of one session between which its leader may choose: each of a few candidates, dialled by both ends."""

SESSIONS: Final = 256
"""Sessions that are expected at a port at a time; each is an attempt that signalling has bounded already."""

CHOICE_TIME: Final = 20.0
"""Seconds that a connection waits for being chosen: an attempt of three rounds takes twelve."""

ACCEPT_TIME: Final = 5.0
"""Seconds in which the other end must answer that it was chosen: a round trip, and two packets lost."""

# --- records and streams ------------------------------------------------------------------------------------------
RECORD_BYTES: Final = 16 * 1024
"""Bytes of frames in one record: sealing then costs a twentieth of a microsecond per KiB more than the cipher; and a
message waits behind no more than that. TLS has the same."""

WINDOW: Final = 4 * 1024 * 1024
"""Bytes that a stream may bring beyond what its user has taken: 320 Mbit/s at a round trip of 100 ms, and the memory
that the other end can make this one keep, for each of three streams."""

LEAST_RECORD: Final = 1024
"""Bytes of frames that a record may always have: everything but bytes of streams fits."""

LEAST_TURN: Final = 4 * 1024
"""Bytes that leave in one turn of the reactor on a slow path: what an urgent message may have to wait for; 30 ms of a
megabit."""

MOST_TURN: Final = 256 * 1024
"""The same on a fast one: 2 ms of a gigabit."""

TURN_TIME: Final = 0.01
"""Seconds' worth of bytes that leave in one turn between these two."""

RATE_TIME: Final = 0.25
"""Seconds over which the rate of a path is measured, while there is something to send all the time."""

NEW_RATE: Final = 0.3
"""How much of a new measurement counts beside those before it: a system takes bytes in lumps."""

UNSENT_IN_KERNEL: Final = 16 * 1024
"""Bytes that the system may hold before it has sent them, or a turn's worth if that is more: messages cannot overtake
what it has. By itself it takes 64 KiB and more, half a second of a megabit."""

# --- the end ------------------------------------------------------------------------------------------------------
LINGER_TIME: Final = 2.0
"""Seconds in which the other end may say that it heard of the end; then the connection is cut."""
