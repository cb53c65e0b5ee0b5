"""What a bench found, and how it is written: a table for people, one JSON object for scripts.

Knows no load; it is given figures.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from esframework.cli.benching.measuring import Latency, ProcessFigures

BOTTLENECK_PERCENT: Final = 90.0
"""CPU of the load's own process above which the figures may be its limit, not the server's."""

HANDLERS: Final = "handlers"
"""The work that has no server."""

_SHOWN_ERRORS: Final = 5
_MEBIBYTE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One finished bench. `seconds` is the time the rate is over; `received` None where nothing comes back.

    `handled` counts what the server's handler was given, where the server is our own. `per_second` holds what each
    second brought while the load ran.
    """

    work: str
    settings: Mapping[str, Any]
    unit: str
    seconds: float
    sent: int
    total: int
    received: int | None
    per_second: tuple[int, ...]
    latency: Latency | None
    latency_of: str
    skipped: int = 0
    handled: int | None = None
    errors: Mapping[str, int] = field(default_factory=dict)
    server: ProcessFigures | None = None
    own_cpu_percent: float = 0.0
    interrupted: bool = False

    @property
    def rate(self) -> float:
        """Messages, questions or calls that were done, a second."""
        return self.total / self.seconds if self.seconds > 0 else 0.0

    def as_json(self) -> dict[str, Any]:
        """One object; latencies in milliseconds, memory in bytes."""
        latency, server = self.latency, self.server
        return {
            "work": self.work,
            **self.settings,
            "unit": self.unit,
            "seconds": round(self.seconds, 3),
            "sent": self.sent,
            "sent_per_second": round(self.sent / self.seconds, 1) if self.seconds > 0 else 0.0,
            "received": self.received,
            "rate": round(self.rate, 1),
            "per_second": list(self.per_second),
            "latency_of": self.latency_of,
            "latency_ms": None
            if latency is None
            else {
                "p50": _milliseconds(latency.p50),
                "p99": _milliseconds(latency.p99),
                "max": _milliseconds(latency.max),
                "count": latency.count,
            },
            "skipped": self.skipped,
            "handled_by_server": self.handled,
            "errors": dict(self.errors),
            "server_cpu_percent": None if server is None else round(server.cpu_percent, 1),
            "server_rss_bytes": None if server is None else server.resident_bytes,
            "own_cpu_percent": round(self.own_cpu_percent, 1),
            "interrupted": self.interrupted,
        }

    def as_text(self) -> str:
        """A table of two columns."""
        rows = list(self._rows())
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"{name:<{width}}  {value}".rstrip() for name, value in rows)

    def _rows(self) -> Iterable[tuple[str, str]]:
        yield (
            "work",
            f"{self.work}: {', '.join(_setting(*item) for item in self.settings.items() if item[1] is not False)}",
        )
        yield "measured", f"{self.seconds:.1f} s" + (" (interrupted)" if self.interrupted else "")
        yield f"{self.unit} a second", f"{self.rate:,.0f}"
        if len(self.per_second) > 1:
            yield "second by second", " ".join(f"{number:,}" for number in self.per_second[-10:])
        yield "sent", f"{self.sent:,}"
        if self.received is not None:
            yield "received", f"{self.received:,}"
        if self.handled is not None:
            yield "handled by the server", f"{self.handled:,}"
        yield f"latency ({self.latency_of})", _latency_text(self.latency)
        if self.skipped:
            yield "due but not sent", f"{self.skipped:,}"
        yield "errors", f"{sum(self.errors.values()):,}"
        yield from _error_rows(self.errors)
        if self.work == HANDLERS:
            yield "CPU", f"{self.own_cpu_percent:.0f} % of a core"
        else:
            yield from self._processes()

    def _processes(self) -> Iterable[tuple[str, str]]:
        if self.server is None:
            yield "server's CPU", "not seen; --server-pid tells its process when it runs on this machine"
        else:
            yield "server's CPU", f"{self.server.cpu_percent:.0f} % of a core"
            yield "server's memory", f"{self.server.resident_bytes / _MEBIBYTE:.0f} MiB at most"
        is_limit = self.own_cpu_percent >= BOTTLENECK_PERCENT
        hint = ": it may be the limit here; run several, or from another machine" if is_limit else ""
        yield "this program's CPU", f"{self.own_cpu_percent:.0f} % of a core{hint}"


def _setting(name: str, value: Any) -> str:
    if name == "interval_ms":
        return f"each {value:g} ms" if value else "flat out"
    words = name.replace("_", " ")
    return words if value is True else f"{words} {value}"


def _error_rows(errors: Mapping[str, int]) -> Iterable[tuple[str, str]]:
    by_number = sorted(errors.items(), key=lambda item: (-item[1], item[0]))
    for text, number in by_number[:_SHOWN_ERRORS]:
        yield "", f"{number:,} x {text}"
    if len(by_number) > _SHOWN_ERRORS:
        yield "", f"and {len(by_number) - _SHOWN_ERRORS} other kinds; --json has them all"


def _latency_text(latency: Latency | None) -> str:
    if latency is None:
        return "none was measured"
    median, slow, slowest = (_milliseconds(value) for value in (latency.p50, latency.p99, latency.max))
    return f"p50 {median:g} ms, p99 {slow:g} ms, max {slowest:g} ms, of {latency.count:,}"


def _milliseconds(seconds: float) -> float:
    """Milliseconds with about three digits that mean something."""
    return float(f"{seconds * 1000:.4g}")
