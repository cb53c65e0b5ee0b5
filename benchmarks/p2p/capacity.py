"""Row `link`: whether the link itself is good enough to measure others on it."""

from __future__ import annotations

from benchmarks.p2p.contestants import TCP_CUBIC, bulk
from benchmarks.p2p.figures import Goal, Row
from benchmarks.p2p.link import LATE_MS, Way
from benchmarks.p2p.running import Pace, linked, taking_part

ROUND_TRIP = 0.01
CASE = "200 Mbit/s, 10 ms"


def measure(pace: Pace) -> Row:
    """Kernel TCP on a fast line."""
    contestant = TCP_CUBIC
    goals = Goal(contestant.name, "mbit", 100), Goal(contestant.name, "late_ms", LATE_MS, at_most=True)
    row = Row(
        "link", "kernel TCP on a fast line; by how much packets come later than meant, 99 %", ("mbit", "late_ms"), goals
    )
    way = Way(200.0, ROUND_TRIP / 2)
    for one in taking_part((contestant,), row):
        with linked(way, way, 1) as (link, pump, folder):
            figures = bulk(one, link, min(pace.seconds, 4.0), ROUND_TRIP, folder)
        row.add(CASE, one.name, figures | {"late_ms": pump.late_ms})
    return row
