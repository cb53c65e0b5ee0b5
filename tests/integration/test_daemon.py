"""The daemon as an administrator meets it: it starts or says why not, logs, and ends in an orderly way."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.threads import deferToThread

from esframework.errors import ConnectionFailed, LogonFailed
from esframework.wire.types import MessageType
from tests.conftest import absent
from tests.integration.support import (
    COMMAND,
    ROOT,
    TWISTD,
    Child,
    Conversation,
    Daemon,
    Raw,
    logged_on,
    reactor,
    until,
    within,
)

pytestmark = pytest.mark.integration
Start = Callable[..., Daemon]
PASSWORD = "correct horse"


def command(*arguments: str, **how: object) -> subprocess.CompletedProcess[str]:
    """`esframework ...`, to its end."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "ESFRAMEWORK_PASSWORD": PASSWORD}
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        [sys.executable, *COMMAND, *arguments], env=environment, capture_output=True, text=True, timeout=60, **how
    )


# --- starting -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("program", [None, (*TWISTD, "esframework")], ids=["esframework serve", "twistd -n"])
@pytest_twisted.ensureDeferred
async def test_the_service_has_two_names(start: Start, program: tuple[str, ...] | None) -> None:
    daemon = await start("--open", **({} if program is None else {"program": program})).ready()
    talk = await Conversation.begun(daemon.endpoint)
    await talk.goes_on()
    await talk.end()
    # twistd ends with the signal that ended it, as a supervisor expects of it; our own command with 0.
    assert await daemon.end() == (0 if program is None else -signal.SIGTERM)
    await daemon.shows("closed")


def can_be_had(family: socket.AddressFamily, host: str, port: int) -> bool:
    """Whether one may listen there."""
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError:
        return False
    return True


@pytest_twisted.ensureDeferred
async def test_by_default_port_4530_of_loopback_is_served_in_ipv4_and_ipv6(start: Start) -> None:
    has_ipv6 = can_be_had(socket.AF_INET6, "::1", 0)
    if not can_be_had(socket.AF_INET, "127.0.0.1", 4530) or (has_ipv6 and not can_be_had(socket.AF_INET6, "::1", 4530)):
        absent("port 4530 of this machine is taken")
    daemon = await start("--open", listen="").ready()
    await daemon.shows(r"clients are served at 127\.0\.0\.1:4530$")
    await daemon.shows("only this machine is served")
    endpoints = ["tcp:127.0.0.1:4530", "tcp:localhost:4530"]
    if has_ipv6:
        await daemon.shows(r"clients are served at \[::1\]:4530$")
        endpoints.append("tcp:\\:\\:1:4530")
    clients = [await logged_on(f"client{number}", endpoint) for number, endpoint in enumerate(endpoints)]
    assert await clients[0].basic.all_online_users() == [client.current_user_id for client in clients]
    assert await clients[0].custom.query(clients[-1].current_user_id, 1, b"across") == b"across"
    for client in clients:
        await client.close()


@pytest_twisted.ensureDeferred
async def test_a_port_in_use_is_one_clear_line_and_exit_code_1(start: Start) -> None:
    first = await start("--open").ready()
    second = start("--open", listen=f"tcp:{first.port}:interface=127.0.0.1")
    assert await second.over() == 1
    assert f": Couldn't listen on 127.0.0.1:{first.port}" in second.shown.partition("cannot start: ")[2]
    assert "esframework doctor" in second.shown
    assert "Traceback" not in second.shown


