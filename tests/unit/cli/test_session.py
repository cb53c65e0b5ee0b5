"""How a program ends: its exit code, and what is said of an error."""

from __future__ import annotations

import json

import pytest
from twisted.internet.defer import CancelledError, Deferred

from esframework.cli.session import SessionEnded, explain, tell_error, while_in_session
from esframework.client.options import ClientOptions
from esframework.errors import (
    ConnectionFailed,
    EncodeError,
    EsError,
    InvalidUserId,
    LogonFailed,
    NotLoggedOn,
    NotPermitted,
    RequestTimeout,
    TargetAbsent,
)
from esframework.interfaces import LogOnRequest
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.types import LogonResult


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (LogonFailed(LogonResult.FAILED, "no"), 1),
        (RequestTimeout("late", "bob", 0), 1),
        (TargetAbsent("gone", "bob", 0), 1),
        (NotPermitted("no", None, 108), 1),
        (SessionEnded("kicked out"), 1),
        (EncodeError("too long"), 2),
        (InvalidUserId("empty"), 2),
        (ConnectionFailed("refused"), 3),
        (NotLoggedOn("lost"), 3),
    ],
)
def test_each_error_has_an_exit_code(error: EsError, code: int) -> None:
    assert explain(error) == code


def test_an_error_is_one_line_for_people_and_an_object_for_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    error = ConnectionFailed("tcp:localhost:1: refused")
    tell_error(error, as_json=False)
    tell_error(error, as_json=True)
    shown = capsys.readouterr()
    assert shown.err == "esframework: tcp:localhost:1: refused\n"
    assert json.loads(shown.out) == {"error": "ConnectionFailed", "cause": "tcp:localhost:1: refused"}


@simulated
async def test_a_programs_result_is_what_it_returned(network: MemoryNetwork) -> None:
    network.server()
    alice = await network.client("alice")

    async def program(client: object) -> int:
        assert client is alice
        return 7

    assert await while_in_session(alice, program) == 7


@simulated
async def test_who_is_kicked_out_ends_and_may_clean_up(network: MemoryNetwork) -> None:
    server = network.server()
    alice = await network.client("alice")
    cleaned: list[str] = []

    async def program(client: object) -> None:
        server.basic.kick_out("alice")
        try:
            await Deferred()
        except CancelledError:
            cleaned.append("up")
            raise

    with pytest.raises(SessionEnded, match="kicked out"):
        await while_in_session(alice, program)
    assert cleaned == ["up"]


@simulated
async def test_who_is_pushed_out_ends(network: MemoryNetwork) -> None:
    network.server()
    alice = await network.client("alice")
    again = network.new_client()

    async def program(client: object) -> None:
        again.log_on("alice", "", network.endpoint_of(again))
        await Deferred()

    with pytest.raises(SessionEnded, match="pushed out"):
        await while_in_session(alice, program)


@simulated
async def test_a_lost_connection_ends_only_a_program_that_does_not_come_back(network: MemoryNetwork) -> None:
    network.server()
    stubborn = await network.client("alice")
    once = await network.client("bob", options=ClientOptions(auto_reconnect=False))

    async def comes_back(client: object) -> str:
        back: Deferred[None] = Deferred()
        stubborn.relogon_completed.subscribe(lambda _: back.callback(None))
        network.cut(stubborn)
        await back
        return "back"

    async def stays_away(client: object) -> None:
        network.cut(once)
        await Deferred()

    assert await while_in_session(stubborn, comes_back) == "back"  # type: ignore[arg-type]
    with pytest.raises(ConnectionFailed):
        await while_in_session(once, stays_away)


@simulated
async def test_who_is_not_let_in_again_ends(network: MemoryNetwork) -> None:
    class Door:
        opinion: bool | str = True

        def verify(self, request: LogOnRequest) -> bool | str:
            return self.opinion

    door = Door()
    network.server(verifier=door)
    alice = await network.client("alice")

    async def program(client: object) -> None:
        door.opinion = "closed for today"
        network.cut(alice)
        await Deferred()

    with pytest.raises(LogonFailed, match="closed for today"):
        await while_in_session(alice, program)
