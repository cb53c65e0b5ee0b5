"""Where the time goes: one row's load on our server (or the yardstick), watched by py-spy or by cProfile.

Run as ``python -m benchmarks.profile relay-12-1``. py-spy samples from outside and disturbs little; it is
taken when it is installed. cProfile costs several times the work itself: trust its order, not its sums. It
refuses to judge.
"""

from __future__ import annotations

import argparse
import io
import pstats
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmarks import generator
from benchmarks.measurement import OURS
from benchmarks.peers.bare import BARE_COUNTING, BARE_EAGER, BARE_WRITE
from benchmarks.peers.ours import COUNTING, COUNTING_DIAGNOSED, contacts_server, service_command
from benchmarks.process import BenchmarkError, Process, free_port, python_module, raise_descriptor_limit

LOADS: dict[str, dict[str, float | int]] = {
    "relay-12-1": {"connections": 12, "outstanding": 1},
    "relay-12-50": {"connections": 12, "outstanding": 50},
    "relay-1000-1": {"connections": 1000, "outstanding": 1},
    "flood": {"connections": 12},
    "flood-diagnostics": {"connections": 12},
    "queries-server": {},
    "idle": {"connections": 10_000},
    "broadcast-1000-1": {"connections": 1001, "outstanding": 1},
    "broadcast-1000-20": {"connections": 1001, "outstanding": 20},
}
SERVERS = {OURS: None, "bare-write": BARE_WRITE, "bare-eager": BARE_EAGER}
WARM_UP = 1.0
SAMPLES_A_SECOND = 500
SPARE_DESCRIPTORS = 200
WAITING = "Condition.wait (threading.py"  # a thread that does nothing, which py-spy may take for busy
LINE_NUMBER = re.compile(r":\d+(?=\)$)")


def server_command(row: str, server: str, port: int, folder: Path) -> list[str]:
    """The command line of the server that the row loads."""
    folder.mkdir(exist_ok=True)
    contestant = SERVERS[server]
    if row.startswith("broadcast"):
        return contacts_server(1001, 0).command(port, folder)
    if row.startswith("flood"):
        ours = COUNTING_DIAGNOSED if row == "flood-diagnostics" else COUNTING
        return (ours if contestant is None else BARE_COUNTING).command(port, folder)
    if contestant is not None:
        return contestant.command(port, folder)
    if row == "queries-server":
        return python_module("benchmarks.peers.our_query", "serve", "--port", port)
    return service_command(port, folder)


def load(row: str, port: int, seconds: float, log: Path) -> Process:
    """Start the row's load."""
    if row == "queries-server":
        command = python_module("benchmarks.peers.our_query", "ask", "--port", port)
        return Process("asking", [*command, "--warm-up", str(WARM_UP), "--seconds", str(seconds)], log)
    mode = {"flood": "flood", "idle": "idle", "broadcast": "fanout"}.get(row.partition("-")[0], "relay")
    return generator.start(mode, "es6", port, log, warm_up=WARM_UP, seconds=seconds, **LOADS[row])


def sampled(row: str, server: str, seconds: float, spy: str, folder: Path) -> str:
    """The report by py-spy."""
    port, samples = free_port(), folder / "samples.txt"
    raise_descriptor_limit(int(LOADS[row].get("connections", 0)) + SPARE_DESCRIPTORS)
    command = server_command(row, server, port, folder)
    with Process(server, command, folder / "server.log") as process:
        process.wait_for_port(port)
        with load(row, port, seconds + WARM_UP, folder / "load.log") as loading:
            if row == "idle":
                loading.wait_for_line()
            watch = [spy, "record", "--pid", str(process.pid), "--format", "raw", "--output", str(samples)]
            watch += ["--duration", str(int(seconds)), "--rate", str(SAMPLES_A_SECOND)]
            with Process("py-spy", watch, folder / "spy.log") as watching:
                list(watching.follow(seconds + 30))
            rate = loading.result(seconds + 30)["per_second"]
    return f"{rate:,.0f}/s while sampled\n\n{sample_report(samples.read_text())}"


def sample_report(text: str, longest: int = 25) -> str:
    """The share of samples inside each function itself, and inside it with all it called."""
    lines_alone: Counter[str] = Counter()
    alone: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    for line in text.splitlines():
        stack, _, count = line.rpartition(" ")
        frames = stack.split(";")
        if frames[-1].startswith(WAITING):
            continue
        functions = [LINE_NUMBER.sub("", frame) for frame in frames]
        lines_alone[frames[-1]] += int(count)
        alone[functions[-1]] += int(count)
        whole.update(dict.fromkeys(functions, int(count)))
    total = sum(alone.values()) or 1
    parts = []
    tables = {"function itself": alone, "with what it calls": whole, "single lines": lines_alone}
    for title, counts in tables.items():
        lines = [f"{count / total:6.1%}  {name}" for name, count in counts.most_common(longest)]
        parts.append("\n".join([title, *lines]))
    return "\n\n".join(parts)


def traced(row: str, server: str, seconds: float, folder: Path) -> str:
    """The report by cProfile: the server is ended orderly, and writes its statistics then."""
    port, statistics = free_port(), folder / "statistics"
    command = server_command(row, server, port, folder)
    if command[0] == sys.executable:
        command[1:1] = ["-m", "cProfile", "-o", str(statistics)]
    else:
        command[1:1] = [f"--profile={statistics}", "--profiler=cprofile", "--savestats"]
    with Process(server, command, folder / "server.log") as process:
        process.wait_for_port(port)
        with load(row, port, seconds, folder / "load.log") as loading:
            rate = loading.result(seconds + 60)["per_second"]
    if not statistics.exists():
        raise BenchmarkError(f"no profile was written: {process.last_words()}")
    out = io.StringIO()
    pstats.Stats(str(statistics), stream=out).sort_stats("tottime").print_stats(35)
    return f"{rate:,.0f}/s while traced\n{out.getvalue()}"


def main(arguments: Sequence[str]) -> int:
    """Profile one row; 0, or 1 when something of it broke."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile", description=__doc__)
    parser.add_argument("row", choices=tuple(LOADS))
    parser.add_argument("--server", choices=tuple(SERVERS), default=OURS)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--with", dest="tool", choices=("py-spy", "cprofile"), help="default: py-spy if installed")
    options = parser.parse_args(arguments)
    beside = Path(sys.executable).with_name("py-spy")
    spy = str(beside) if beside.exists() else shutil.which("py-spy")
    with tempfile.TemporaryDirectory(prefix="esframework-profile-") as folder:
        try:
            if spy and options.tool != "cprofile":
                print(sampled(options.row, options.server, options.seconds, spy, Path(folder)))
            else:
                print(traced(options.row, options.server, options.seconds, Path(folder)))
        except BenchmarkError as error:
            print(error, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
