"""Row `sweep`, on request only: streams over slow and fast, near and far lines with short and long queues.

What was tuned on one line is looked at on others here. Figures are shares of the line, so that they can be compared.
"""

from __future__ import annotations

from functools import partial
from itertools import product

from benchmarks.p2p.contestants import OURS, TCP_BBR, TCP_CUBIC, Contestant, bulk
from benchmarks.p2p.figures import Row
from benchmarks.p2p.link import Way
from benchmarks.p2p.running import Pace, in_lanes, linked, taking_part, watch

RATES = (2.0, 20.0, 200.0)
ROUND_TRIPS = (0.01, 0.05, 0.2)
QUEUES = (0.3, 1.5, 4.0)
LOSSES = (0.0, 0.02)
FAST = 100.0
"""Mbit/s from which on a line is measured alone: two Python programs use most of two cores."""


def measure(pace: Pace) -> Row:
    """Every line, in each round."""
    row = Row("sweep", "share of the line that a stream fills", ("line_percent",))
    contestants = taking_part((OURS, TCP_BBR, TCP_CUBIC), row)
    for is_fast in (False, True):
        jobs = [
            partial(_one, row, contestant, case, seed, pace)
            for seed in range(1, pace.rounds + 1)
            for case in product(RATES, ROUND_TRIPS, QUEUES, LOSSES)
            if (case[0] > FAST) == is_fast
            for contestant in contestants
        ]
        in_lanes(row, jobs, 1 if is_fast else pace.lanes)
    return row


def _one(row: Row, contestant: Contestant, case: tuple[float, float, float, float], seed: int, pace: Pace) -> None:
    mbit, round_trip, queue, loss = case
    way = Way(mbit, round_trip / 2, loss=loss, queue=queue)
    with linked(way, way, seed) as (link, pump, folder):
        figures = bulk(contestant, link, pace.seconds, round_trip, folder)
    name = f"{mbit:g} Mbit/s {round_trip * 1e3:g} ms queue {queue:g} loss {loss:.0%}"
    figures |= {"line_percent": figures["mbit"] / mbit * 100, "link": pump.ways}
    row.add(name, contestant.name, figures)
    watch(row, f"{contestant.name}, {name}", pump)
