"""The code that the documentation shows does what it says, over real connections on loopback."""

from __future__ import annotations

import os
import re
import runpy
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
import pytest_twisted
from twisted.application.service import IServiceCollection
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.threads import deferToThread

from esframework import ClientEngine, LogOnRequest, ServerEngine
from esframework.errors import NotPermitted

pytestmark = pytest.mark.integration
ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "docs" / "examples"
SECONDS = 20.0


class Program(ProcessProtocol):
    """An example that runs, as somebody at its terminal sees it."""

    def __init__(self, name: str, *arguments: str) -> None:
        self.shown = ""
        self.awaited = ""
        self.seen: Deferred[None] = Deferred()
        self.ended: Deferred[None] = Deferred()
        command = [sys.executable, str(EXAMPLES / name), *arguments]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.process = reactor.spawnProcess(self, command[0], command, environment)

    async def shows(self, text: str) -> None:
        """Waits until the program has written this; fails when it ends or nothing comes."""
        self.awaited, self.seen = text, Deferred()
        self.seen.addTimeout(SECONDS, reactor, lambda *_: pytest.fail(f"no {text!r} in {self.shown!r}"))
        self._look()
        await self.seen

    def types(self, line: str) -> None:
        """Types a line."""
        self.transport.write(line.encode() + b"\n")

    async def end(self) -> None:
        """Presses Ctrl-C, if it still runs, and waits for its end."""
        if not self.ended.called:
            self.process.signalProcess(signal.SIGINT)
        await self.ended

    def outReceived(self, data: bytes) -> None:
        self.shown += data.decode()
        self._look()

    errReceived = outReceived

    def processEnded(self, reason: Any) -> None:
        self.ended.callback(None)
        if not self.seen.called:
            self.seen.errback(AssertionError(f"the program ended: {self.shown}"))

    def _look(self) -> None:
        if self.awaited in self.shown and not self.seen.called:
            self.seen.callback(None)


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def example(name: str) -> dict[str, Any]:
    """The names that an example defines; its program is not started."""
    return runpy.run_path(str(EXAMPLES / name))


@pytest_twisted.async_yield_fixture()
async def server() -> AsyncIterator[ServerEngine]:
    """A server that admits everybody, on a free port of loopback."""
    engine = ServerEngine(reactor=reactor)
    await engine.listen("tcp:0:interface=127.0.0.1")
    yield engine
    await engine.close()


@pytest_twisted.ensureDeferred
async def test_a_client_made_from_the_protocol_page_alone_logs_on_and_asks(server: ServerEngine) -> None:
    names = await deferToThread(example("raw_client.py")["main"], server.addresses[0].port)
    assert names == ["raw"]


@pytest_twisted.ensureDeferred
async def test_a_server_with_a_store_knows_after_a_restart_what_it_kept(tmp_path: Path) -> None:
    for known_before in (False, True):
        program = Program("stored_server.py", str(tmp_path / "stores.sqlite"), str(free_port()))
        await program.shows("groups of alice: ['tea-party']")
        assert ("alice is known already" in program.shown) is known_before
        await program.end()
    refused = Program("stored_server.py", "mysql://somewhere/es")
    await refused.ended
    assert "mysql" in refused.shown


@pytest_twisted.ensureDeferred
async def test_the_readmes_three_engines_talk() -> None:
    assert await example("three_engines.py")["talk"](reactor, free_port()) == b"PING"


@pytest_twisted.ensureDeferred
async def test_two_devices_of_one_account_know_of_each_other() -> None:
    assert await example("devices.py")["talk"](reactor, free_port()) == ["ios", "linux", "alice's desktop"]


@pytest_twisted.ensureDeferred
async def test_messages_move_to_a_channel_and_back() -> None:
    program = Program("channels.py", str(free_port()))
    await program.ended
    for line in ("by the server", "by the channel", "by the server again"):
        assert f"\nalice: {line}\n" in f"\n{program.shown}", program.shown
    assert "straight to " in program.shown
    assert "not worth the way by the server: dropped" in program.shown


@pytest_twisted.ensureDeferred
async def test_two_users_become_contacts() -> None:
    assert await example("contacts.py")["meet"](reactor, free_port()) == ["alice", ["bob"], ["bob"]]


@pytest_twisted.ensureDeferred
async def test_a_broadcast_reaches_those_who_are_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert await example("broadcast.py")["play"](reactor, free_port()) == [1, 1, ["carol"], 3]
    assert capsys.readouterr().out.count("carol is not there to hear it") == 2


@pytest_twisted.ensureDeferred
async def test_a_hook_lets_members_alone_broadcast(capsys: pytest.CaptureFixture[str]) -> None:
    assert await example("members_only.py")["talk"](reactor, free_port()) == ["as a member"]
    assert capsys.readouterr().out.count("is not permitted to 'mallory'") == 2


