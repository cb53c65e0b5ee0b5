"""Verifiers and twisted.cred checkers as one function."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.cred.checkers import AllowAnonymousAccess, FilePasswordDB, InMemoryUsernamePasswordDatabaseDontUse
from twisted.internet.defer import Deferred, fail, succeed

from esframework import LogOnRequest, LogonResult
from esframework.errors import PluginError
from esframework.server.auth import REFUSED, as_verify
from esframework.testing import MemoryNetwork, simulated
from tests.peers import FramePeer


def request(user_id: str, password: str) -> LogOnRequest:
    return LogOnRequest(user_id, password, "", "", 8, None, "127.0.0.1")


def verdict(verify: Any, user_id: str, password: str) -> Any:
    results: list[Any] = []
    answer = verify(request(user_id, password))
    (answer if isinstance(answer, Deferred) else succeed(answer)).addBoth(results.append)
    return results[0]


def test_no_verifier_admits_everybody() -> None:
    assert as_verify(None) is None


def test_anything_with_verify_is_a_verifier() -> None:
    class Verifier:
        def verify(self, request: LogOnRequest) -> str:
            return f"no {request.user_id}"

    assert verdict(as_verify(Verifier()), "alice", "") == "no alice"


def test_checkers_are_asked_in_turn_and_the_first_that_knows_admits() -> None:
    verify = as_verify(
        [InMemoryUsernamePasswordDatabaseDontUse(alice=b"one"), InMemoryUsernamePasswordDatabaseDontUse(bob=b"two")]
    )
    assert verdict(verify, "alice", "one") is True
    assert verdict(verify, "bob", "two") is True
    assert verdict(verify, "bob", "one") == REFUSED
    assert verdict(verify, "carol", "") == REFUSED


def test_an_unknown_name_and_a_wrong_password_look_the_same() -> None:
    verify = as_verify(InMemoryUsernamePasswordDatabaseDontUse(alice=b"one"))
    assert verdict(verify, "alice", "two") == verdict(verify, "nobody", "two")


def test_a_password_file_works(tmp_path: Any) -> None:
    file = tmp_path / "passwords"
    file.write_text("alice:secret\n")
    assert verdict(as_verify(FilePasswordDB(str(file))), "alice", "secret") is True


def test_an_avatar_of_another_name_does_not_admit() -> None:
    class Confused(InMemoryUsernamePasswordDatabaseDontUse):
        def requestAvatarId(self, credentials: Any) -> Any:
            return succeed(b"somebody else")

    assert verdict(as_verify(Confused()), "alice", "") == REFUSED


@pytest.mark.parametrize("wrong", [5, object(), [object()], "memory:alice:one", AllowAnonymousAccess()])
def test_what_cannot_check_names_and_passwords_is_refused_at_once(wrong: Any) -> None:
    with pytest.raises(PluginError):
        as_verify(wrong)


@simulated
async def test_a_checker_that_crashes_refuses_the_log_on(network: MemoryNetwork) -> None:
    class Broken(InMemoryUsernamePasswordDatabaseDontUse):
        def requestAvatarId(self, credentials: Any) -> Any:
            return fail(OSError("no database"))

    network.server(verifier=Broken())
    assert FramePeer(network, "alice").log_on().logon_result == LogonResult.FAILED
    assert len(network.failures.take(OSError)) == 1
