"""A disk that fills up while messages are kept: every one reported as kept is there afterwards."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import pytest_twisted

from esframework.interfaces import Quota, StoredMessage
from esframework.stores.sql import SqlStores

pytestmark = pytest.mark.integration

KEEP_UNTIL_IT_FAILS = """
import resource, sys
from twisted.internet.defer import Deferred
from twisted.internet.task import react
from esframework.errors import StoreError
from esframework.interfaces import Quota, StoredMessage
from esframework.stores.sql import SqlStores

async def main(reactor):
    stores = SqlStores(sys.argv[1])
    await stores.open()
    await stores.accounts.add("first", "password")
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
    try:
        for number in range(10_000):
            message = StoredMessage(str(number), "bob", "alice", None, 0, b"x" * 200, 1.0, 2.0)
            print(await stores.offline.keep(message, Quota(0, 0)), flush=True)
    except StoreError as error:
        print(error, file=sys.stderr)
        assert await stores.accounts.exists("first")
        sys.exit(7)

react(lambda reactor: Deferred.fromCoroutine(main(reactor)))
"""


@pytest_twisted.ensureDeferred
async def test_a_file_that_may_not_grow_loses_nothing_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "stores.sqlite"
    command = [sys.executable, "-c", KEEP_UNTIL_IT_FAILS, str(path)]
    child = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert child.returncode == 7, child.stderr
    assert "stores.sqlite" in child.stderr
    assert "disk" in child.stderr
    stores = SqlStores(path)
    await stores.open()
    kept = [one.number for one in await stores.offline.summaries("bob", 0, 10_000)]
    assert kept == [int(line) for line in child.stdout.split()]
    assert kept
    message = StoredMessage("after", "bob", "alice", None, 0, b"", 1.0, 2.0)
    assert await stores.offline.keep(message, Quota(0, 0)) > kept[-1]
    await stores.close()