@pytest_twisted.ensureDeferred
async def test_an_account_is_made_used_without_its_password_and_given_up(capsys: pytest.CaptureFixture[str]) -> None:
    assert await example("accounts.py")["live"](reactor, free_port()) == ["alice", "Rome"]
    assert capsys.readouterr().out.startswith("alice is new here\nthe server says: the session token is unknown")


@pytest_twisted.ensureDeferred
async def test_a_group_is_made_talked_in_and_come_back_into(capsys: pytest.CaptureFixture[str]) -> None:
    told = await example("groups.py")["talk"](reactor, free_port())
    assert told == ["alice", "bob", "Sundays at five", "who plays white?", "chess"]
    assert capsys.readouterr().out == "alice made chess\n"


@pytest_twisted.async_yield_fixture()
async def start() -> AsyncIterator[Callable[..., Program]]:
    """Starts examples, and sees to it that all have ended."""
    running: list[Program] = []

    def started(name: str, *arguments: str) -> Program:
        running.append(Program(name, *arguments))
        return running[-1]

    yield started
    for program in running:
        await program.end()


@pytest_twisted.ensureDeferred
async def test_the_tutorials_server_and_clients_chat(start: Callable[..., Program]) -> None:
    port = str(free_port())
    server = start("chat_server.py", port)
    await server.shows("listening on port")
    alice = start("chat_client.py", "alice", "bob", port)
    bob = start("chat_client.py", "bob", "alice", port)
    await alice.shows("has heard 0 lines")
    await bob.shows("has heard 0 lines")

    alice.types("hello")
    await bob.shows("alice: hello")
    await server.shows("alice: hello")
    bob.types("good morning")
    await alice.shows("bob: good morning")

    for program in (alice, bob, server):
        await program.end()
    assert "Traceback" not in alice.shown + bob.shown + server.shown


@pytest_twisted.ensureDeferred
async def test_the_tutorials_client_says_what_it_could_not_send_and_comes_back(start: Callable[..., Program]) -> None:
    port = str(free_port())
    server = start("chat_server.py", port)
    await server.shows("listening on port")
    alice = start("chat_client.py", "alice", "bob", port)
    await alice.shows("has heard 0 lines")
    await server.end()
    await alice.shows("the connection is lost")
    alice.types("hello")
    await alice.shows("not sent: not connected")
    server = start("chat_server.py", port)
    await server.shows("listening on port")
    await alice.shows("log-on again: SUCCEED")
    alice.types("hello again")
    await server.shows("alice: hello again")
    await alice.end()
    assert "Traceback" not in alice.shown


@pytest.mark.parametrize("arguments", [(), ("alice",), ("alice", "bob", "4530", "more")])
@pytest_twisted.ensureDeferred
async def test_the_tutorials_client_says_how_it_is_used(start: Callable[..., Program], arguments: list[str]) -> None:
    client = start("chat_client.py", *arguments)
    await client.ended
    assert client.shown.strip() == "usage: python chat_client.py ME THE_OTHER [PORT]"


@pytest_twisted.ensureDeferred
async def test_the_tutorials_client_says_in_a_line_that_there_is_no_server(start: Callable[..., Program]) -> None:
    client = start("chat_client.py", "alice", "bob", str(free_port()))
    await client.ended
    assert client.shown.startswith("cannot connect to ")
    assert client.shown.count("\n") == 1


def test_the_tutorials_service_has_a_password_and_lives_in_an_application() -> None:
    names = example("chat_service.py")
    verify = names["OnePassword"]("sesame").verify
    request = {"user_id": "alice", "system_token": "", "authorized_user": "", "client_type": 8}
    request |= {"device": None, "address": "127.0.0.1"}
    assert verify(LogOnRequest(password="sesame", **request)) is True
    assert verify(LogOnRequest(password="open", **request)) == "that is not the password of this house"
    assert list(IServiceCollection(names["application"])) == [names["server"]]


def test_the_command_of_the_page_on_tests_runs_the_tests_on_it() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "docs/examples/test_chat.py"]
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
    assert "4 passed" in done.stdout


@pytest_twisted.ensureDeferred
async def test_the_asyncio_program_asks_and_answers_and_ends_by_itself(start: Callable[..., Program]) -> None:
    program = start("asyncio_chat.py", str(free_port()))
    await program.ended
    told, *answers = program.shown.splitlines()
    assert told == "bob was told 'hello' by alice"
    assert answers[:3] == ["ask yourself, says bob", "serve yourself, says the server", "log on yourself, says alice"]
    assert answers[3:] == ["online: ['alice', 'bob']"]


@pytest_twisted.ensureDeferred
async def test_the_blocking_script_does_one_thing_after_another(
    start: Callable[..., Program], server: ServerEngine
) -> None:
    program = start("blocking_script.py", f"tcp:localhost:{server.addresses[0].port}")
    await program.ended
    online, ping, absent = program.shown.splitlines()
    assert online == "online: ['alice']"
    assert ping.startswith("the server answers in ")
    assert absent.startswith("not delivered: ") and "bob" in absent


