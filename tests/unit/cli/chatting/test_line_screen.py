"""Lines in and out."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest
from twisted.internet.testing import MemoryReactor

from esframework.cli.chatting.line_screen import LineScreen, LineSource


def no_break(error: OSError) -> None:
    raise AssertionError("the output is read")


def test_people_get_what_they_asked_for_apart_from_what_happens(capsys: pytest.CaptureFixture[str]) -> None:
    screen = LineScreen(as_json=False, broken=no_break)
    screen.information("alice", 0, b"hello")
    screen.answer("online: alice", online=["alice"])
    screen.note("logged on again", event="relogon_completed")
    screen.complaint("bob is not online", error="TargetAbsent")
    shown = capsys.readouterr()
    assert shown.out == "alice: hello\nonline: alice\n"
    assert shown.err == "logged on again\nbob is not online\n"


def test_scripts_get_an_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    screen = LineScreen(as_json=True, broken=no_break)
    screen.information("alice", 0, "grüß\ndich".encode())
    screen.answer("online: alice", online=["alice"])
    screen.note("logged on again", event="relogon_completed")
    screen.complaint("bob is not online", error="TargetAbsent")
    shown = capsys.readouterr()
    assert shown.err == ""
    assert [json.loads(line) for line in shown.out.splitlines()] == [
        {"from": "alice", "type": 0, "text": "grüß\ndich"},
        {"online": ["alice"]},
        {"event": "relogon_completed"},
        {"error": "TargetAbsent", "cause": "bob is not online"},
    ]


def test_output_that_nobody_reads_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(text: str, err: bool) -> None:
        raise BrokenPipeError

    errors: list[OSError] = []
    monkeypatch.setattr("esframework.cli.chatting.line_screen.click.echo", refuse)
    LineScreen(as_json=False, broken=errors.append).answer("hello")
    assert [type(error) for error in errors] == [BrokenPipeError]


class Input:
    """A pipe to write into, and a source that reads from it."""

    def __init__(self) -> None:
        self.reactor = MemoryReactor()
        self.reading, self.writing = os.pipe()
        self.source = LineSource(self.reactor, self.reading)

    def comes(self, data: bytes) -> None:
        """Something is written, and the reactor tells whoever reads."""
        if data:
            os.write(self.writing, data)
        else:
            os.close(self.writing)
        for reader in list(self.reactor.readers):
            reader.doRead()


@pytest.fixture
def given() -> Iterator[Input]:
    pipe = Input()
    yield pipe
    os.close(pipe.reading)


def test_lines_come_whole_however_they_were_written(given: Input) -> None:
    lines: list[object] = []
    given.source.read().addCallback(lines.append)
    given.comes(b"one\ntwo\nth")
    given.source.read().addCallback(lines.append)
    given.comes(b"r")
    given.comes(b"ee\n")
    assert lines == [[b"one", b"two"], [b"three"]]
    given.comes(b"")


def test_the_last_line_needs_no_end(given: Input) -> None:
    lines: list[object] = []
    given.source.read().addCallback(lines.append)
    given.comes(b"one\ntwo")
    given.source.read().addCallback(lines.append)
    given.comes(b"")
    given.source.read().addCallback(lines.append)
    assert lines == [[b"one"], [b"two"], None]


def test_nothing_is_read_while_nobody_waits(given: Input) -> None:
    assert not given.reactor.readers
    given.source.read()
    assert given.reactor.readers
    given.comes(b"one\n")
    assert not given.reactor.readers
    given.comes(b"")


def test_waiting_for_lines_can_be_given_up(given: Input) -> None:
    waiting = given.source.read()
    waiting.addErrback(lambda _: None)
    waiting.cancel()
    assert not given.reactor.readers
    given.comes(b"")