@pytest_twisted.ensureDeferred
async def test_an_endpoint_that_means_nothing_is_one_line_before_anything_starts(start: Start) -> None:
    daemon = start("--listen", "tcp:0", listen="foo:1")
    assert await daemon.over() == 2
    assert daemon.shown == (
        "esframework: listen = 'foo:1': expected an endpoint such as tcp:4530:interface=127.0.0.1"
        " (Unknown endpoint type: 'foo')\n"
    )


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--opn",), "option --opn not recognized"),
        (("--log-level", "loud"), "--log-level = 'loud': expected"),
        (("--listen", "nonsense"), "esframework: listen = 'nonsense': expected an endpoint such as "),
        (("--listen", "tcp:port"), "esframework: listen = 'tcp:port': expected an endpoint such as "),
        (("--auth", "file:/nowhere/at/all", "--p2p", "99999"), "--p2p"),
        (("--open", "--listen", "tcp:0"), "tcp:0: is reachable beyond this machine"),
        (("--open", "--listen", "ssl:0:interface=0.0.0.0"), "give --open twice"),
        (("--config", "/nowhere/es.toml"), "/nowhere/es.toml: cannot be read"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest_twisted.ensureDeferred
async def test_what_cannot_be_is_said_without_a_traceback(start: Start, flags: tuple[str, ...], said: str) -> None:
    daemon = start(*flags)
    assert await daemon.over() == 2
    assert said in daemon.shown
    assert "Traceback" not in daemon.shown


@pytest_twisted.ensureDeferred
async def test_open_given_twice_serves_beyond_loopback_with_a_warning(start: Start) -> None:
    daemon = await start("--open", "--open", listen="tcp:0").ready()
    await daemon.shows("WARNING: tcp:0: is reachable beyond this machine without TLS")
    await daemon.shows("WARNING: open: anybody may log on")


@pytest_twisted.ensureDeferred
async def test_an_accounts_folder_that_cannot_be_written_is_said_in_a_line(start: Start, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "accounts.sqlite").write_bytes(b"this is no database at all, but something else" * 50)
    daemon = start(data=tmp_path / "data")
    assert await daemon.over() == 1
    assert "cannot start: " in daemon.shown
    assert "accounts.sqlite" in daemon.shown.partition("cannot start: ")[2].partition("\n")[0]
    assert "Traceback" not in daemon.shown


# --- configuration --------------------------------------------------------------------------------------------------
def test_config_check_names_file_table_and_the_nearest_right_key(tmp_path: Path) -> None:
    file = tmp_path / "es.toml"
    file.write_text('[session]\nlogon_timeout = 3\nheartbeat_timeout = "long"\n[sesion]\nx = 1\n')
    checked = command("config", "check", str(file))
    assert checked.returncode == 1
    said = checked.stdout + checked.stderr
    assert 'line 2: [session] unknown key "logon_timeout"; did you mean "log_on_timeout"?' in said
    assert "line 3: [session] heartbeat_timeout = 'long': expected" in said
    assert "unknown table [sesion]; did you mean [session]?" in said
    file.write_text("[session]\nlog_on_timeout = 3\n")
    assert command("config", "check", str(file)).returncode == 0


@pytest_twisted.ensureDeferred
async def test_a_wrong_file_ends_the_daemon_with_the_same_words(start: Start) -> None:
    daemon = start(config="[session]\nlogon_timeout = 3\n")
    assert await daemon.over() == 2
    assert 'unknown key "logon_timeout"; did you mean "log_on_timeout"?' in daemon.shown


@pytest_twisted.ensureDeferred
async def test_flags_override_the_file(start: Start) -> None:
    config = 'listen = ["tcp:1:interface=127.0.0.1"]\nopen = 1\nmax_user_id = 3\n[log]\nlevel = "critical"\n'
    daemon = await start("--log-level", "info", "--max-user-id", "20", config=config).ready()
    client = await logged_on("longer-than-three", daemon.endpoint)
    await client.close()
    with pytest.raises(LogonFailed, match="at most 20"):
        await logged_on("longer-than-twenty-bytes", daemon.endpoint)


# --- accounts -------------------------------------------------------------------------------------------------------
@pytest_twisted.ensureDeferred
async def test_accounts_come_and_go_while_the_server_runs(start: Start, tmp_path: Path) -> None:
    daemon = await start(data=tmp_path).ready()
    await daemon.shows("there are no accounts yet")
    with pytest.raises(LogonFailed):
        await logged_on("alice", daemon.endpoint, password=PASSWORD)
    added = await deferToThread(command, "user", "add", "alice", "--data", str(tmp_path))
    assert added.returncode == 0, added.stderr
    alice = await logged_on("alice", daemon.endpoint, password=PASSWORD)
    await alice.close()
    await deferToThread(command, "user", "remove", "alice", "--data", str(tmp_path))
    with pytest.raises(LogonFailed):
        await logged_on("alice", daemon.endpoint, password=PASSWORD)
    assert await daemon.end() == 0


@pytest_twisted.ensureDeferred
async def test_a_disk_that_is_full_refuses_the_new_account_and_keeps_the_old(start: Start, tmp_path: Path) -> None:
    assert command("user", "add", "alice", "--data", str(tmp_path)).returncode == 0
    daemon = await start(data=tmp_path).ready()

    def allow_little() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    refused = await deferToThread(command, "user", "add", "bob", "--data", str(tmp_path), preexec_fn=allow_little)
    assert refused.returncode == 1
    assert "accounts.sqlite" in refused.stderr
    assert "Traceback" not in refused.stderr
    alice = await logged_on("alice", daemon.endpoint, password=PASSWORD)
    await alice.close()
    assert command("user", "add", "bob", "--data", str(tmp_path)).returncode == 0
    bob = await logged_on("bob", daemon.endpoint, password=PASSWORD)
    await bob.close()


# --- the log --------------------------------------------------------------------------------------------------------
@pytest_twisted.ensureDeferred
async def test_log_ons_and_log_offs_are_logged_with_their_reason(start: Start) -> None:
    daemon = await start("--open", config="[session]\nheartbeat_timeout = 1.0\n").ready()
    alice = await logged_on("alice", daemon.endpoint)
    await daemon.shows(r"alice logged on from 127\.0\.0\.1:\d+")
    again = await logged_on("alice", daemon.endpoint)
    await daemon.shows("alice logged off: BEING_PUSHED_OUT")
    await again.close()
    await daemon.shows("alice logged off: NETWORK_INTERRUPTED")
    silent = await Raw.logged_on(daemon.endpoint, "silent")
    await daemon.shows("silent logged off: HEARTBEAT_TIMEOUT")
    await silent.is_closed()
    leaving = await logged_on("leaving", daemon.endpoint)
    await leaving.basic.kick_out("leaving")
    await daemon.shows("leaving logged off: KICKED_OUT")
    await alice.close()


@pytest_twisted.ensureDeferred
async def test_the_log_is_json_lines_when_that_is_wanted(start: Start, tmp_path: Path) -> None:
    log = tmp_path / "es.log"
    daemon = start("--open", "--log", str(log), "--log-json")
    await until(lambda: log.exists() and "clients are served" in log.read_text(), "the log")
    port = next(entry["address"] for entry in entries(log) if "address" in entry).rpartition(":")[2]
    client = await logged_on("alice", f"tcp:127.0.0.1:{port}")
    await client.close()
    await until(lambda: "alice logged off" in log.read_text(), "the end of the session")
    assert await daemon.end() == 0
    logged = [entry for entry in entries(log) if entry.get("user") == "alice"]
    assert [entry["message"].split(" from")[0] for entry in logged] == [
        "alice logged on",
        "alice logged off: NETWORK_INTERRUPTED (the client closed the connection)",
    ]
    assert all(entry["level"] == "info" and entry["time"].endswith("Z") for entry in logged)


def entries(log: Path) -> list[dict[str, str]]:
    """The complete lines of a JSON log."""
    return [json.loads(line) for line in log.read_text().split("\n")[:-1]]


@pytest_twisted.ensureDeferred
async def test_log_files_rotate(start: Start, tmp_path: Path) -> None:
    log = tmp_path / "es.log"
    daemon = await seen_in(log, start("--open", "--log", str(log), config="[log]\nrotate_size = 1500\n"))
    for _ in range(20):
        peer = await Raw.logged_on(daemon.endpoint, "alice")
        peer.leave()
        await peer.is_closed()
    await until(lambda: (tmp_path / "es.log.2").exists(), "a second old log file")
    assert (tmp_path / "es.log.1").stat().st_size < 3000
    assert log.stat().st_mode & 0o077 == 0


async def seen_in(log: Path, daemon: Daemon) -> Daemon:
    """The daemon, once its log file says where it listens."""
    await until(lambda: log.exists() and "clients are served" in log.read_text(), "the log")
    line = next(line for line in log.read_text().splitlines() if "clients are served" in line)
    daemon.port = int(line.rpartition(":")[2])
    return daemon


@pytest_twisted.ensureDeferred
async def test_a_log_file_that_can_grow_no_more_harms_nobody(start: Start, tmp_path: Path) -> None:
    log = tmp_path / "es.log"
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000)); "
    program = ("-c", limited + COMMAND[1], "serve")
    daemon = await seen_in(log, start("--open", "--log", str(log), program=program))
    for _ in range(50):
        peer = await Raw.logged_on(daemon.endpoint, "alice")
        peer.leave()
        await peer.is_closed()
    assert log.stat().st_size <= 3000
    talk = await Conversation.begun(daemon.endpoint)
    await talk.goes_on()
    await talk.end()
    assert await daemon.end() == 0


