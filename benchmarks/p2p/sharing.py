"""Row `fairness`: two flows of one kind and one of kernel TCP on one line, and what the least of the three gets."""

from __future__ import annotations

import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.p2p.contestants import OURS, TCP_BBR, TCP_CUBIC, Contestant, answer, flow
from benchmarks.p2p.figures import Goal, Row
from benchmarks.p2p.link import Link, Way
from benchmarks.p2p.running import Pace, in_lanes, linked, taking_part, watch
from benchmarks.p2p.traffic import PORT
from benchmarks.process import BenchmarkError

MBIT = 20.0
ROUND_TRIP = 0.05
TIMES = 2.5
"""How much longer than a stream by itself: 20 s in a whole run."""
HEAD_START = 3.0
SLACK = 5.0
"""Seconds within which three programs begin to send."""
TOGETHER, OTHER_FIRST, PAIR_FIRST = "all at once", "cubic 3 s earlier", "cubic 3 s later"
CASES = (TOGETHER, OTHER_FIRST, PAIR_FIRST)

GOALS = (Goal(OURS.name, "least_percent", 20, case=TOGETHER),)


def measure(pace: Pace) -> Row:
    """Two of ours and a Cubic in all cases; two of the kernel's bbr beside one as a yardstick."""
    work = "two flows and one of TCP cubic on 20 Mbit/s, nothing lost but by the queue; shares of the line"
    row = Row("fairness", work, ("least_percent", "cubic_percent", "sum_percent"), GOALS)
    is_quick = pace.rounds == 1
    contestants = taking_part((OURS, TCP_BBR), row)
    jobs = [
        partial(_one, row, contestant, case, seed, TIMES * pace.seconds)
        for seed in range(1, pace.rounds + 1)
        for contestant in contestants
        for case in (CASES if contestant is OURS and not is_quick else CASES[:1])
    ]
    in_lanes(row, jobs, pace.lanes)
    return row


def _one(row: Row, contestant: Contestant, case: str, seed: int, seconds: float) -> None:
    way = Way(MBIT, ROUND_TRIP / 2)
    with linked(way, way, seed) as (link, pump, folder):
        flows = _run(contestant, case, link, seconds, folder)
    shares = _shares(flows, seconds)
    row.add(case, contestant.name, {
        "least_percent": min(shares), "cubic_percent": shares[0], "sum_percent": sum(shares), "each": shares,
        "tenths": [one["tenths"] for one in flows],
    })  # fmt: skip
    watch(row, f"{contestant.name}, {case}", pump)


def _run(contestant: Contestant, case: str, link: Link, seconds: float, folder: Path) -> list[dict[str, Any]]:
    """What the receivers say: the Cubic's first."""
    one = partial(flow, TCP_CUBIC, port=PORT + 20)
    pair = [partial(flow, contestant, port=PORT + 2 * index) for index in range(2)]
    order = [*pair, one] if case == PAIR_FIRST else [one, *pair]
    running = {}
    # Whoever begins earlier is counted for longer, so that all are counted over the last so many seconds.
    longest = seconds + SLACK + (HEAD_START if case != TOGETHER else 0)
    with ExitStack() as stack:
        for index, begin in enumerate(order):
            arguments = ("--seconds", longest, "--round-trip", ROUND_TRIP)
            running[begin] = stack.enter_context(begin(link, ("send", "receive"), folder, *arguments))
            if (case == OTHER_FIRST and index == 0) or (case == PAIR_FIRST and index == 1):
                time.sleep(HEAD_START)
        return [answer(receiver, longest, sender) for sender, receiver in map(running.__getitem__, (one, *pair))]


def _shares(flows: list[dict[str, Any]], seconds: float) -> list[float]:
    """Percent of what the line carries, from when the last of them began."""
    begin = max(one["began_at"] for one in flows)
    counted = [one["tenths"][round((begin - one["began_at"]) * 10) :][: round(seconds * 10)] for one in flows]
    tenths = min(map(len, counted))
    if tenths < round(seconds * 8):
        raise BenchmarkError(f"three programs did not begin within {SLACK:g} s of each other: the machine is too busy")
    return [sum(one[:tenths]) * 8e-6 / (tenths / 10) / MBIT * 100 for one in counted]
