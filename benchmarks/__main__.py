"""``python -m benchmarks``: measure every row, ours and its peers in turn, and say which goals are met."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import report
from benchmarks.measurement import RowResult
from benchmarks.process import BenchmarkError
from benchmarks.rows import ROWS
from benchmarks.running import Pace

QUICK = Pace(warm_up=0.5, seconds=2.0, rounds=1)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", choices=tuple(ROWS), metavar="NAME", help=", ".join(ROWS))
    parser.add_argument("--quick", action="store_true", help="one short round a row: a look, not a measurement")
    parser.add_argument("--rounds", type=int, default=Pace().rounds, help="rounds a row; medians are compared")
    parser.add_argument("--seconds", type=float, default=Pace().seconds, help="measured seconds a round")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--markdown", type=Path, metavar="FILE")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Run; 0 when every goal that could be measured is met, 1 when one is missed or a row broke."""
    options = parse(arguments)
    pace = QUICK if options.quick else Pace(seconds=options.seconds, rounds=options.rounds)
    results: list[RowResult] = []
    broken = False
    for name in options.only or ROWS:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        try:
            results.append(ROWS[name](pace))
        except BenchmarkError as error:
            broken = True
            print(f"{name} broke: {error}", file=sys.stderr, flush=True)
    print(report.text_report(results))
    if options.json:
        options.json.write_text(report.json_report(results))
    if options.markdown:
        options.markdown.write_text(report.markdown_report(results))
    missed = any(verdict.met is False for result in results for verdict in result.verdicts())
    return 1 if broken or missed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
