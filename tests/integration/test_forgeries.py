"""Clients that lie to the real daemon, which has accounts: kick-outs, presence, replies and names not theirs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred

from esframework import ClientEngine
from esframework.errors import LogonFailed, NotPermitted
from esframework.managers.basic.contracts import KICK_OUT, KickOutBody
from esframework.wire.contracts import REQUEST_FAILED, RequestFailedBody
from esframework.wire.information import encode_information
from esframework.wire.types import DisconnectedType, MessageType
from tests.integration.support import COMMAND, ROOT, Daemon, Echo, Raw, logged_on, until, within

pytestmark = pytest.mark.integration
PASSWORD = "correct horse"


def add_accounts(data: Path, *names: str) -> None:
    """`esframework user add` for each."""
    for name in names:
        subprocess.run(
            [sys.executable, *COMMAND, "user", "add", name, "--data", str(data)],
            env={**os.environ, "PYTHONPATH": str(ROOT), "ESFRAMEWORK_PASSWORD": PASSWORD},
            check=True,
            capture_output=True,
            timeout=30,
        )


class Hesitant(Echo):
    """Answers a query when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: Deferred[None] = Deferred()
        self.answer: Deferred[bytes] = Deferred()

    def handle_query(self, source: str | None, information_type: int, content: bytes | None) -> Deferred[bytes]:  # type: ignore[override]
        self.asked.callback(None)
        return self.answer


async def until_told(client: ClientEngine, source: str, information_type: int) -> None:
    """Waits for information at a client."""
    await until(lambda: any(told[:2] == (source, information_type) for told in client.handler.told), "the information")


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with three accounts; mallory is no administrator, boss is."""
    data = tmp_path_factory.mktemp("accounts")
    add_accounts(data, "alice", "mallory", "boss")
    return data


@pytest_twisted.async_yield_fixture()
async def daemon(start: Callable[..., Daemon], accounts: Path) -> AsyncIterator[Daemon]:
    """A daemon with these accounts."""
    yield await start(data=accounts, config='administrators = ["boss"]\n').ready()


@pytest_twisted.async_yield_fixture()
async def alice(daemon: Daemon) -> AsyncIterator[ClientEngine]:
    """A client that must not be disturbed."""
    client = await logged_on("alice", daemon.endpoint, Hesitant(), PASSWORD)
    yield client
    await client.close()


@pytest_twisted.async_yield_fixture()
async def mallory(daemon: Daemon) -> AsyncIterator[Raw]:
    """A client that writes what it likes."""
    peer = await Raw.logged_on(daemon.endpoint, "mallory", PASSWORD)
    yield peer
    peer.leave()
    await peer.is_closed()


@pytest_twisted.ensureDeferred
async def test_what_only_a_server_says_does_not_pass_between_clients(alice: ClientEngine, mallory: Raw) -> None:
    disturbed: list[str] = []
    for event in (alice.basic.being_kicked_out, alice.basic.being_pushed_out, alice.connection_interrupted):
        event.subscribe(lambda name=event.name: disturbed.append(name))
    alice.invalid_message.subscribe(lambda kind: disturbed.append(str(kind)))
    failed = REQUEST_FAILED.encode(RequestFailedBody("no", 1))
    for message_type in (105, 108, 109, 110, 112, 117, 501, 701, 702, 805, 1000, 1001, 10_000):
        mallory.write(mallory.frame(message_type, failed, "mallory", "alice", 1))
    mallory.write(mallory.frame(MessageType.INFORMATION, encode_information(7, b"last"), "mallory", "alice"))
    await until_told(alice, "mallory", 7)
    assert disturbed == []
    assert alice.connected


@pytest_twisted.ensureDeferred
async def test_a_kick_out_by_anybody_but_an_administrator_is_refused(
    daemon: Daemon, alice: ClientEngine, mallory: Raw
) -> None:
    mallory.write(mallory.frame(MessageType.KICK_OUT, KICK_OUT.encode(KickOutBody("alice")), "mallory", number=5))
    mallory.write(mallory.frame(MessageType.IS_USER_ONLINE, b"\x09\0\0\0\x05\0\0\0alice", "mallory", number=6))
    assert await mallory.receives(MessageType.IS_USER_ONLINE) == b"\x01\0\0\0\x01"
    with pytest.raises(NotPermitted):
        await alice.basic.kick_out("mallory")
    boss = await logged_on("boss", daemon.endpoint, password=PASSWORD)
    kicked: Deferred[None] = Deferred()
    alice.basic.being_kicked_out.subscribe(lambda: kicked.callback(None))
    await boss.basic.kick_out("alice")
    await within(kicked, "the kick-out by an administrator")
    await daemon.shows("alice logged off: KICKED_OUT")
    await boss.close()


@pytest_twisted.ensureDeferred
async def test_an_answer_counts_only_from_who_was_asked(daemon: Daemon, alice: ClientEngine, mallory: Raw) -> None:
    asker = await logged_on("boss", daemon.endpoint, password=PASSWORD)
    answer = asker.custom.query("alice", 1, b"?")
    hesitant = alice.handler
    await within(hesitant.asked, "the question")
    forged = encode_information(1, b"forged")
    for number in range(64):
        mallory.write(mallory.frame(MessageType.ANSWER, forged, "mallory", "boss", number))
        mallory.write(mallory.frame(MessageType.ACKNOWLEDGEMENT, b"", "mallory", "boss", number))
    mallory.write(mallory.frame(MessageType.INFORMATION, encode_information(8, b""), "mallory", "boss"))
    await until_told(asker, "mallory", 8)
    assert not answer.called
    hesitant.answer.callback(b"genuine")
    assert await within(answer, "the answer") == b"genuine"
    await asker.close()


@pytest.mark.parametrize("name", ["alice", "_0", "", "Mallory", "nobody"])
@pytest_twisted.ensureDeferred
async def test_a_frame_in_another_name_ends_the_connection(daemon: Daemon, mallory: Raw, name: str) -> None:
    mallory.write(mallory.frame(MessageType.INFORMATION, encode_information(7, b""), name, "alice"))
    await mallory.is_closed()
    await daemon.shows(f"mallory logged off: {DisconnectedType.MESSAGE_WITH_WRONG_USER_ID.name}")


@pytest_twisted.ensureDeferred
async def test_a_wrong_password_and_an_unknown_account_are_refused_alike(daemon: Daemon) -> None:
    causes = set()
    for name, password in (("alice", "wrong"), ("nobody", PASSWORD)):
        with pytest.raises(LogonFailed) as refused:
            await logged_on(name, daemon.endpoint, password=password)
        causes.add(refused.value.cause)
    assert len(causes) == 1
    await daemon.shows("log-on of alice .*refused")
    assert "wrong" not in daemon.shown.replace("wrong password", "")
