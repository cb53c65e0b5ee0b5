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
