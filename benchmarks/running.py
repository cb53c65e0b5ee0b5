"""All contestants of a row started side by side, and what one measurement costs each process.

Interleaving rounds over servers that stand ready is what makes a ratio fair on a machine whose speed drifts.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measurement import RowResult
from benchmarks.peers import Contestant
from benchmarks.process import Process, free_port, machine_cpu_seconds


@dataclass(frozen=True, slots=True)
class Pace:
    """How long and how often: seconds before and in a measurement, and rounds."""

    warm_up: float = 1.0
    seconds: float = 4.0
    rounds: int = 5


@dataclass(frozen=True, slots=True)
class Server:
    """A contestant that runs: its process, its port, and a folder of its own."""

    contestant: Contestant
    process: Process
    port: int
    folder: Path


def start(contestant: Contestant, folder: Path) -> Server:
    """Start one contestant; returns once it listens. Raises `BenchmarkError` when it does not."""
    folder.mkdir()
    port = free_port()
    process = Process(contestant.name, contestant.command(port, folder), folder / "output.log")
    try:
        process.wait_for_port(port)
    except BaseException:
        process.stop()
        raise
    return Server(contestant, process, port, folder)


@contextmanager
def started(contestants: Sequence[Contestant], result: RowResult) -> Iterator[list[Server]]:
    """Every contestant that is there, running; those that are not are named in the result."""
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="esframework-bench-")))
        servers = []
        for number, contestant in enumerate(contestants):
            reason = contestant.absent()
            if reason is None:
                server = start(contestant, root / str(number))
                stack.callback(server.process.stop)
                servers.append(server)
            else:
                result.absent[contestant.name] = reason
        yield servers


class CpuClock:
    """CPU seconds of a server between two moments, and of everybody else on the machine."""

    def __init__(self, *processes: Process) -> None:
        self.processes = processes
        self.restart()

    def restart(self) -> None:
        """Begin to count here."""
        self.machine = machine_cpu_seconds()
        self.each = [process.cpu_seconds() for process in self.processes]

    def metrics(self, wall: float, generator: float, messages: float = 0) -> dict[str, float]:
        """CPU as shares of one core over `wall` seconds: servers, generator, and others on the machine."""
        served = sum(p.cpu_seconds() - before for p, before in zip(self.processes, self.each, strict=True))
        others = max(0.0, machine_cpu_seconds() - self.machine - served - generator)
        shares = {
            "server_cpu": served / wall,
            "generator_cpu": generator / wall,
            "others_cpu": others / wall,
        }
        if messages:
            shares["server_cpu_us"] = served / messages * 1e6
        return shares
