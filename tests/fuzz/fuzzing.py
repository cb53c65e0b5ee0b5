"""Runs targets on changed inputs, keeps those that reach new lines, and makes small what breaks one.

A target breaks when it raises anything, or takes longer than it may. Knows no format.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from time import monotonic, process_time

from tests.fuzz.coverage import Line, Reached
from tests.fuzz.mutation import Mutator

SLICE = 0.5
"""Seconds for which one target runs before the next has its turn."""

TOO_LONG = 1.0
"""Seconds of the processor that one input may take: a hundred times what the largest needs."""

TRACED = 8
"""Of so many inputs one is watched for new lines: watching makes it ten times slower."""


@dataclass(frozen=True)
class Target:
    """A parser that anybody can reach. `run` raises when an input does anything but what it may."""

    name: str
    about: str
    seeds: Sequence[bytes]
    run: Callable[[bytes], object]


@dataclass(frozen=True)
class Finding:
    """An input that breaks a target, made as small as was found out, and how."""

    target: str
    data: bytes
    trace: str


class TooSlow(Exception):
    """An input took too long."""


@dataclass
class Fuzzer:
    """One target and what is known of it. `seeds` were run before anything is changed; `tries` counts inputs."""

    target: Target
    random: Random
    tries: int = 0
    lines: set[Line] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)
    corpus: list[bytes] = field(default_factory=list)
    _places: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._mutator = Mutator(self.random)
        for seed in self.target.seeds:
            self._watch(seed)
            self.corpus.append(seed)

    def run(self, seconds: float) -> None:
        """Try changed inputs for so long."""
        until = monotonic() + seconds
        while monotonic() < until:
            self.step()

    def step(self) -> None:
        """Try one changed input."""
        # What reached new lines last is changed most.
        place = max(self.random.randrange(len(self.corpus)), self.random.randrange(len(self.corpus)))
        data = self._mutator.mutate(self.corpus[place], self.random.choice(self.corpus))
        if self.tries % TRACED:
            self._try(data)
        else:
            self._watch(data)

    def _watch(self, data: bytes) -> None:
        with Reached() as lines:
            self._try(data)
        if not lines <= self.lines:
            self.lines |= lines
            self.corpus.append(data)

    def _try(self, data: bytes) -> None:
        self.tries += 1
        broken = failure_of(self.target, data)
        if broken is None or broken[0] in self._places:
            return
        self._places.add(broken[0])
        small = smallest(self.target, data, broken[0])
        again = failure_of(self.target, small) or broken
        self.findings.append(Finding(self.target.name, small, again[1]))


def failure_of(target: Target, data: bytes) -> tuple[str, str] | None:
    """(where it breaks, how it came there); None if it does not."""
    begin = process_time()
    try:
        target.run(data)
        if process_time() - begin > TOO_LONG:
            raise TooSlow(f"{len(data)} bytes took more than {TOO_LONG:g} s")
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__} at {last.filename}:{last.lineno}", traceback.format_exc()
    return None


def smallest(target: Target, data: bytes, where: str) -> bytes:
    """What is left when no part can be taken away any more with the target still breaking in the same place."""
    size = max(1, len(data) // 2)
    while size:
        start = 0
        while start < len(data):
            shorter = data[:start] + data[start + size :]
            broken = failure_of(target, shorter)
            if broken is not None and broken[0] == where:
                data = shorter
            else:
                start += size
        size //= 2
    return data


def fuzz(
    targets: Sequence[Target], seconds: float, seed: int, told: Callable[[list[Fuzzer]], object] = lambda fuzzers: None
) -> list[Fuzzer]:
    """Run targets in turns for so long in all; `told` is called after each round of turns."""
    fuzzers = [Fuzzer(target, Random(f"{seed} {target.name}")) for target in targets]
    until = monotonic() + seconds
    while monotonic() < until:
        for fuzzer in fuzzers:
            fuzzer.run(min(SLICE, seconds / len(fuzzers)))
        told(fuzzers)
    return fuzzers
