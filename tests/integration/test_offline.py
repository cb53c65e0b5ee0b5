"""What an acknowledged offline message promises, shown on a real server and its SQLite file: nothing loses it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.threads import deferToThread

from esframework import ClientEngine
from esframework.errors import EsError
from esframework.managers.offline.contracts import OfflineMessage
from esframework.wire.types import Level
from tests.integration.support import COMMAND, ROOT, Child, Daemon, logged_on, within

pytestmark = pytest.mark.integration
Start = Callable[..., Daemon]
PASSWORD = "secret-secret"


async def add_accounts(data: Path, *names: str) -> None:
    """`esframework user add` for each."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "ESFRAMEWORK_PASSWORD": PASSWORD}
    for name in names:
        command = [sys.executable, *COMMAND, "user", "add", name, "--data", str(data)]
        await deferToThread(subprocess.run, command, env=environment, check=True)


class Collector:
    """A handler that keeps messages that waited."""

    def __init__(self) -> None:
        self.waited: list[OfflineMessage] = []

    def handle_offline(self, message: OfflineMessage) -> None:
        self.waited.append(message)

    def handle_information(self, source: str | None, information_type: int, content: bytes | None) -> None:
        raise AssertionError("nothing was sent to somebody who was there")


async def take_all(endpoint: str, user_id: str) -> list[OfflineMessage]:
    """What waits for a user, taken."""
    handler = Collector()
    client = await logged_on(user_id, endpoint, handler, PASSWORD)
    caught_up: Deferred[None] = Deferred()
    client.offline.caught_up.subscribe(lambda: caught_up.callback(None))
    await client.offline.ready()
    await within(caught_up, "the end of the hand-over")
    await client.close()
    return handler.waited


@pytest_twisted.ensureDeferred
async def test_after_kill_9_of_the_server_every_acknowledged_message_is_there_in_order(
    start: Start, tmp_path: Path
) -> None:
    await add_accounts(tmp_path, "alice", "bob")
    acknowledged: list[int] = []
    sent = 0
    for round_number in range(3):
        daemon = await start(data=tmp_path).ready()
        alice = await logged_on("alice", daemon.endpoint, password=PASSWORD, auto_reconnect=False)
        aim = len(acknowledged) + 150
        open_calls = []
        while len(acknowledged) < aim:
            calls = [storing(alice, number, acknowledged) for number in range(sent, sent + 50)]
            sent += 50
            open_calls += calls
            await within(calls[0], "an acknowledgement")
        daemon.tell(signal.SIGKILL)
        assert await daemon.over() == -signal.SIGKILL, f"round {round_number}"
        await within(gatherResults(open_calls), "the end of all calls")
        await alice.close()
    daemon = await start(data=tmp_path).ready()
    waited = [int(message.content or b"") for message in await take_all(daemon.endpoint, "bob")]
    assert waited == sorted(set(waited)), "in order, each once"
    assert set(acknowledged) <= set(waited)
    assert len(acknowledged) >= 450


def storing(alice: ClientEngine, number: int, acknowledged: list[int]) -> Deferred[Any]:
    """Send a message to bob, who is away; remember its number when the server says that it is on the disk."""

    def stored(level: Level) -> None:
        assert level is Level.STORED_ON_DISK
        acknowledged.append(number)

    return alice.offline.send("bob", 7, b"%d" % number).addCallbacks(stored, lambda failure: failure.trap(EsError))


@pytest_twisted.ensureDeferred
async def test_when_the_receiver_is_killed_in_the_middle_nothing_is_lost_and_what_may_come_twice_is_marked(
    start: Start, tmp_path: Path, children: list[Child]
) -> None:
    await add_accounts(tmp_path, "alice", "bob")
    daemon = await start(data=tmp_path).ready()
    alice = await logged_on("alice", daemon.endpoint, password=PASSWORD)
    count = 200
    await gatherResults([alice.offline.send("bob", 7, b"%d" % number) for number in range(count)])
    receiver = Child([str(Path(__file__).with_name("offline_receiver.py")), daemon.endpoint, "bob"])
    children.append(receiver)
    await receiver.shows(r"begun 90$")
    receiver.tell(signal.SIGKILL)
    await receiver.over()
    await until_gone(alice, "bob")
    begun = {int(number) for number in re.findall(r"begun (\d+)", receiver.shown)}
    finished = {int(number) for number in re.findall(r"finished (\d+)", receiver.shown)}
    rest = {int(message.content or b""): message for message in await take_all(daemon.endpoint, "bob")}
    await alice.close()
    assert list(rest) == sorted(rest)
    assert finished | set(rest) == set(range(count)), "nothing is lost"
    assert begun - finished <= set(rest), "what was not finished comes again"
    assert all(rest[number].redelivered for number in begun & set(rest)), "what may come twice is marked"
    assert not rest[count - 1].redelivered


async def until_gone(client: ClientEngine, user_id: str) -> None:
    """Waits until the server has noticed that a user is gone."""
    for _ in range(1000):
        if not await client.basic.is_user_online(user_id):
            return
    pytest.fail(f"{user_id} is still there")


@pytest_twisted.ensureDeferred
async def test_the_program_shows_and_purges_what_waits_beside_a_running_server(start: Start, tmp_path: Path) -> None:
    await add_accounts(tmp_path, "alice", "bob")
    daemon = await start(data=tmp_path).ready()
    alice = await logged_on("alice", daemon.endpoint, password=PASSWORD)
    assert await alice.offline.send("bob", 7, b"hello") is Level.STORED_ON_DISK
    assert (await offline("list", tmp_path)).startswith("bob: 1 messages, 5 bytes")
    assert await offline("purge", tmp_path, "bob", "--yes") == "1 messages deleted\n"
    assert await take_all(daemon.endpoint, "bob") == []
    await alice.close()


async def offline(what: str, data: Path, *more: str) -> str:
    """What `esframework offline` prints."""
    command = [sys.executable, *COMMAND, "offline", what, *more, "--data", str(data)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = await deferToThread(subprocess.run, command, env=environment, check=True, capture_output=True, text=True)
    return str(done.stdout)
