"""Row `loss`: how much of a line of 20 Mbit/s is used while so many packets of each direction are lost."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from benchmarks.p2p.contestants import OURS, OURS_REFERENCE, QUIC, TCP, TCP_CUBIC, TCP_RENO, Contestant, bulk
from benchmarks.p2p.figures import Goal, Row
from benchmarks.p2p.link import Way
from benchmarks.p2p.running import Pace, in_lanes, linked, taking_part, watch

MBIT = 20.0
ROUND_TRIP = 0.05
QUEUE = 1.5
LOSSES = (0.0, 0.01, 0.02, 0.05, 0.1)
CASES = {loss: f"{loss:.0%}" for loss in LOSSES}
CONTESTANTS = (OURS, OURS_REFERENCE, *TCP, *QUIC)

GOALS = (
    *(Goal(OURS.name, "mbit", least, case=case) for case, least in (("0%", 18), ("1%", 12), ("2%", 12), ("5%", 8))),
    *(Goal(OURS_REFERENCE.name, "mbit", 0.9, against=peer.name) for peer in (TCP_RENO, TCP_CUBIC)),
)


def measure(pace: Pace) -> Row:
    """Every contestant at every loss, in each round."""
    row = Row(
        "loss", "20 Mbit/s, round trip 50 ms, queue 1.5 times what the line holds; packets lost each way", ("mbit",)
    )
    row.goals = GOALS
    contestants = taking_part(CONTESTANTS, row)
    losses = LOSSES if pace.rounds > 1 else LOSSES[:4:2]
    jobs: list[Callable[[], None]] = [
        partial(_one, row, contestant, loss, seed, pace)
        for seed in range(1, pace.rounds + 1)
        for loss in losses
        for contestant in contestants
    ]
    in_lanes(row, jobs, pace.lanes)
    return row


def _one(row: Row, contestant: Contestant, loss: float, seed: int, pace: Pace) -> None:
    way = Way(MBIT, ROUND_TRIP / 2, loss=loss, queue=QUEUE)
    with linked(way, way, seed) as (link, pump, folder):
        figures = bulk(contestant, link, pace.seconds, ROUND_TRIP, folder)
    row.add(CASES[loss], contestant.name, figures | {"link": pump.ways})
    watch(row, f"{contestant.name} at {CASES[loss]}", pump)
