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

MAX_STREAM_GAPS: Final = 4096
"""Gaps in what came of one stream: ten times what a loss of 5 % leaves in the largest window."""

MAX_STREAMS: Final = 1024
"""Streams that are open at a time, of each direction: half a mebibyte of books."""

SHARE_OF_LOWER: Final = 8
"""Of so many packets one goes to streams of lower priority, if they have anything: a file goes on beside blobs."""

SMALLEST_FRAGMENT: Final = 64
"""Bytes of a larger piece that are worth a frame at the end of a packet."""

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
