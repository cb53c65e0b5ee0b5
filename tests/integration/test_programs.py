"""The programs as people and scripts meet them: real processes, a real server, a real terminal."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet.protocol import Factory, Protocol

from tests.conftest import require
from tests.integration.support import COMMAND, Child, Daemon, reactor
from tests.integration.test_offline import PASSWORD as ACCOUNT_PASSWORD
from tests.integration.test_offline import add_accounts

pytestmark = pytest.mark.integration
Start = Callable[..., Daemon]
PASSWORD = "correct horse"
NO_TRACEBACK = "Traceback"
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\r")


class Program(Child):
    """`esframework ...` on pipes; `out` and `err` are what it wrote where, `shown` both."""

    def __init__(self, children: list[Child], *arguments: str, password: str = PASSWORD) -> None:
        self.out = self.err = ""
        children.append(self)
        super().__init__([*COMMAND, *arguments], {"ESFRAMEWORK_PASSWORD": password})

    def types(self, *lines: str) -> None:
        """Writes lines to its input."""
        self.process.write("".join(f"{line}\n" for line in lines).encode())

    async def finishes(self, *lines: str) -> int:
        """Writes the last lines, ends its input and waits; its exit code."""
        self.types(*lines)
        self.process.closeStdin()
        return await self.over()

    def outReceived(self, data: bytes) -> None:
        self.out += data.decode()
        super().outReceived(data)

    def errReceived(self, data: bytes) -> None:
        self.err += data.decode()
        super().outReceived(data)


class Terminal(Child):
    """`esframework ...` on a terminal; `shown` is what it wrote there, without what steers the terminal."""

    def __init__(self, children: list[Child], *arguments: str, password: str | None = PASSWORD) -> None:
        self._raw = ""
        children.append(self)
        # A terminal of a test answers no questions about its cursor.
        environment = {"TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"}
        if password is not None:
            environment["ESFRAMEWORK_PASSWORD"] = password
        super().__init__([*COMMAND, *arguments], environment, terminal=True)

    def types(self, line: str) -> None:
        """Types a line, with Enter."""
        self.presses(f"{line}\r")

    def presses(self, keys: str) -> None:
        """Types keys."""
        self.process.write(keys.encode())

    def outReceived(self, data: bytes) -> None:
        self._raw += data.decode(errors="replace")
        self.shown = ESCAPES.sub("", self._raw)
        self._look()


def at(daemon: Daemon, user: str) -> str:
    """The account of a user at a daemon, as the command line says it."""
    return f"{user}@127.0.0.1:{daemon.port}"


async def chatting(children: list[Child], daemon: Daemon, user: str, *options: str) -> Program:
    """A chat on pipes that has logged on."""
    program = Program(children, "chat", at(daemon, user), *options)
    program.types("/who")
    await program.shows(r"online")
    return program


async def listening(children: list[Child], daemon: Daemon, user: str, *options: str) -> Program:
    """A listener that has logged on."""
    program = Program(children, "message", "listen", at(daemon, user), *options)
    await program.shows("listening as")
    return program


# --- chat on pipes --------------------------------------------------------------------------------------------------
@pytest_twisted.ensureDeferred
async def test_two_chats_on_pipes_talk(start: Start, children: list[Child]) -> None:
    daemon = await start("--open").ready()
    bob = await chatting(children, daemon, "bob")
    alice = await chatting(children, daemon, "alice")
    alice.types("bob: hello", "bob: 你好")
    await bob.shows("^alice: 你好$")
    bob.types("alice: and to you")
    await alice.shows("^bob: and to you$")
    assert await alice.finishes("/ping bob", "/query bob why") == 0
    assert "bob answers: the chat of bob received: why" in alice.out
    assert await bob.finishes() == 0
    assert bob.out.splitlines()[1:] == ["alice: hello", "alice: 你好"]


@pytest_twisted.ensureDeferred
async def test_a_chat_on_a_pipe_ends_when_everything_is_acknowledged(start: Start, children: list[Child]) -> None:
    daemon = await start("--open").ready()
    bob = await listening(children, daemon, "bob", "--count", "300")
    alice = Program(children, "chat", at(daemon, "alice"))
    assert await alice.finishes(*(f"bob: {number}" for number in range(300))) == 0
    assert await bob.over() == 0
    assert bob.out.splitlines() == [f"alice: {number}" for number in range(300)]


@pytest_twisted.ensureDeferred
async def test_lines_that_fail_are_told_on_standard_error_and_the_rest_is_sent(
    start: Start, children: list[Child]
) -> None:
    daemon = await start("--open").ready()
    bob = await listening(children, daemon, "bob", "--count", "2")
    alice = Program(children, "chat", at(daemon, "alice"))
    assert await alice.finishes("bob: one", "zed: nobody", "nonsense", "bob: two") == 1
    assert await bob.over() == 0
    assert bob.out == "alice: one\nalice: two\n"
    assert alice.out == ""
    assert sorted(line.split()[0] for line in alice.err.splitlines()) == ["to", "zed"]


@pytest_twisted.ensureDeferred
async def test_a_chat_reads_files_too(start: Start, children: list[Child], tmp_path: Path) -> None:
    daemon = await start("--open").ready()
    (tmp_path / "lines").write_text("/who\nalice: to myself")
    shell = f"from os import dup2, open; dup2(open({str(tmp_path / 'lines')!r}, 0), 0); {COMMAND[1]}"
    alice = Child(["-c", shell, "chat", at(daemon, "alice")], {"ESFRAMEWORK_PASSWORD": ""})
    children.append(alice)
    assert await alice.over() == 0
    assert sorted(alice.shown.splitlines()) == ["alice: to myself", "online: alice (you)"]


@pytest_twisted.ensureDeferred
async def test_a_chat_in_json_is_one_object_a_line(start: Start, children: list[Child]) -> None:
    daemon = await start("--open").ready()
    bob = await chatting(children, daemon, "bob", "--json")
    alice = await chatting(children, daemon, "alice")
    alice.types("bob: hello")
    await bob.shows('"hello"')
    assert await bob.finishes("zed: nobody") == 1
    assert bob.err == ""
    online, came, hello, failure = (json.loads(line) for line in bob.out.splitlines())
    assert online == {"online": ["bob"]}
    # On an open server everybody is a contact of everybody.
    assert came == {"contact": "alice", "online": True}
    assert hello == {"from": "alice", "type": 0, "text": "hello"}
    assert (failure["error"], failure["to"]) == ("TargetAbsent", "zed")


@pytest_twisted.ensureDeferred
async def test_the_tutorials_chat_of_people_groups_and_messages_that_wait(
    start: Start, children: list[Child]
) -> None:
    daemon = await start().ready()
    for name in ("alice", "bob"):
        added = Program(children, "user", "add", name, "--data", str(daemon.data))
        assert await added.over() == 0
    alice = await chatting(children, daemon, "alice")
    bob = await chatting(children, daemon, "bob")
    alice.types("/add bob it is me")
    await bob.shows("^alice asks to be a contact: it is me")
    bob.types("/accept alice")
    await alice.shows("^bob is a contact now$")
    assert await bob.finishes() == 0
    await alice.shows("^bob is offline$")
    alice.types("bob: are you coming tonight?")
    await alice.shows("^bob is away; the server keeps it until then$")
    bob = await chatting(children, daemon, "bob")
    await bob.shows(r"^alice \(\d{4}-\d\d-\d\d \d\d:\d\d\): are you coming tonight\?$")
    alice.types("/join chess", "/invite chess bob")
    await bob.shows(r"^alice asks you into #chess")
    bob.types("/join chess")
    await alice.shows("^#chess: bob joined$")
    phone = await chatting(children, daemon, "alice", "--device", "android")
    await alice.shows("^your device 'android' is online$")
    bob.types("#chess: who plays?", "alice: hello to both")
    for device in (alice, phone):
        await device.shows("^#chess bob: who plays\\?$")
        await device.shows("^bob: hello to both$")
    for chat in (phone, bob, alice):
        assert await chat.finishes() == 0


@pytest_twisted.ensureDeferred
async def test_a_chat_whose_output_nobody_reads_ends_without_a_word(start: Start, children: list[Child]) -> None:
    daemon = await start("--open").ready()
    alice = await chatting(children, daemon, "alice")
    alice.process.closeStdout()
    alice.types("/who", "/who")
    assert await alice.over() == 1
    assert alice.err == ""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest_twisted.ensureDeferred
async def test_a_signal_ends_a_chat_cleanly(
    start: Start, children: list[Child], number: signal.Signals, code: int
) -> None:
    daemon = await start("--open").ready()
    alice = await chatting(children, daemon, "alice")
    assert await alice.end(number) == code
    assert alice.err == ""


@pytest_twisted.ensureDeferred
async def test_who_is_kicked_out_or_pushed_out_ends_with_1(start: Start, children: list[Child]) -> None:
    daemon = await start("--open").ready()
    alice = await chatting(children, daemon, "alice")
    bob = await chatting(children, daemon, "bob")
    alice.types("/kick bob")
    assert await bob.over() == 1
    assert "kicked out" in bob.err
    await alice.shows("bob was kicked out")
    again = await chatting(children, daemon, "alice")
    assert await alice.over() == 1
    assert "pushed out" in alice.err
    assert await again.finishes() == 0


@pytest_twisted.ensureDeferred
async def test_a_chat_survives_its_servers_restart(start: Start, children: list[Child], tmp_path: Path) -> None:
    daemon = await start("--open").ready()
    alice = await chatting(children, daemon, "alice")
    await daemon.end()
    await alice.shows("the connection was lost")
    await start("--open", listen=f"tcp:{daemon.port}:interface=127.0.0.1").ready()
    await alice.shows("logged on again")
    assert await alice.finishes("alice: to myself") == 0
    assert "alice: to myself" in alice.out


# --- chat on a terminal ---------------------------------------------------------------------------------------------
@pytest_twisted.ensureDeferred
async def test_a_chat_on_a_terminal(start: Start, children: list[Child]) -> None:
    require("prompt_toolkit", "the chat edits lines with it: pip install 'esframework[terminal]'")
    daemon = await start("--open").ready()
    bob = await chatting(children, daemon, "bob")
    alice = Terminal(children, "chat", at(daemon, "alice"))
    await alice.shows(r"online: alice \(you\), bob")
    bob.types("alice: hello")
    await alice.shows("bob: hello")
    alice.types("bob: hello yourself")
    await bob.shows("^alice: hello yourself$")
    alice.types("/to bob")
    await alice.shows("alice to bob, .*>")
    alice.types("plain")
    await bob.shows("^alice: plain$")
    alice.types("/ping bob")
    await alice.shows(r"bob: \d+\.\d ms")
    alice.types("/query bob why")
    await alice.shows("bob answers: the chat of bob received: why")
    alice.types("zed: hello")
    await alice.shows("! zed is not online")
    alice.types("/help")
    await alice.shows("/kick NAME")
    alice.types("/kick bob")
    assert await bob.over() == 1
    await alice.shows("bob was kicked out")
    alice.types("/quit")
    assert await alice.over() == 0
    assert NO_TRACEBACK not in alice.shown


@pytest.mark.parametrize("key", ["\x03", "\x04"], ids=["Ctrl-C", "Ctrl-D"])
@pytest_twisted.ensureDeferred
async def test_a_key_leaves_the_terminals_chat(start: Start, children: list[Child], key: str) -> None:
    require("prompt_toolkit", "the chat edits lines with it: pip install 'esframework[terminal]'")
    daemon = await start("--open").ready()
    alice = Terminal(children, "chat", at(daemon, "alice"))
    await alice.shows("alice>")
    alice.presses(key)
    assert await alice.over() == 0
    assert NO_TRACEBACK not in alice.shown


@pytest_twisted.ensureDeferred
async def test_the_terminals_chat_shows_what_happens_to_its_session(start: Start, children: list[Child]) -> None:
    require("prompt_toolkit", "the chat edits lines with it: pip install 'esframework[terminal]'")
    daemon = await start("--open").ready()
    alice = Terminal(children, "chat", at(daemon, "alice"))
    await alice.shows("alice>")
    await daemon.end()
    await alice.shows(r"\* the connection was lost")
    again = await start("--open", listen=f"tcp:{daemon.port}:interface=127.0.0.1").ready()
    await alice.shows(r"\* logged on again")
    await chatting(children, again, "alice")
    assert await alice.over() == 1
    assert "pushed out" in alice.shown
    assert NO_TRACEBACK not in alice.shown


@pytest_twisted.ensureDeferred
async def test_the_password_is_asked_for_on_a_terminal(
    start: Start, children: list[Child], monkeypatch: pytest.MonkeyPatch
) -> None:
    require("prompt_toolkit", "the chat edits lines with it: pip install 'esframework[terminal]'")
    monkeypatch.delenv("ESFRAMEWORK_PASSWORD", raising=False)
    daemon = await start("--open").ready()
    alice = Terminal(children, "chat", at(daemon, "alice"), password=None)
    await alice.shows("Password of alice:")
    alice.types("geheim")
    await alice.shows("alice>")
    alice.types("/quit")
    assert await alice.over() == 0
    assert "geheim" not in alice.shown


@pytest_twisted.ensureDeferred
async def test_without_prompt_toolkit_a_terminal_gets_lines_and_a_hint(start: Start, children: list[Child]) -> None:
    daemon = await start("--open").ready()
    # As if it were not installed.
    absent = (
        "import importlib.util as u; find = u.find_spec; u.find_spec = lambda n: None if n[:6] == 'prompt' else find(n)"
    )
    arguments = ["-c", f"{absent}; {COMMAND[1]}", "chat", at(daemon, "alice")]
    alice = Child(arguments, {"ESFRAMEWORK_PASSWORD": ""}, terminal=True)
    children.append(alice)
    await alice.shows(r"esframework\[terminal\]")
    await alice.shows(r"online: alice \(you\)")
    alice.process.write(b"alice: to myself\n")
    await alice.shows("^alice: to myself.*\n(.*\n)*alice: to myself")
    alice.process.write(b"/quit\n")
    assert await alice.over() == 0


@pytest_twisted.ensureDeferred
async def test_on_a_terminal_a_channel_is_opened_to_whom_one_talks_and_the_line_says_so(
    start: Start, children: list[Child]
) -> None:
    require("prompt_toolkit", "the chat edits lines with it: pip install 'esframework[terminal]'")
    daemon = await start("--open").ready()
    bob = await chatting(children, daemon, "bob")
    alice = Terminal(children, "chat", at(daemon, "alice"), "--mode", "tcp")
    await alice.shows("online: alice")
    alice.types("/to bob")
    await alice.shows("alice to bob, by the server>")
    alice.types("hello")
    await bob.shows("^alice: hello$")
    await bob.shows(r"^alice: direct \(tcp, \d")
    await alice.shows(r"\* bob: direct \(tcp, \d")
    alice.types("straight")
    await bob.shows("^alice: straight$")
    await alice.shows(r"alice to bob, direct \(tcp, [\d.]+ ms\)>")


# --- messages -------------------------------------------------------------------------------------------------------
@pytest_twisted.ensureDeferred
async def test_a_message_is_sent_and_listened_to(start: Start, children: list[Child]) -> None:
    daemon = await start("--open").ready()
    bob = await listening(children, daemon, "bob", "--count", "2")
    for extra in ([], ["--acked"]):
        sent = Program(children, "message", "send", "bob", "hello", "--as", at(daemon, "alice"), *extra)
        assert (await sent.over(), sent.shown) == (0, "")
    assert await bob.over() == 0
    assert bob.out == "alice: hello\nalice: hello\n"


@pytest_twisted.ensureDeferred
async def test_messages_in_json_hold_everything(start: Start, children: list[Child]) -> None:
    daemon = await start("--open").ready()
    bob = await listening(children, daemon, "bob", "--count", "1", "--json")
    account = at(daemon, "alice")
    alice = Program(
        children, "message", "send", "bob", "two\nlines", "--as", account, "--type", "7", "--acked", "--json"
    )
    assert await alice.over() == 0
    assert json.loads(alice.out) == {"to": "bob", "type": 7, "acked": True}
    assert await bob.over() == 0
    assert json.loads(bob.out) == {"from": "alice", "type": 7, "text": "two\nlines"}


@pytest_twisted.ensureDeferred
async def test_only_an_acked_message_knows_that_its_target_is_absent(start: Start, children: list[Child]) -> None:
    daemon = await start("--open").ready()
    arguments = ("message", "send", "bob", "hello", "--as", at(daemon, "alice"))
    assert await Program(children, *arguments).over() == 0
    acked = Program(children, *arguments, "--acked", "--json")
    assert await acked.over() == 1
    assert json.loads(acked.out)["error"] == "TargetAbsent"


@pytest_twisted.ensureDeferred
async def test_an_acked_message_that_is_kept_need_not_be_sent_again(
    start: Start, children: list[Child], tmp_path: Path
) -> None:
    await add_accounts(tmp_path, "alice", "bob")
    daemon = await start(data=tmp_path).ready()
    for extra, out in ((), ""), (("--json",), '{"to": "bob", "type": 0, "acked": false, "kept": true}\n'):
        arguments = ("message", "send", "bob", "hello", "--as", at(daemon, "alice"), "--acked", *extra)
        sent = Program(children, *arguments, password=ACCOUNT_PASSWORD)
        assert await sent.over() == 0
        assert (sent.out, sent.err) == (out, "kept for bob; do not send it again\n")


@pytest_twisted.ensureDeferred
async def test_what_waited_is_printed_by_a_listener_and_by_a_chat_without_input(
    start: Start, children: list[Child], tmp_path: Path
) -> None:
    await add_accounts(tmp_path, "alice", "bob")
    daemon = await start(data=tmp_path).ready()
    alice = Program(children, "chat", at(daemon, "alice"), password=ACCOUNT_PASSWORD)
    assert await alice.finishes("bob: one", "bob: two", "bob: three") == 0
    listener = Program(children, "message", "listen", at(daemon, "bob"), "--count", "1", password=ACCOUNT_PASSWORD)
    assert await listener.over() == 0
    assert re.fullmatch(r"alice \(\d{4}-\d\d-\d\d \d\d:\d\d\): one\n", listener.out)
    chat = Program(children, "chat", at(daemon, "bob"), "--json", password=ACCOUNT_PASSWORD)
    assert await chat.finishes() == 0
    waited = [json.loads(line) for line in chat.out.splitlines()]
    assert [(each["text"], "sent_at" in each) for each in waited] == [("two", True), ("three", True)]


@pytest_twisted.ensureDeferred
async def test_a_server_of_another_kind_is_told_as_such(children: list[Child]) -> None:
    class Web(Protocol):
        def dataReceived(self, data: bytes) -> None:
            self.transport.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    port = reactor.listenTCP(0, Factory.forProtocol(Web), interface="127.0.0.1")
    arguments = ("message", "send", "bob", "hello", "--as", f"alice@127.0.0.1:{port.getHost().port}")
    sent = Program(children, *arguments)
    assert await sent.over() == 3
    assert "that is no ESFramework server" in sent.err
    await port.stopListening()


@pytest_twisted.ensureDeferred
async def test_the_generations_of_the_protocol_talk_to_each_other(start: Start, children: list[Child]) -> None:
    daemon = await start("--open").ready()
    bob = await listening(children, daemon, "bob", "--count", "1", "--generation", "7")
    alice = Program(children, "message", "send", "bob", "hello", "--as", at(daemon, "alice"), "--acked")
    assert await alice.over() == 0
    assert await bob.over() == 0
    assert bob.out == "alice: hello\n"


@pytest_twisted.ensureDeferred
async def test_ctrl_c_ends_a_listener_cleanly(start: Start, children: list[Child]) -> None:
    daemon = await start("--open").ready()
    bob = await listening(children, daemon, "bob")
    assert await bob.end(signal.SIGINT) == 130
    assert bob.err == "listening as bob\n"


@pytest_twisted.ensureDeferred
async def test_a_listener_tells_that_its_connection_is_lost_and_back(start: Start, children: list[Child]) -> None:
    daemon = await start("--open").ready()
    bob = await listening(children, daemon, "bob")
    await daemon.end()
    await bob.shows("the connection was lost")
    await start("--open", listen=f"tcp:{daemon.port}:interface=127.0.0.1").ready()
    await bob.shows("logged on again")
    assert bob.out == ""


@pytest_twisted.ensureDeferred
async def test_an_endpoint_takes_the_place_of_host_and_port(
    start: Start, children: list[Child], tmp_path: Path
) -> None:
    socket = tmp_path / "es.sock"
    await start("--open", listen=f"unix:{socket}").ready()
    bob = Program(children, "message", "listen", "bob", "--endpoint", f"unix:{socket}", "--count", "1")
    await bob.shows("listening")
    alice = Program(children, "chat", "alice", "--endpoint", f"unix:{socket}")
    assert await alice.finishes("bob: hello") == 0
    assert await bob.over() == 0


# --- exit codes -----------------------------------------------------------------------------------------------------
@pytest_twisted.ensureDeferred
async def test_real_accounts_two_people_and_a_wrong_password(
    start: Start, children: list[Child], tmp_path: Path
) -> None:
    for user in ("alice", "bob"):
        assert await Program(children, "user", "add", user, "--data", str(tmp_path)).over() == 0
    daemon = await start(data=tmp_path).ready()
    bob = await chatting(children, daemon, "bob")
    alice = Program(children, "chat", at(daemon, "alice"))
    assert await alice.finishes("bob: hello") == 0
    await bob.shows("^alice: hello$")
    for command in (["chat"], ["message", "listen"]):
        refused = Program(children, *command, at(daemon, "alice"), password="guessed")
        assert await refused.over() == 1
        assert "refused" in refused.err
        assert refused.out == ""
    # Whoever is no administrator kicks nobody out.
    assert await bob.finishes("/kick alice", "/kick bob") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["chat", "alice@127.0.0.1:{port}"],
        ["message", "listen", "alice@127.0.0.1:{port}"],
        ["message", "send", "bob", "hello", "--as", "alice@127.0.0.1:{port}"],
    ],
    ids=lambda arguments: arguments[1] if arguments[0] == "message" else arguments[0],
)
@pytest_twisted.ensureDeferred
async def test_without_a_server_a_program_ends_with_3(
    children: list[Child], free_port: int, arguments: list[str]
) -> None:
    program = Program(children, *(argument.format(port=free_port) for argument in arguments))
    assert await program.over() == 3
    assert str(free_port) in program.err
    assert len(program.err.splitlines()) == 1
    assert program.err.count(f"tcp:127.0.0.1:{free_port}") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["chat", "alice"],
        ["chat", "alice", "--endpoint", "nonsense"],
        ["message", "send", "bob", "hello", "--as", "x" * 40 + "@127.0.0.1:1"],
        ["message", "listen", "alice@::1"],
    ],
)
@pytest_twisted.ensureDeferred
async def test_wrong_usage_ends_with_2(children: list[Child], arguments: list[str]) -> None:
    program = Program(children, *arguments)
    assert await program.over() == 2
    assert NO_TRACEBACK not in program.err
    assert program.out == ""


# --- the demo -------------------------------------------------------------------------------------------------------
@pytest_twisted.ensureDeferred
async def test_the_demo_tells_its_story_and_ends_by_itself(children: list[Child]) -> None:
    began = reactor.seconds()
    demo = Program(children, "demo")
    assert await demo.over() == 0
    assert reactor.seconds() - began < 10
    assert "damaged" not in demo.out
    for line in (
        "dora    was not let in; the server says: the password is: demo",
        "bob     hears from ann: good morning",
        "ann     asks the server, which answers: HOW DO YOU DO",
        "bob     gets 2097152 bytes at once, intact",
        "cleo    was kicked out by ann",
        "bob     is logged on again",
        "bob     was pushed out",
        "type 202 INFORMATION: ann to server to bob",
    ):
        assert line in demo.out
    # The one question that the server's handler fails at is in its log, as announced, and nothing else is.
    assert "the line 'esframework: ...' is its log" in demo.out
    assert len(demo.err.splitlines()) == 1


@pytest_twisted.ensureDeferred
async def test_the_demo_in_json_is_one_object_a_line(children: list[Child]) -> None:
    demo = Program(children, "demo", "--json")
    assert await demo.over() == 0
    told = [json.loads(line) for line in demo.out.splitlines()]
    assert {fact["scene"] for fact in told} == set(range(1, 10))
