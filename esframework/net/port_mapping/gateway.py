"""The router of the default route. Reads the kernel's table, and nothing else."""

from __future__ import annotations

import sys
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final

ROUTES: Final = Path("/proc/net/route")
"""Where Linux shows its table of IPv4; other systems have no such file."""

_UP_AND_GATEWAY: Final = 0x0003


def default_gateway(table: Path = ROUTES) -> str | None:
    """The IPv4 address of the router to which everything goes that has no other route; None where there is none, or
    where the system does not show its table in this way."""
    try:
        text = table.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return None
    return gateway_in(text)


def gateway_in(text: str) -> str | None:
    """The router of the default route with the lowest metric, in a table as Linux writes it."""
    found: list[tuple[int, str]] = []
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) < 8 or (fields[1], fields[7]) != ("00000000", "00000000"):
            continue
        try:
            gateway, flags, metric = int(fields[2], 16), int(fields[3], 16), int(fields[6])
        except ValueError:
            continue
        if flags & _UP_AND_GATEWAY == _UP_AND_GATEWAY and gateway:
            # In the order of this machine's bytes; Linux shows what lies in memory.
            found.append((metric, str(IPv4Address(gateway.to_bytes(4, sys.byteorder)))))
    return min(found)[1] if found else None
