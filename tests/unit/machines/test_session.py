"""A session after its log-on: whose frames are believed, and how long it has been silent."""

from __future__ import annotations

from esframework.errors import InvalidMessage, WrongUserId
from esframework.machines.session import Session
from esframework.wire.frames import default_layout
from esframework.wire.profile import GENERATION_6

SIX = default_layout(GENERATION_6, 11)


def frame(name: str, message_type: int = 202) -> bytes:
    return SIX.encode(message_type, b"", SIX.field(name), SIX.field("_0"))


def session(*names: str) -> Session:
    one, other = (*names, *names)[:2]
    return Session(SIX, 0.0, (SIX.field(one), SIX.field(other)))


def test_both_of_its_names_are_believed() -> None:
    heard = session("4#alice", "alice")
    assert [found[0] for found in heard.receive(frame("alice", 1) + frame("4#alice", 2), 1.0)] == [1, 2]
    assert heard.error is None


def test_another_name_ends_it_and_the_frames_before_are_kept() -> None:
    heard = session("alice")
    assert [found[0] for found in heard.receive(frame("alice", 1) + frame("bob", 2) + frame("alice", 3), 1.0)] == [1]
    assert isinstance(heard.error, WrongUserId)
    assert heard.receive(frame("alice"), 2.0) == []


def test_a_client_believes_any_name_of_its_server() -> None:
    heard = Session(SIX, 0.0)
    assert len(heard.receive(frame("_0") + frame("bob"), 1.0)) == 2


def test_a_wrong_name_before_broken_bytes_is_what_counts() -> None:
    heard = session("alice")
    heard.receive(frame("bob") + b"broken", 1.0)
    assert isinstance(heard.error, WrongUserId)


def test_broken_bytes_are_an_invalid_message() -> None:
    heard = session("alice")
    assert len(heard.receive(frame("alice") + b"broken", 1.0)) == 1
    assert isinstance(heard.error, InvalidMessage)


def test_any_bytes_at_all_were_heard() -> None:
    heard = session("alice")
    heard.receive(frame("alice")[:5], 7.0)
    assert heard.last_heard == 7.0
