"""What is measured: latencies as a histogram, messages second by second, a process's CPU and memory.

Knows no protocol and no reactor; who calls says what the time is.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

_SUB_BUCKETS: Final = 64
"""Buckets for each doubling of the latency: a figure is at most 1.6 % too small."""

_SHIFT: Final = _SUB_BUCKETS.bit_length()
_UNIT: Final = 1e-7
"""Seconds: handlers that do nothing take half a microsecond."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds: the median, that of the slowest hundredth, the slowest; and of how many."""

    p50: float
    p99: float
    max: float
    count: int


class Histogram:
    """Latencies of any number in little memory. Not for several threads at once: merge one of each."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self.count = 0
        self.longest = 0.0

    def record(self, seconds: float, times: int = 1) -> None:
        """Count a latency, `times` times."""
        self._counts[_bucket(int(seconds / _UNIT))] += times
        self.count += times
        if seconds > self.longest:
            self.longest = seconds

    def merge(self, other: Histogram) -> None:
        """Count what another has counted."""
        # A copy: the other may belong to a thread that still counts.
        self._counts.update(dict(other._counts))
        self.count += other.count
        self.longest = max(self.longest, other.longest)

    def percentile(self, share: float) -> float:
        """The latency that a `share` (0 to 1) of all does not exceed; 0.0 when nothing was counted."""
        wanted, seen = share * self.count, 0
        for bucket in sorted(self._counts):
            seen += self._counts[bucket]
            if seen >= wanted:
                return min(_value(bucket) * _UNIT, self.longest)
        return self.longest

    def summary(self) -> Latency | None:
        """The figures, None when nothing was counted."""
        if not self.count:
            return None
        return Latency(self.percentile(0.5), self.percentile(0.99), self.longest, self.count)


def _bucket(units: int) -> int:
    # Exact below 128; above, the number's doubling and its first six bits after the leading one.
    shift = units.bit_length() - _SHIFT
    return units if shift <= 0 else shift * _SUB_BUCKETS + (units >> shift)


def _value(bucket: int) -> int:
    shift = bucket // _SUB_BUCKETS - 1
    return bucket if shift <= 0 else (bucket - shift * _SUB_BUCKETS) << shift


class SecondCounter:
    """A growing total, told second by second."""

    def __init__(self) -> None:
        self._last = 0
        self.seconds: list[int] = []

    def tick(self, total: int) -> int:
        """A second has passed: how much came in it."""
        grown, self._last = total - self._last, total
        self.seconds.append(grown)
        return grown


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process has used: CPU seconds of all its threads so far, resident bytes now."""

    cpu_seconds: float
    resident_bytes: int


def usage_of(process_id: int) -> Usage | None:
    """What a process has used; None when there is no such process, or this platform does not tell."""
    folder = Path(f"/proc/{process_id}")
    if not Path("/proc/self/stat").exists():
        return _usage_by_psutil(process_id) if find_spec("psutil") else None
    try:
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        pages = int((folder / "statm").read_text().split()[1])
    except (OSError, IndexError):
        return None
    ticks = os.sysconf("SC_CLK_TCK")
    return Usage((int(fields[11]) + int(fields[12])) / ticks, pages * os.sysconf("SC_PAGE_SIZE"))


def _usage_by_psutil(process_id: int) -> Usage | None:
    psutil: Any = import_module("psutil")
    try:
        process = psutil.Process(process_id)
        times, memory = process.cpu_times(), process.memory_info()
    except psutil.Error:
        return None
    return Usage(times.user + times.system, memory.rss)


@dataclass(frozen=True, slots=True)
class ProcessFigures:
    """`cpu_percent` of one core over the time measured; the most resident bytes that were seen."""

    cpu_percent: float
    resident_bytes: int


class ProcessMeter:
    """Watches one process from `begin` to `end`; both are told the time in seconds."""

    def __init__(self, process_id: int) -> None:
        self._process_id = process_id
        self._first: tuple[float, Usage] | None = None
        self._last: tuple[float, Usage] | None = None
        self._highest = 0

    def begin(self, now: float) -> None:
        """Count from here on."""
        self._first = self._last = None
        self.sample(now)
        self._first = self._last

    def sample(self, now: float) -> None:
        """Look; a process that is gone keeps its last figures."""
        usage = usage_of(self._process_id)
        if usage is not None:
            self._last = (now, usage)
            self._highest = max(self._highest, usage.resident_bytes)

    def figures(self) -> ProcessFigures | None:
        """The figures between `begin` and the last sample; None without two looks at the process."""
        if self._first is None or self._last is None or self._last[0] <= self._first[0]:
            return None
        (began, first), (ended, last) = self._first, self._last
        return ProcessFigures(100 * (last.cpu_seconds - first.cpu_seconds) / (ended - began), self._highest)
