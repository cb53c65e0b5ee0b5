"""Scripts that block, in processes of their own, against a server in this one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from esframework import ServerEngine, ServerOptions
from esframework.managers.accounts.options import AccountsOptions
from esframework.stores.memory import MemoryStores
from esframework.stores.verifier import AccountVerifier

pytestmark = pytest.mark.integration
ROOT = Path(__file__).resolve().parents[2]
SECONDS = 20.0


class House:
    """Answers in capitals; raises for type 13; lets no mallory in."""

    def __init__(self) -> None:
        self.heard: list[tuple[str | None, int, bytes | None]] = []

    def verify(self, request: Any) -> bool | str:
        return request.user_id != "mallory" or "not you"

    def handle_information(self, source: str | None, information_type: int, content: bytes | None) -> None:
        self.heard.append((source, information_type, content))

    def handle_query(self, source: str | None, information_type: int, content: bytes) -> bytes:
        if information_type == 13:
            raise ValueError("an unlucky number")
        return content.upper()


@pytest_twisted.async_yield_fixture()
async def server() -> AsyncIterator[ServerEngine]:
    """A server on a free port of loopback."""
    house = House()
    engine = ServerEngine(house, house, reactor=reactor)
    await engine.listen("tcp:0:interface=127.0.0.1")
    yield engine
    await engine.close()


async def run(program: str, server: ServerEngine) -> str:
    """What a program prints that ends well; its endpoint is `endpoint`."""
    program = f"endpoint = 'tcp:localhost:{server.addresses[0].port}'\n" + program
    ended = await deferToThread(
        lambda: subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
    )
    assert ended.returncode == 0, ended.stderr
    return str(ended.stdout)


@pytest_twisted.ensureDeferred
async def test_calls_wait_and_return_plain_results_or_raise(server: ServerEngine) -> None:
    program = """
from esframework import blocking
from esframework.errors import HandlerRaised, LogonFailed, TargetAbsent
with blocking.connect("alice", "secret", endpoint) as client:
    print(client.connected, client.custom.query(None, 1, b"ping"), client.custom.post(None, 2, b"posted"))
    client.custom.send_acked(None, 3, b"acked")
    for target, information_type, error in (None, 13, HandlerRaised), ("bob", 1, TargetAbsent):
        try:
            client.custom.query(target, information_type, b"")
        except error as raised:
            print(type(raised).__name__)
    with blocking.connect("bob", "", endpoint) as second:
        print(client.basic.all_online_users())
print(client.connected)
try:
    with blocking.connect("mallory", "", endpoint):
        print("let in")
except LogonFailed as refused:
    print(refused.cause)
"""
    assert (await run(program, server)).splitlines() == [
        "True b'PING' True",
        "HandlerRaised",
        "TargetAbsent",
        "['alice', 'bob']",
        "False",
        "not you",
    ]
    assert server.handler.heard == [("alice", 2, b"posted"), ("alice", 3, b"acked")]
    assert server.users.count == 0


@pytest_twisted.ensureDeferred
async def test_its_handler_is_called_in_the_reactors_thread_and_may_answer(server: ServerEngine) -> None:
    program = """
import threading
from queue import Queue
from esframework import blocking
calls = Queue()
class Handler:
    def handle_information(self, source, information_type, content):
        calls.put((threading.current_thread().name, content))
    def handle_query(self, source, information_type, content):
        return content * 2
with blocking.connect("alice", "", endpoint, Handler()) as alice, blocking.connect("bob", "", endpoint) as bob:
    print(bob.custom.query("alice", 1, b"ha"))
    bob.custom.post("alice", 2, b"news")
    print(*calls.get(timeout=10))
"""
    assert await run(program, server) == "b'haha'\nesframework-reactor b'news'\n"


@pytest_twisted.ensureDeferred
async def test_a_file_is_sent_and_waited_for(server: ServerEngine, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(3_000_000))
    server.files.offered.subscribe(lambda offer: offer.accept(tmp_path / "copy"))
    program = f"""
from esframework import blocking
with blocking.connect("alice", "", endpoint) as client:
    transfer = client.files.send(None, {str(tmp_path / "file")!r})
    print(transfer.done() is transfer, transfer.so_far.transferred, client.files.transfers())
"""
    assert await run(program, server) == "True 3000000 []\n"
    assert (tmp_path / "copy").read_bytes() == bytes(3_000_000)


@pytest_twisted.ensureDeferred
async def test_a_channel_is_waited_for_and_used(server: ServerEngine) -> None:
    program = """
