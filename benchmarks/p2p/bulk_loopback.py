"""Row `loopback`: a stream between two processes, as fast as both can, in datagrams as large as those of aioquic."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.p2p.contestants import OURS, QUIC, Contestant, unlinked
from benchmarks.p2p.figures import Goal, Row
from benchmarks.p2p.running import Pace, taking_part
from benchmarks.process import Process, python_module

SIZES = (1200, 1452)
"""Bytes of a datagram: what every path carries, and what most do."""
CASES = {size: f"{size} bytes" for size in SIZES}
PLAIN = "ours, without GSO"
START_SECONDS = 30.0

GOALS = (
    Goal(OURS.name, "mbit", 600, case=CASES[1200]),
    Goal(PLAIN, "mbit", 400, case=CASES[1200]),
    *(Goal(PLAIN, "mbit", 1.0, against=peer.name, case=CASES[1200]) for peer in QUIC),
)


def measure(pace: Pace) -> Row:
    """One after the other, since each uses both cores."""
    work = "a stream over loopback between two processes, enciphered; Mbit/s and the processor time of both ends"
    row = Row("loopback", work, ("mbit", "cpu_percent"), GOALS, order=[OURS.name, PLAIN])
    peers = taking_part(QUIC, row)
    for _ in range(pace.rounds):
        for size in SIZES:
            case = CASES[size]
            for name, options in ((OURS.name, ()), (PLAIN, ("--plain",))):
                row.add(case, name, _ours(size, pace.seconds / 2, *options))
            for peer in peers:
                row.add(case, peer.name, _peer(peer, size, pace.seconds / 2))
    return row


def _ours(size: int, seconds: float, *options: str) -> dict[str, float]:
    command = python_module("benchmarks.p2p.loopback", "--seconds", seconds, "--size", size, *options)
    with tempfile.TemporaryDirectory(prefix="esframework-bench-") as folder:
        with Process("ours over loopback", command, Path(folder) / "output.log") as process:
            said = process.result(seconds + START_SECONDS)
    used = said["cpu_sender"] + said["cpu_receiver"]
    return {"mbit": said["mbit_s"], "cpu_percent": used * 100}


def _peer(peer: Contestant, size: int, seconds: float) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="esframework-bench-") as folder:
        with unlinked(peer, Path(folder), "--seconds", seconds, "--size", size) as (sender, receiver):
            before = sender.cpu_seconds()
            said = receiver.result(seconds + START_SECONDS)
            # The receiver has ended, and says itself what it used.
            used = sender.cpu_seconds() - before + said["cpu_seconds"]
    return {"mbit": said["mbit"], "cpu_percent": used / seconds * 100}