@pytest_twisted.ensureDeferred
async def test_the_diagnosed_server_shows_what_hangs_what_failed_and_how_long_it_took(
    start: Callable[..., Program],
) -> None:
    program = start("diagnosed_server.py", str(free_port()))
    await program.ended
    assert "the handler of the server failed for the query of type 3" in program.shown
    assert re.search(r"^being handled for \d+ ms: type 2, query$", program.shown, re.MULTILINE)
    assert re.search(
        r"^type 2, query: 1 handled, 0 failed, the last at .* in 2\d\d\.\d ms$", program.shown, re.MULTILINE
    )
    assert "type 3, query: 1 handled, 1 failed" in program.shown


@pytest_twisted.ensureDeferred
async def test_the_message_to_somebody_absent_waits_until_he_is_ready(
    start: Callable[..., Program], tmp_path: Path
) -> None:
    program = start("offline_messages.py", str(free_port()), str(tmp_path / "offline.sqlite"))
    await program.ended
    page = (ROOT / "docs" / "howto" / "offline-messages.md").read_text(encoding="utf-8")
    shown = page.partition("$ python offline_messages.py\n")[2].partition("```")[0]
    without_time = re.compile(r"\d\d:\d\d UTC")
    # What the receiver prints and what the sender hears have no order between them.
    assert sorted(without_time.sub("", program.shown).splitlines()) == sorted(without_time.sub("", shown).splitlines())


@pytest_twisted.ensureDeferred
async def test_a_letter_is_kept_on_the_disk_and_shared(start: Callable[..., Program]) -> None:
    program = start("network_disk.py", str(free_port()))
    await program.ended
    page = (ROOT / "docs" / "howto" / "disk.md").read_text(encoding="utf-8")
    assert program.shown == page.partition("$ python network_disk.py\n")[2].partition("```")[0]


@pytest_twisted.ensureDeferred
async def test_the_strict_disk_takes_no_films_and_lets_bob_remove_nothing(
    start: Callable[..., Program], tmp_path: Path
) -> None:
    port = free_port()
    program = start("strict_disk.py", str(port), str(tmp_path / "disk"))
    await program.shows("serving")
    bob = ClientEngine(reactor=reactor)
    await bob.log_on("bob", "", f"tcp:127.0.0.1:{port}")
    try:
        (tmp_path / "film.mp4").touch()
        with pytest.raises(NotPermitted, match="no films, please"):
            await bob.disk.upload(tmp_path / "film.mp4")
        await bob.disk.make_folder("/mine")
        await program.shows("bob make_folder /mine")
        with pytest.raises(NotPermitted):
            await bob.disk.remove("/mine")
    finally:
        await bob.close()


@pytest_twisted.ensureDeferred
async def test_the_measured_server_gives_its_figures_to_whoever_fetches_them(start: Callable[..., Program]) -> None:
    page_port = free_port()
    program = start("measured_server.py", str(free_port()), str(page_port))
    await program.shows("figures at")
    page = await deferToThread(lambda: urlopen(f"http://127.0.0.1:{page_port}/metrics", timeout=SECONDS).read())
    assert b"\nesframework_users_online 0.0\n" in page


@pytest_twisted.ensureDeferred
async def test_the_photograph_is_in_the_album_and_the_film_is_not(start: Callable[..., Program]) -> None:
    program = start("attachments.py", str(free_port()))
    await program.ended
    page = (ROOT / "docs" / "howto" / "attachments.md").read_text(encoding="utf-8")
    shown, promised = set(program.shown.splitlines()), page.partition("it prints\n\n```text\n")[2].partition("\n```")[0]
    assert shown == set(promised.splitlines())


@pytest_twisted.ensureDeferred
async def test_the_film_goes_on_where_the_server_was_restarted(start: Callable[..., Program]) -> None:
    program = start("resumed_file.py", str(free_port()))
    await program.ended
    page = (ROOT / "docs" / "howto" / "files-resume.md").read_text(encoding="utf-8")
    assert program.shown == page.partition("It prints\n\n```text\n")[2].partition("```")[0]


@pytest_twisted.ensureDeferred
async def test_the_holidays_wait_until_bob_comes(start: Callable[..., Program]) -> None:
    program = start("offline_files.py", str(free_port()))
    await program.ended
    page = (ROOT / "docs" / "howto" / "offline-files.md").read_text(encoding="utf-8")
    promised = page.partition("It prints\n\n```text\n")[2].partition("\n```")[0]
    assert program.shown.splitlines() == promised.splitlines()


@pytest_twisted.ensureDeferred
async def test_the_film_arrives_in_two_parts(start: Callable[..., Program]) -> None:
    program = start("files.py", str(free_port()))
    await program.ended
    page = (ROOT / "docs" / "howto" / "files.md").read_text(encoding="utf-8")
    promised = page.partition("It prints\n\n```text\n")[2].partition("\n```")[0]
    # What the sender prints and what the receiver prints have no order between them.
    assert sorted(program.shown.splitlines()) == sorted(promised.splitlines())
