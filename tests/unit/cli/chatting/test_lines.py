"""What a line in the chat means."""

from __future__ import annotations

import pytest

from esframework.cli.chatting.lines import COMMANDS, BadLine, parse_line
from esframework.cli.chatting.wishes import (
    ChangeContact,
    ContactChange,
    DeclineFile,
    DissolveGroup,
    Help,
    Invite,
    JoinGroup,
    Kick,
    ListContacts,
    ListDevices,
    ListFiles,
    ListGroups,
    ListPaths,
    OpenPath,
    Ping,
    Query,
    Quit,
    QuitGroup,
    ReceiveFile,
    Say,
    SendFile,
    ServerPath,
    StopFiles,
    To,
    Who,
    Wish,
)


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
        ("#chess: hello", Say("#chess", "hello")),
        ("/to #chess", To("#chess")),
        ("/who #chess", Who("chess")),
        ("/who chess", Who("chess")),
        ("/devices", ListDevices()),
        ("/contacts", ListContacts()),
        ("/add bob", ChangeContact(ContactChange.ADD, "bob")),
        ("/add bob it is me", ChangeContact(ContactChange.ADD, "bob", "it is me")),
        ("/accept bob", ChangeContact(ContactChange.ACCEPT, "bob")),
        ("/refuse bob not now", ChangeContact(ContactChange.REFUSE, "bob", "not now")),
        ("/remove bob", ChangeContact(ContactChange.REMOVE, "bob")),
        ("/block bob", ChangeContact(ContactChange.BLOCK, "bob")),
        ("/unblock bob", ChangeContact(ContactChange.UNBLOCK, "bob")),
        ("/groups", ListGroups()),
        ("/join chess", JoinGroup("chess")),
        ("/join #chess club", JoinGroup("chess club")),
        ("/leave #chess", QuitGroup("chess")),
        ("/invite #chess bob  carol", Invite("chess", ("bob", "carol"))),
        ("/dissolve chess", DissolveGroup("chess")),
        ("/send bob holidays", SendFile("bob", "holidays")),
        ("/send bob  ~/my films/rome", SendFile("bob", "~/my films/rome")),
        ("/receive bob", ReceiveFile("bob")),
        ("/receive bob in box", ReceiveFile("bob", "in box")),
        ("/decline bob", DeclineFile("bob")),
        ("/decline bob too large", DeclineFile("bob", "too large")),
        ("/files", ListFiles()),
        ("/stop bob", StopFiles("bob")),
        ("/p2p", ListPaths()),
        ("/p2p bob", OpenPath("bob")),
        ("/p2p big bob", OpenPath("big bob")),
        ("/p2p bob off", ServerPath("bob")),
        ("/p2p off", OpenPath("off")),
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
        ("/add", "/add NAME [TEXT] is expected"),
        ("/join #", "/join GROUP is expected"),
        ("/invite chess", "/invite GROUP NAME ... is expected"),
        ("/invite", "/invite GROUP NAME ... is expected"),
        ("/send bob", "/send NAME PATH is expected"),
        ("/receive", "/receive NAME [FOLDER] is expected"),
        ("/nope", "/help"),
        ("/", "/help"),
    ],
)
def test_a_line_that_means_nothing_is_told_what_is_expected(line: str, complaint: str) -> None:
    with pytest.raises(BadLine) as raised:
        parse_line(line)
    assert complaint in str(raised.value)
    assert len(str(raised.value)) < 200


def test_every_command_that_needs_arguments_says_which_it_needs() -> None:
    for command in COMMANDS:
        word, _, arguments = command.usage.partition(" ")
        if arguments and not arguments.startswith("[") and word != "/to":
            with pytest.raises(BadLine, match="is expected"):
                parse_line(word)
        else:
            assert parse_line(word) is not None
