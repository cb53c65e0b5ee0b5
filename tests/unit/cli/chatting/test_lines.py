"""What a line in the chat means."""

from __future__ import annotations

import pytest

from esframework.cli.chatting.lines import BadLine, Help, Kick, Ping, Query, Quit, Say, To, Who, Wish, parse_line


@pytest.mark.parametrize(
    ("line", "wish"),
    [
        ("bob: hello", Say("bob", "hello")),
        ("  bob:   hello there  \r", Say("bob", "hello there")),
        ("bob:hello", Say("bob", "hello")),
        ("bob: see: here", Say("bob", "see: here")),
        ("/to bob", To("bob")),
        ("/to two words", To("two words")),
        ("/to", To(None)),
        ("/who", Who()),
        ("/query bob why not", Query("bob", "why not")),
        ("/query server why", Query(None, "why")),
        ("/ping", Ping(None)),
        ("/ping server", Ping(None)),
        ("/ping bob", Ping("bob")),
        ("/kick bob", Kick("bob")),
        ("/help", Help()),
        ("/quit", Quit()),
        ("", None),
        ("   ", None),
    ],
)
def test_a_line_asks_for_something(line: str, wish: Wish | None) -> None:
    assert parse_line(line) == wish


@pytest.mark.parametrize(
    ("line", "wish"),
    [
        ("hello", Say("bob", "hello")),
        ("http://example.org/x", Say("bob", "http://example.org/x")),
        ("see:this", Say("bob", "see:this")),
        ("//quit is a command", Say("bob", "/quit is a command")),
        ("carol: hello", Say("carol", "hello")),
        ("I say: hello", Say("bob", "I say: hello")),
        ("/who", Who()),
    ],
)
def test_plain_lines_go_to_the_recipient(line: str, wish: Wish) -> None:
    assert parse_line(line, "bob") == wish


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("hello", "to whom"),
        ("//hello", "to whom"),
        ("x" * 5000, "…"),
        ("bob:", "nothing to say"),
        ("/query bob", "/query NAME TEXT is expected"),
        ("/query", "/query NAME TEXT is expected"),
        ("/kick", "/kick NAME is expected"),
        ("/nope", "/help"),
        ("/", "/help"),
    ],
)
def test_a_line_that_means_nothing_is_told_what_is_expected(line: str, complaint: str) -> None:
    with pytest.raises(BadLine) as raised:
        parse_line(line)
    assert complaint in str(raised.value)
    assert len(str(raised.value)) < 200
