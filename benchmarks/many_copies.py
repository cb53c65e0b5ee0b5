"""Many transfers at a time: how much memory the server takes above its idle one, and how long others' pings take."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path

from benchmarks.copying import MIB, PATIENCE, check_same, make_file, working_folder
from benchmarks.measurement import OURS, Goal, RowResult
from benchmarks.peers.our_copy import MODULE, percentiles, start_receivers, start_server
from benchmarks.process import BenchmarkError, Process, machine_cpu_seconds, python_module
from benchmarks.running import Pace

SIZE = 64 * MIB


def measure(name: str, transfers: int, goals: tuple[Goal, ...], pace: Pace) -> RowResult:
    """The whole row: each time a server that has just started, half of the files for it, half for other clients."""
    work = f"{transfers} files of {SIZE // MIB} MiB at a time, half of them client → client; pings of somebody else"
    result = RowResult(name, work, "MiB/s", goals, rate="mib_per_second")
    for _ in range(min(pace.rounds, 3)):
        with working_folder() as folder:
            result.add(OURS, _measure_once(folder, transfers))
    return result


def _measure_once(folder: Path, transfers: int) -> dict[str, float]:
    source, into, relayed = make_file(folder / "source.bin", SIZE), folder / "copies", transfers // 2
    into.mkdir()
    with ExitStack() as stack:
        server, port = start_server(stack, folder, into)
        start_receivers(stack, folder, into, port, relayed)
        ping = Process("ping", python_module(MODULE, "ping", "--port", port), folder / "ping.log")
        stack.enter_context(ping).wait_for_line()
        command = python_module(MODULE, "send", "--port", port, "--source", source, "--count", transfers)
        sender = Process("sending", [*command, "--relayed", str(relayed)], folder / "send.log")
        stack.enter_context(sender).wait_for_line()
        idle, first = server.resident_bytes(), len(ping.lines)
        machine, before = machine_cpu_seconds(), server.cpu_seconds()
        server.forget_peak()
        line = sender.result(PATIENCE)
        peak, served = server.peak_bytes(), server.cpu_seconds() - before
        everybody = machine_cpu_seconds() - machine
        waits = [wait for told in ping.lines[first:] for wait in told["microseconds"]]
    if not waits:
        raise BenchmarkError("nobody answered a ping")
    for number in range(transfers):
        check_same(OURS, source, into / f"{number}-{source.name}")
    shutil.rmtree(into)
    seconds, sent = line["seconds"], line["cpu_seconds"]
    return percentiles(waits) | {
        "mib_per_second": transfers * SIZE / MIB / seconds,
        "growth_mib": (peak - idle) / MIB,
        "server_cpu": served / seconds,
        "generator_cpu": sent / seconds,
        "others_cpu": max(0.0, everybody - served - sent) / seconds,
    }
