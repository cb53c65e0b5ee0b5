"""``python -m benchmarks.p2p``: channels beside kernel TCP and QUIC, and which goals are met. Needs root."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.p2p import bulk_loopback, capacity, link, lossy, replies, report, sharing, sweep
from benchmarks.p2p.figures import Row
from benchmarks.p2p.running import QUICK, Pace
from benchmarks.process import BenchmarkError

ROWS: dict[str, Callable[[Pace], Row]] = {
    "link": capacity.measure,
    "loss": lossy.measure,
    "latency": replies.measure,
    "fairness": sharing.measure,
    "loopback": bulk_loopback.measure,
}
ON_REQUEST: dict[str, Callable[[Pace], Row]] = {"sweep": sweep.measure}


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.p2p", description=__doc__)
    names = f"{', '.join(ROWS)}; and on request only: {', '.join(ON_REQUEST)}"
    parser.add_argument("--only", action="append", choices=(*ROWS, *ON_REQUEST), metavar="NAME", help=names)
    parser.add_argument("--quick", action="store_true", help="one short round, fewer cases: a look, not a measurement")
    parser.add_argument("--rounds", type=int, help="rounds of each row; medians are compared")
    parser.add_argument("--seconds", type=float, help="seconds of each stream")
    parser.add_argument("--lanes", type=int, help="links that work at the same time")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--markdown", type=Path, metavar="FILE")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Run; 0 when every goal that could be measured is met, 1 when one is missed or a row broke, 2 without a link."""
    options = parse(arguments)
    lacks = link.missing()
    if lacks is not None:
        print(f"The link between two ends cannot be made: {lacks}", file=sys.stderr)
        return 2
    chosen = {name: value for name in ("rounds", "seconds", "lanes") if (value := getattr(options, name)) is not None}
    pace = replace(QUICK if options.quick else Pace(), **chosen)
    rows: list[Row] = []
    is_broken = False
    for name in options.only or ROWS:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        begin = time.monotonic()
        try:
            rows.append((ROWS | ON_REQUEST)[name](pace))
        except BenchmarkError as error:
            is_broken = True
            print(f"{name} broke: {error}", file=sys.stderr, flush=True)
        print(f"  {time.monotonic() - begin:.0f} s", file=sys.stderr, flush=True)
    print(report.text_report(rows))
    if options.json:
        options.json.write_text(report.json_report(rows))
    if options.markdown:
        options.markdown.write_text(report.markdown_report(rows))
    is_broken |= any(row.broken for row in rows)
    is_missed = any(verdict.is_met is False for row in rows for verdict in row.verdicts())
    return 1 if is_broken or is_missed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
