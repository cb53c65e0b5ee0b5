"""Limits and default numbers of asking a router to forward a port: NAT-PMP (RFC 6886), PCP (RFC 6887), UPnP."""

from __future__ import annotations

from typing import Final

MAPPING_PORT: Final = 5351
"""The UDP port at which a router is asked (RFC 6886, 1.1; RFC 6887, 19.1)."""

MAPPING_LIFETIME: Final = 7200.0
"""Seconds for which a mapping is asked: what RFC 6886 recommends (3.3), and a program that was killed leaves behind."""

MAPPING_TRIES: Final = (0.0, 0.25, 0.75)
"""Seconds after which a router is asked again; both RFCs begin with 250 ms and double."""

MAPPING_ANSWER_TIME: Final = 1.0
"""Seconds after the last of these: a router at home answers within 250 ms, or it does not know the protocol."""

MAPPING_RETRY: Final = 600.0
"""Seconds after which a router that gave nothing is asked again: nobody waits for it."""

LEAST_RENEWAL: Final = 15.0
"""Seconds between two renewals at least, however short a life a router gives: else it could keep this end busy."""

LONGEST_LIFETIME: Final = 86400.0
"""Seconds for which a router is believed at most: its answer may be a forgery."""

MAPPINGS: Final = 16
"""Mappings of one program: a port of UDP and one of TCP, and again after a change of networks."""

UPNP_DISCOVERY: Final = 2.0
"""Seconds that UPnP devices get to answer: what UPnP's own requests say (MX 2)."""

UPNP_DESCRIPTION: Final = "esframework P2P"
"""What the page of a router shows for a mapping."""
