"""Starting, watching and ending one process of a benchmark; its CPU seconds and resident memory from /proc.

It refuses to know what the process serves. A process is ended by its own handle only.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
START_SECONDS = 30.0  # Crossbar needs about ten on a small machine
STOP_SECONDS = 10.0
OWN_AND_ENDED_CHILDREN = slice(11, 15)
MACHINE_WORK = slice(1, 4)  # user, nice, system of /proc/stat; interrupts belong to everybody


class BenchmarkError(Exception):
    """A process of the benchmark did not start, broke, or said something unexpected; the text says which."""


def free_port() -> int:
    """A loopback TCP port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def raise_descriptor_limit(wanted: int) -> None:
    """Let this process and its children open `wanted` descriptors; `BenchmarkError` if forbidden."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= wanted:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))
    except (OSError, ValueError) as error:
        raise BenchmarkError(f"{wanted} file descriptors are needed, {hard} allowed: {error}") from error


def python_module(module: str, *arguments: object) -> list[str]:
    """The command line that runs a module of this checkout with this interpreter."""
    return [sys.executable, "-m", module, *map(str, arguments)]


class Process:
    """One running program; a context manager that ends it. Its JSON lines on stdout are kept in `lines`."""

    def __init__(self, name: str, command: Sequence[str], log: Path) -> None:
        self.name = name
        self.command = list(command)
        self.log = log
        self.lines: list[dict[str, Any]] = []
        self._arrived = threading.Condition()
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        self._popen = subprocess.Popen(
            self.command,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log.open("ab"),
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._popen.pid

    def _read(self) -> None:
        assert self._popen.stdout is not None
        with self.log.open("a") as log:
            for line in self._popen.stdout:
                if not line.startswith("{"):
                    log.write(line)
                    continue
                with self._arrived:
                    self.lines.append(json.loads(line))
                    self._arrived.notify_all()
        with self._arrived:
            self._arrived.notify_all()

    def follow(self, seconds: float) -> Iterator[dict[str, Any]]:
        """The JSON lines as they come, until it ends; `BenchmarkError` if it fails or lasts longer."""
        deadline, seen = time.monotonic() + seconds, 0
        while True:
            with self._arrived:
                while len(self.lines) == seen and self._reader.is_alive():
                    if not self._arrived.wait(deadline - time.monotonic()) and time.monotonic() > deadline:
                        raise BenchmarkError(f"{self.name} was not done after {seconds:.0f} s")
                    if self._popen.poll() is not None:
                        self._arrived.wait(0.2)
            if len(self.lines) > seen:
                yield self.lines[seen]
                seen += 1
            elif self._popen.wait(STOP_SECONDS):
                raise BenchmarkError(f"{self.name} failed ({self._popen.returncode}): {self.last_words()}")
            else:
                return

    def result(self, seconds: float) -> dict[str, Any]:
        """The last JSON line, once the program has ended."""
        lines = list(self.follow(seconds))
        if not lines:
            raise BenchmarkError(f"{self.name} printed no result: {self.last_words()}")
        return lines[-1]

    def last_words(self) -> str:
        """The end of what it wrote, for an error's text."""
        return self.log.read_text(errors="replace")[-800:].strip() if self.log.exists() else ""

    def wait_for_port(self, port: int) -> None:
        """Return once somebody accepts on the port; `BenchmarkError` when the process ends or nobody does."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._popen.poll() is not None:
                raise BenchmarkError(f"{self.name} ended at once: {self.last_words()}")
            with socket.socket() as probe:
                probe.settimeout(1)
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.05)
        raise BenchmarkError(f"{self.name} did not listen within {START_SECONDS:.0f} s: {self.last_words()}")

    def wait_for_line(self, seconds: float = START_SECONDS) -> dict[str, Any]:
        """The first JSON line: how a program without a port says that it is ready."""
        with self._arrived:
            self._arrived.wait_for(lambda: self.lines or not self._reader.is_alive(), seconds)
        if not self.lines:
            raise BenchmarkError(f"{self.name} did not get ready: {self.last_words()}")
        return self.lines[0]

    def cpu_seconds(self) -> float:
        """CPU time so far, of this process and its descendants."""
        return sum(_cpu_seconds(pid) for pid in family(self.pid))

    def resident_bytes(self) -> int:
        """Resident memory now, of this process alone."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * PAGE

    def forget_peak(self) -> None:
        """Let the most resident memory be counted from now on."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def peak_bytes(self) -> int:
        """The most resident memory that this process has had."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024

    def stop(self) -> None:
        """Ask it to end, insist after ten seconds. Safe to call again."""
        if self._popen.poll() is None:
            self._popen.send_signal(signal.SIGTERM)
            try:
                self._popen.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._popen.kill()
                self._popen.wait()
        self._reader.join(STOP_SECONDS)


def family(pid: int) -> list[int]:
    """A process and all its descendants that live now."""
    members = [pid]
    for member in members:
        for children in Path(f"/proc/{member}/task").glob("*/children"):
            try:
                members += map(int, children.read_text().split())
            except OSError:
                continue  # a thread that ended while we looked
    return members


def _cpu_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0  # ended while we looked
    return sum(map(int, fields[OWN_AND_ENDED_CHILDREN])) / TICKS


def machine_cpu_seconds() -> float:
    """CPU time of the whole machine so far, by which a disturbed run is recognised."""
    fields = Path("/proc/stat").read_text().split(maxsplit=8)
    return sum(map(int, fields[MACHINE_WORK])) / TICKS
