"""Limits of P2P beside the reliable channel over UDP, which has its own: finding a path, drivers, what waits."""

from __future__ import annotations

from typing import Final

# --- channels, whichever protocol -----------------------------------------------------------------------------------
P2P_BUSY_BYTES: Final = 1024 * 1024
"""Bytes waiting on a P2P channel above which it is busy: 40 ms of a path of 200 Mbit/s, and what a phone can hold."""

P2P_BUSY_TIME: Final = 2.0
"""Seconds' worth of waiting bytes above which it is busy on a slow path: what somebody who types would notice."""

P2P_LEAST_BUSY_BYTES: Final = 16 * 1024
"""Bytes that may always wait: a rate that was measured with little to send says little."""

P2P_CLOSE_TIME: Final = 5.0
"""Seconds in which what waits may arrive when a channel is closed: as long as a slow consumer of the server gets."""

P2P_CONFIRM_RECORDS: Final = 32
"""Records after which a receiver says what it has: the sender keeps no more than these and what is under way, and small
messages are not doubled by answers."""

P2P_CONFIRM_BYTES: Final = 64 * 1024
"""The same in bytes: what a sender keeps of a file stays small beside what the path itself holds."""

P2P_LONGEST_HOLD: Final = 10.0
"""Seconds that what came by a channel waits for what was given to the server before it: longer than a server takes that
is alive, shorter than people wait."""

P2P_MOST_KEPT: Final = 8 * 1024 * 1024
"""Bytes sent and not yet known to be delivered above which a link is busy: a path of 200 Mbit/s with 300 ms there and
back fills no more."""

P2P_MOST_HELD: Final = 1024 * 1024
"""Bytes from a channel that wait for the server's way above which the channel is paused: the other end's windows hold
the rest."""

P2P_ASK_TIMEOUT: Final = 5.0
"""Seconds after which the other end is asked again how much it has: its answer may have been lost with a connection."""
