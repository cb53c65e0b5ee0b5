"""What people and scripts are shown of what others send."""

from __future__ import annotations

import pytest

from esframework.cli.information import facts_of, line_of, printable


@pytest.mark.parametrize(
    ("source", "information_type", "content", "line"),
    [
        ("alice", 0, b"hello", "alice: hello"),
        ("alice", 0, "你好 🙂".encode(), "alice: 你好 🙂"),
        ("alice", 7, b"hello", "alice [7]: hello"),
        (None, 0, b"hello", "server: hello"),
        ("alice", 0, None, "alice: "),
        ("alice", 0, b"\xff\x00", "alice: (2 bytes)"),
    ],
)
def test_people_get_one_line(source: str | None, information_type: int, content: bytes | None, line: str) -> None:
    assert line_of(source, information_type, content) == line


@pytest.mark.parametrize(
    ("content", "facts"),
    [
        (b"hello", {"text": "hello"}),
        (b"two\nlines", {"text": "two\nlines"}),
        (b"", {"text": ""}),
        (None, {"text": None}),
        (b"\xff\x00", {"content_base64": "/wA="}),
    ],
)
def test_scripts_get_everything(content: bytes | None, facts: dict[str, object]) -> None:
    assert facts_of("alice", 3, content) == {"from": "alice", "type": 3, **facts}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("one\nbob: forged", "one\\nbob: forged"),
        ("\x1b[2Jgone", "\\u001b[2Jgone"),
        ("a\rb\x07\x9bc", "a\\rb\\u0007\\u009bc"),
        ("txt\u202eexe", "txt\\u202eexe"),
        ("a\u2028b", "a\\u2028b"),
        ("a\tb", "a    b"),
        ("👩\u200d🚀 naïve 名", "👩\u200d🚀 naïve 名"),
    ],
)
def test_what_others_send_steers_no_terminal(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_users_name_steers_no_terminal_either() -> None:
    assert line_of("a\x1b[2J", 0, b"x") == "a\\u001b[2J: x"
