"""What came is handed out once, what is paused is kept, and no more may come than was allowed."""

from __future__ import annotations

import pytest

from esframework.errors import PacketError
from esframework.limits import sealed as limits
from esframework.sealed.inbox import Inbox


def test_what_came_is_taken_once_and_together() -> None:
    inbox = Inbox()
    inbox.came(1, b"a")
    inbox.came(1, b"b")
    assert (inbox.has_news, inbox.is_empty) == (True, False)
    assert (inbox.take(1), inbox.take(1), inbox.take(0)) == (b"ab", b"", b"")
    assert (inbox.has_news, inbox.is_empty) == (False, True)


def test_a_paused_stream_is_kept_and_the_others_go_on() -> None:
    inbox = Inbox()
    inbox.came(2, b"early")
    inbox.pause(2)
    inbox.came(2, b" late")
    inbox.came(0, b"message")
    assert (inbox.take(2), inbox.take(0), inbox.has_news, inbox.is_empty) == (b"", b"message", False, False)
    inbox.resume(2)
    assert (inbox.has_news, inbox.take(2)) == (True, b"early late")


def test_no_more_than_the_window_comes_of_what_nobody_takes() -> None:
    inbox = Inbox()
    inbox.came(2, bytes(limits.WINDOW))
    assert not inbox.owes_credit
    with pytest.raises(PacketError, match=f"goes to {limits.WINDOW + 1}; it may go to {limits.WINDOW}"):
        inbox.came(2, b"x")


def test_credit_is_given_when_half_of_the_window_was_taken() -> None:
    inbox = Inbox()
    half = limits.WINDOW // 2
    inbox.came(2, bytes(half - 1))
    inbox.take(2)
    assert (inbox.owes_credit, inbox.new_credits()) == (False, [])
    inbox.came(2, b"x")
    inbox.take(2)
    assert (inbox.owes_credit, inbox.new_credits()) == (True, [(2, half + limits.WINDOW)])
    assert (inbox.owes_credit, inbox.new_credits()) == (False, [])
    inbox.came(2, bytes(limits.WINDOW))