# --- the end --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
@pytest_twisted.ensureDeferred
async def test_the_end_is_orderly(start: Start, number: signal.Signals) -> None:
    daemon = await start("--open").ready()
    sleeper = await Raw.logged_on(daemon.endpoint, "sleeper")
    sleeper.stop_reading()
    sender = await logged_on("sender", daemon.endpoint, auto_reconnect=False)
    for _ in range(128):
        await sender.custom.send("sleeper", 7, bytes(64 * 1024))
    await sender.basic.ping()
    interrupted: Deferred[None] = Deferred()
    sender.connection_interrupted.subscribe(lambda: interrupted.callback(None))
    daemon.tell(number)
    await daemon.shows("sender logged off: SERVER_CLOSING")
    await within(interrupted, "the end of the sender's session")
    with pytest.raises(ConnectionFailed):
        await logged_on("late", daemon.endpoint)
    sleeper.read_on()
    assert isinstance(await sleeper.is_closed(), ConnectionDone)
    assert sum(frame[0] == MessageType.INFORMATION for frame in sleeper.frames) == 128
    assert await daemon.over() == 0
    assert "Traceback" not in daemon.shown
    await sender.close()


@pytest_twisted.ensureDeferred
async def test_who_never_reads_does_not_hold_up_the_end(start: Start) -> None:
    daemon = await start("--open").ready()
    sleeper = await Raw.logged_on(daemon.endpoint, "sleeper")
    sleeper.stop_reading()
    sender = await logged_on("sender", daemon.endpoint, auto_reconnect=False)
    for _ in range(128):
        await sender.custom.send("sleeper", 7, bytes(64 * 1024))
    await sender.basic.ping()
    began = reactor.seconds()
    assert await daemon.end() == 0
    assert reactor.seconds() - began < 15
    sleeper.leave()
    await sender.close()


@pytest_twisted.ensureDeferred
async def test_control_c_at_a_terminal_leaves_no_traceback(start: Start) -> None:
    daemon: Child = await start().ready()
    assert await daemon.end(signal.SIGINT) == 0
    assert "Traceback" not in daemon.shown
