"""A disk that fills up while accounts are added: every account reported as added is there afterwards."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from esframework.stores.accounts import accounts_table

pytestmark = pytest.mark.integration

ADD_UNTIL_IT_FAILS = """
import resource, sys
from pathlib import Path
from esframework.stores.accounts import accounts_table
from esframework.errors import StoreError

table = accounts_table(Path(sys.argv[1]))
table.open()
table.add("first", "x" * 200)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
print("first")
try:
    for number in range(10_000):
        table.add(f"user{number}", "x" * 200)
        print(f"user{number}", flush=True)
except StoreError as error:
    print(error, file=sys.stderr)
    assert table.hash_of("first") == "x" * 200
    sys.exit(7)
"""


def test_a_file_that_may_not_grow_loses_nothing_and_says_so(tmp_path: Path) -> None:
    child = subprocess.run(
        [sys.executable, "-c", ADD_UNTIL_IT_FAILS, str(tmp_path)], capture_output=True, text=True, timeout=60
    )
    assert child.returncode == 7, child.stderr
    assert "accounts.sqlite" in child.stderr
    assert "disk" in child.stderr
    table = accounts_table(tmp_path)
    table.open()
    try:
        assert table.user_ids() == sorted(child.stdout.split())
        table.add("after", "hash")
    finally:
        table.close()