from esframework import ClientOptions, ClientP2POptions, NoP2PChannel, P2PChannelMode, blocking
class Echo:
    def handle_information(self, source, information_type, content): ...
    def handle_query(self, source, information_type, content):
        return content * 2
options = ClientOptions(p2p=ClientP2POptions(mode=P2PChannelMode.UDP))
with blocking.connect("alice", "", endpoint, options=options) as alice, blocking.connect("bob", "", endpoint, Echo()):
    try:
        alice.p2p.ping("bob")
    except NoP2PChannel:
        print("none yet", alice.p2p.channel_exists("bob"))
    print(alice.p2p.connect("bob").protocol, alice.p2p.ping("bob") < 5, list(alice.p2p.channel_states()))
    print(alice.custom.query("bob", 1, b"ha"), alice.p2p.channel_state("bob").messages_sent > 0)
    alice.p2p.disconnect("bob")
"""
    assert (await run(program, server)).splitlines() == [
        "none yet False",
        "udp True ['bob']",
        "b'haha' True",
    ]


@pytest_twisted.ensureDeferred
async def test_several_threads_share_a_client(server: ServerEngine) -> None:
    program = """
from concurrent.futures import ThreadPoolExecutor
from esframework import blocking
with blocking.connect("alice", "", endpoint) as client, ThreadPoolExecutor(8) as threads:
    answers = threads.map(lambda number: client.custom.query(None, 1, b"n%d" % number), range(200))
    print(list(answers) == [b"N%d" % number for number in range(200)])
"""
    assert await run(program, server) == "True\n"


@pytest_twisted.ensureDeferred
async def test_a_script_that_fails_inside_closes_its_client_and_ends(server: ServerEngine) -> None:
    program = """
import sys
from esframework import blocking
try:
    with blocking.connect("alice", "", endpoint) as client:
        raise KeyError("lost")
except KeyError:
    print(client.connected)
"""
    assert await run(program, server) == "False\n"


@pytest_twisted.ensureDeferred
async def test_after_twisted_was_stopped_it_says_so_instead_of_waiting(server: ServerEngine) -> None:
    program = """
from twisted.internet import reactor
reactor.callWhenRunning(reactor.stop)
reactor.run()
from esframework import blocking
from esframework.errors import LocalError
try:
    with blocking.connect("alice", "", endpoint):
        print("connected")
except LocalError as error:
    print(error)
"""
    assert "cannot be started again" in await run(program, server)


@pytest_twisted.ensureDeferred
async def test_a_script_makes_an_account_and_comes_back_by_its_token() -> None:
    stores = MemoryStores()
    options = ServerOptions(accounts=AccountsOptions(register=True))
    engine = ServerEngine(verifier=AccountVerifier(stores.accounts), stores=stores, options=options, reactor=reactor)
    await engine.listen("tcp:0:interface=127.0.0.1")
    program = """
from esframework import blocking
with blocking.connect("alice", "correct horse", endpoint, register=True) as client:
    print(client.accounts.who_is_online().users, client.accounts.state("alice").exists)
    token = client.accounts.session_token
with blocking.connect("alice", token, endpoint) as client:
    client.accounts.log_out()
    print(client.connected)
"""
    try:
        assert await run(program, engine) == "['alice'] True\nFalse\n"
    finally:
        await engine.close()


@pytest_twisted.ensureDeferred
async def test_the_progress_of_a_file_is_followed(server: ServerEngine, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "film").write_bytes(bytes(3_000_000))
    program = f"""
from pathlib import Path
from esframework import blocking
from esframework.errors import TransferInterrupted
folder = Path({str(tmp_path)!r})
with blocking.connect("bob", "", endpoint) as bob, blocking.connect("alice", "", endpoint) as alice:
    offers = bob.files.offered.subscribe(lambda offer: offer.accept_into(folder / "in"))
    seen = [progress.transferred for progress in blocking.each(alice.files.send("bob", folder / "film").progress())]
    print(seen == sorted(seen), seen[-1], alice.files.transfers())
    for progress in blocking.each(alice.files.send("bob", folder / "film", name="left early").progress()):
        break
    offers.cancel()
    try:
        list(blocking.each(alice.files.send("bob", folder / "film").progress()))
    except TransferInterrupted as error:
        print(error.disruption.name)
"""
    assert await run(program, server) == "True 3000000 []\nREJECTED\n"
    assert (tmp_path / "in" / "film").stat().st_size == 3_000_000
