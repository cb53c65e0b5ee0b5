"""The figures as text, Markdown and JSON. It refuses to measure or to judge."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import metadata

from benchmarks.p2p.figures import Row
from benchmarks.report import Table, as_markdown, as_text, machine

UNITS = {
    "mbit": ("Mbit/s", "{:.1f}"),
    "average_ms": ("average ms", "{:.0f}"),
    "p99_ms": ("99 % ms", "{:.0f}"),
    "max_ms": ("longest ms", "{:.0f}"),
    "late_ms": ("late by ms", "{:.2f}"),
    "datagrams_each": ("datagrams a message", "{:.2f}"),
    "cpu_percent": ("processor %", "{:.0f}"),
    "line_percent": ("line %", "{:.0f}"),
    "least_percent": ("least share %", "{:.0f}"),
    "cubic_percent": ("the Cubic's share %", "{:.0f}"),
    "sum_percent": ("all of them %", "{:.0f}"),
}


def facts() -> dict[str, str]:
    """What the figures were measured on."""
    known = machine()
    try:
        known["aioquic"] = metadata.version("aioquic")
    except metadata.PackageNotFoundError:
        known["aioquic"] = "none"
    return known


def table(row: Row) -> Table:
    """One line a contestant; a column for each case and metric."""
    columns = [(case, metric) for case in row.figures for metric in row.metrics]
    heads = tuple(f"{case}, {UNITS[metric][0]}" for case, metric in columns)
    lines: Table = [(row.name, *heads)]
    for contestant in row.contestants():
        lines.append((contestant, *(_cell(row.median(case, contestant, metric), metric) for case, metric in columns)))
    return lines


def verdict_table(rows: Sequence[Row]) -> Table:
    """One line a goal and case."""
    lines: Table = [("row", "case", "contestant", "figure", "goal", "verdict")]
    for row in rows:
        for one in row.verdicts():
            figure = _cell(one.figure, one.goal.metric)
            names = (row.name, one.case, one.goal.contestant)
            lines.append((*names, f"{figure} {UNITS[one.goal.metric][0]}", one.goal.text(), one.text()))
    return lines


def _cell(value: float | None, metric: str) -> str:
    return "–" if value is None else UNITS[metric][1].format(value)


def _remarks(rows: Sequence[Row]) -> list[str]:
    absent = {f"absent: {name}: {reason}" for row in rows for name, reason in row.absent.items()}
    notes = [f"{row.name}: {note}" for row in rows for note in row.notes]
    return [*sorted(absent), *notes, *(f"{row.name} broke: {what}" for row in rows for what in row.broken)]


def text_report(rows: Sequence[Row]) -> str:
    """Everything for a terminal."""
    parts = [f"{row.work}\n{as_text(table(row))}" for row in rows]
    return "\n\n".join([*parts, as_text(verdict_table(rows)), *_remarks(rows)])


def markdown_report(rows: Sequence[Row]) -> str:
    """Everything for the documentation."""
    parts = [f"Measured with `python -m benchmarks.p2p` on: {', '.join(f'{k} {v}' for k, v in facts().items())}."]
    for row in rows:
        parts += [f"{row.work}:", as_markdown(table(row))]
    parts += [as_markdown(verdict_table(rows)), *(f"- {remark}" for remark in _remarks(rows))]
    return "\n\n".join(parts) + "\n"


def json_report(rows: Sequence[Row]) -> str:
    """Everything, every round."""
    return (
        json.dumps({"machine": facts(), "rows": [row.as_json() for row in rows]}, indent=1, ensure_ascii=False) + "\n"
    )
