"""The fuzzer finds what is wrong, and nothing in what strangers reach; `python -m tests.fuzz` looks for longer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from tests.fuzz.fuzzing import Fuzzer, Target, failure_of, fuzz, smallest
from tests.fuzz.targets import TARGETS

ROOT = Path(__file__).resolve().parents[2]
TRIES = 1000


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_nothing_that_strangers_send_breaks_a_parser(target: Target) -> None:
    fuzzer = Fuzzer(target, Random(0))
    for _ in range(TRIES):
        fuzzer.step()
    assert [finding.trace for finding in fuzzer.findings] == []
    assert len(fuzzer.lines) > 4


def planted(data: bytes) -> None:
    """Wrong in one rare place."""
    if len(data) > 8 and data[3] == 255 and data[4] == 7:
        raise IndexError("planted")


def test_a_planted_fault_is_found_made_small_and_told_once() -> None:
    target = Target("planted", "", [bytes((1, 2, 3, 4, 7)) + bytes(40)], planted)
    fuzzer = Fuzzer(target, Random(1))
    for _ in range(20_000):
        fuzzer.step()
    (finding,) = fuzzer.findings
    assert (len(finding.data), finding.data[3:5]) == (9, b"\xff\x07")
    assert "IndexError: planted" in finding.trace


def test_what_takes_too_long_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fuzz.fuzzing.TOO_LONG", -1.0)
    broken = failure_of(Target("slow", "", [], len), b"abc")
    assert broken is not None and "TooSlow" in broken[0]


def test_an_input_is_made_small_only_as_long_as_it_breaks_in_the_same_place() -> None:
    def two_faults(data: bytes) -> None:
        if len(data) < 2:
            raise ValueError("short")
        if b"x" in data:
            raise KeyError("x")

    target = Target("two", "", [], two_faults)
    broken = failure_of(target, b"abcxdef")
    assert broken is not None
    assert len(smallest(target, b"abcxdef", broken[0])) == 2


def test_inputs_that_reach_new_lines_are_kept() -> None:
    (hello,) = (one for one in TARGETS if one.name == "tcp-hello")
    (fuzzer,) = fuzz([hello], 0.2, seed=3)
    assert fuzzer.tries > 10
    assert len(fuzzer.corpus) > len(hello.seeds)


@pytest.mark.integration
def test_the_command_repeats_an_input_and_runs_for_a_while() -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tests.fuzz", *arguments]
        return subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False)

    repeated = run("--target", "probe", "--hex", "4100")
    assert (repeated.returncode, repeated.stdout.strip()) == (0, "nothing is wrong with it")
    ran = run("--minutes", "0.02", "--seed", "5", "--target", "probe", "--target", "router-answer")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "seed 5" in ran.stdout and "router-answer" in ran.stdout
    assert "tcp-hello" in run("--list").stdout
