"""A client to try it with: `python -m geofence watch|report NAME ENDPOINT LATITUDE LONGITUDE`.

`watch` tells who comes within a kilometre of the place, until Ctrl-C; `report` is there for a moment and goes away.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from esframework import ClientEngine

RADIUS = 1000.0


async def watch(client: Any, latitude: float, longitude: float) -> None:
    """Print crossings for ever."""
    client.geofence.crossed.subscribe(
        lambda user_id, fence, inside: print(f"{user_id} {'is in' if inside else 'has left'} {fence}", flush=True)
    )
    await client.geofence.watch("here", latitude, longitude, RADIUS)
    print("watching", flush=True)
    await Deferred()


async def report(client: Any, latitude: float, longitude: float) -> None:
    """Be at a place, and be sure that the server knows before we go."""
    client.geofence.report(latitude, longitude)
    await client.basic.ping()


async def main(reactor: Any, what: str, user_id: str, endpoint: str, latitude: str, longitude: str) -> None:
    """Log on, do one thing, log off. The password is in ESFRAMEWORK_PASSWORD."""
    client = ClientEngine(reactor=reactor)
    await client.log_on(user_id, os.environ.get("ESFRAMEWORK_PASSWORD", ""), endpoint)
    try:
        await {"watch": watch, "report": report}[what](client, float(latitude), float(longitude))
    finally:
        await client.close()


if __name__ == "__main__":
    react(main, sys.argv[1:])
