"""Row `latency`: messages of 8 bytes each 20 ms, answered at once, on a path that jitters and loses: KCP's own test."""

from __future__ import annotations

from functools import partial

from benchmarks.p2p.contestants import OURS, TCP_BBR, TCP_CUBIC, Contestant, echoes
from benchmarks.p2p.figures import Goal, Row
from benchmarks.p2p.link import Way
from benchmarks.p2p.running import Pace, in_lanes, linked, taking_part, watch

SHORTEST, LONGEST = 0.060, 0.125
WAY = Way(delay=SHORTEST / 2, jitter=(LONGEST - SHORTEST) / 2, loss=0.05)
CASE = "60 to 125 ms, 5% lost each way"
LANES = 4
"""Links at a time: fifty messages a second are nothing."""

METRICS = ("average_ms", "p99_ms", "max_ms", "datagrams_each")
GOALS = tuple(
    Goal(OURS.name, metric, most, at_most=True) for metric, most in zip(METRICS, (145, 400, 450, 1.35), strict=True)
)


def measure(pace: Pace) -> Row:
    """Every contestant in each round."""
    row = Row("latency", f"an 8-byte message each 20 ms, {pace.messages} of them, and its answer", METRICS, GOALS)
    contestants = taking_part((OURS, TCP_CUBIC, TCP_BBR), row)
    row.absent["KCP"] = "no package of it on PyPI has a wheel and is maintained"
    jobs = [partial(_one, row, one, seed, pace) for seed in range(1, pace.rounds + 1) for one in contestants]
    in_lanes(row, jobs, LANES)
    return row


def _one(row: Row, contestant: Contestant, seed: int, pace: Pace) -> None:
    with linked(WAY, WAY, seed) as (link, pump, folder):
        figures = echoes(contestant, link, pace.messages, (SHORTEST + LONGEST) / 2, folder)
    row.add(CASE, contestant.name, figures)
    if figures["answered"] != figures["count"]:
        row.notes.append(f"{contestant.name}: {figures['answered']} of {figures['count']} messages were answered")
    watch(row, contestant.name, pump)
