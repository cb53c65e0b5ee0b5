"""python -m tests.fuzz: changed inputs for every parser that strangers reach, for as long as is wanted.

    python -m tests.fuzz --minutes 10                 all of them, in turns
    python -m tests.fuzz --target tcp-hello           one of them; --list says which there are
    python -m tests.fuzz --target probe --hex 4100    one input once more: what a run has found

Ends with 1 when something was found: each finding is told with its input, as small as it was made, and its trace.
"""

from __future__ import annotations

import argparse
import secrets
import sys

from tests.fuzz.fuzzing import Fuzzer, failure_of, fuzz
from tests.fuzz.targets import TARGETS


def main() -> int:
    """The exit code."""
    arguments = _arguments()
    targets = [one for one in TARGETS if not arguments.target or one.name in arguments.target]
    if arguments.list:
        for one in TARGETS:
            print(f"{one.name:20} {one.about}")
        return 0
    if arguments.hex is not None:
        return _repeat(targets[0], bytes.fromhex(arguments.hex))
    seed = secrets.randbits(32) if arguments.seed is None else arguments.seed
    print(f"seed {seed}; {arguments.minutes:g} minutes for {len(targets)} parsers", flush=True)
    told: set[bytes] = set()
    fuzzers = fuzz(targets, arguments.minutes * 60, seed, lambda fuzzers: _tell_findings(fuzzers, told))
    for fuzzer in fuzzers:
        print(
            f"{fuzzer.target.name:20} {fuzzer.tries:>10,} inputs, {len(fuzzer.corpus):>5} kept, "
            f"{len(fuzzer.lines):>5} lines reached, {len(fuzzer.findings)} findings"
        )
    return 1 if told else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=1.0, help="for how long, in all (default 1)")
    parser.add_argument("--target", action="append", choices=[one.name for one in TARGETS], help="only these")
    parser.add_argument("--seed", type=int, help="of a run that is to be repeated")
    parser.add_argument("--hex", help="one input for one target")
    parser.add_argument("--list", action="store_true", help="which parsers there are")
    arguments = parser.parse_args()
    if arguments.hex is not None and len(arguments.target or ()) != 1:
        parser.error("--hex is for one --target")
    return arguments


def _repeat(target: object, data: bytes) -> int:
    broken = failure_of(target, data)  # type: ignore[arg-type]
    print(broken[1] if broken else "nothing is wrong with it")
    return 1 if broken else 0


def _tell_findings(fuzzers: list[Fuzzer], told: set[bytes]) -> None:
    for fuzzer in fuzzers:
        for finding in fuzzer.findings:
            if finding.data not in told:
                told.add(finding.data)
                print(f"\n{finding.target}: python -m tests.fuzz --target {finding.target} --hex {finding.data.hex()}")
                print(finding.trace, flush=True)


if __name__ == "__main__":
    sys.exit(main())
