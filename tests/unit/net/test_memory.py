"""Memory for pieces of files."""

from __future__ import annotations

import platform
import resource
import subprocess
import sys

import pytest

PROGRAM = """
import resource
from esframework.net.memory import keep_memory
if {keeps}:
    keep_memory()
for _ in range({times}):
    pieces = [b"x" * 100_000 for _ in range(10)]
    del pieces
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
"""
TIMES = 100
PAGES_IN_ALL = TIMES * 10 * 100_000 // resource.getpagesize()


def faults(keeps: bool) -> int:
    """Page faults of a program to which pieces of files come and go."""
    program = PROGRAM.format(keeps=keeps, times=TIMES)
    return int(subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another allocator")
def test_pieces_that_come_and_go_are_not_paid_for_again_each_time() -> None:
    assert faults(keeps=False) - faults(keeps=True) > PAGES_IN_ALL // 2
