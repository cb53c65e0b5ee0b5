"""What is promised of files that are left with a server, shown on a real one: killed at any moment, it loses none,
hands none over twice to a program that lives on, and leaves no litter."""

from __future__ import annotations

import os
import random
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import deferLater

from esframework import ClientEngine, ClientOptions
from esframework.errors import EsError, KeptOffline
from esframework.managers.files.options import FilesOptions
from tests.integration.support import Daemon, reactor, until, within
from tests.integration.test_offline import PASSWORD, add_accounts

pytestmark = pytest.mark.integration
Start = Callable[..., Daemon]
ROUNDS = 8
SIZES = (0, 5, 300_000, 3_000_000, 20_000_000)


class Person:
    """A client that lives on while the server does not."""

    def __init__(self, name: str, state: Path) -> None:
        self.name = name
        options = ClientOptions(
            auto_reconnect=False, offline_ready=True, files=FilesOptions(state_folder=state / name)
        )
        self.client = ClientEngine(options=options, reactor=reactor)

    async def comes(self, endpoint: str) -> None:
        """Log on."""
        await within(self.client.log_on(self.name, PASSWORD, endpoint), "a log-on")


class Receiver(Person):
    """One that takes everything; `completed` counts how often each file came."""

    def __init__(self, name: str, state: Path, folder: Path) -> None:
        super().__init__(name, state)
        folder.mkdir()
        self.folder = folder
        self.completed: Counter[str] = Counter()
        files = self.client.files
        files.offered.subscribe(lambda offer: offer.accept_into(folder))
        files.receiving.completed.subscribe(lambda transfer: self.completed.update([transfer.name]))


async def leave_all(client: ClientEngine, paths: list[Path], kept: set[str]) -> None:
    """Leave every file for bob that the server has not said to keep, one after another, until the server is gone."""
    for path in paths:
        if path.name in kept:
            continue
        try:
            transfer = await client.offline_files.send("bob", path, id=path.name)
            await transfer.done()
        except KeptOffline as earlier:
            # The answer to an earlier try was lost.
            assert earlier.id == path.name
        except EsError:
            return
        kept.add(path.name)


@pytest_twisted.ensureDeferred
async def test_whenever_the_server_is_killed_every_file_comes_once_and_nothing_stays(
    start: Start, tmp_path: Path
) -> None:
    seed = random.randrange(10**6)
    print("seed", seed)
    dice = random.Random(seed)
    data = tmp_path / "data"
    data.mkdir()
    await add_accounts(data, "alice", "bob")
    paths = [tmp_path / f"{number}.bin" for number in range(15)]
    for number, path in enumerate(paths):
        path.write_bytes(os.urandom(SIZES[number % len(SIZES)]))
    alice, bob = Person("alice", tmp_path), Receiver("bob", tmp_path, tmp_path / "received")
    kept: set[str] = set()
    for round_number in range(ROUNDS):
        daemon = await start(data=data).ready()
        await alice.comes(daemon.endpoint)
        leaving = ensureDeferred(leave_all(alice.client, paths, kept))
        if round_number % 3:
            await bob.comes(daemon.endpoint)
        await deferLater(reactor, dice.uniform(0, 0.4), lambda: None)
        daemon.tell(signal.SIGKILL)
        assert await daemon.over() == -signal.SIGKILL
        await within(leaving, "the end of a transfer")
        for person in (alice, bob):
            await person.client.close()
    daemon = await start(data=data).ready()
    await alice.comes(daemon.endpoint)
    await bob.comes(daemon.endpoint)
    await within(leave_all_again(alice.client, paths, kept), "the end of all transfers")
    await until(lambda: len(bob.completed) == len(paths), "the end of the hand-over")
    folder = data / "offline-files"
    await until(lambda: not os.listdir(folder), "nothing to be kept")
    assert {path.name: bob.completed[path.name] for path in paths} == dict.fromkeys((path.name for path in paths), 1)
    for path in paths:
        assert (bob.folder / path.name).read_bytes() == path.read_bytes()
    assert sorted(os.listdir(bob.folder)) == sorted(path.name for path in paths)
    for person in (alice, bob):
        await person.client.close()


def leave_all_again(client: ClientEngine, paths: list[Path], kept: set[str]) -> Deferred[Any]:
    """The same, now that nothing happens any more."""
    return ensureDeferred(leave_all(client, paths, kept))
