"""Tokens: made by whoever has a secret, good for a minute, and nobody makes one without it."""

from __future__ import annotations

import pytest

from esframework import limits
from esframework.errors import InvalidOption, RendezvousRefused
from esframework.rudp.rendezvous.messages import TOKEN_SIZE
from esframework.rudp.rendezvous.tokens import Tokens

OURS, THEIRS = b"a secret of ours" * 2, b"one of another's" * 2


def tokens(*secrets: bytes) -> Tokens:
    return Tokens(secrets or (OURS,), lambda size: bytes(range(size)))


def refusal(checker: Tokens, token: bytes, now: float) -> str | None:
    try:
        checker.check(token, now)
    except RendezvousRefused as error:
        return str(error)
    return None


def test_a_token_is_believed_by_all_who_have_the_secret_for_a_minute() -> None:
    token = tokens().issue(1000.0)
    assert len(token) == TOKEN_SIZE
    assert [refusal(tokens(), token, 1000.0 + age) for age in (0.0, 59.9)] == [None, None]
    assert refusal(tokens(), token, 1000.0 + limits.P2P_TOKEN_LIFE + limits.P2P_CLOCK_SKEW) == "token_expired"


def test_clocks_may_differ_a_little() -> None:
    token = tokens().issue(1000.0)
    assert refusal(tokens(), token, 991.0) is None
    assert refusal(tokens(), token, 989.0) == "token_early"


def test_without_the_secret_there_is_no_token() -> None:
    assert refusal(tokens(THEIRS), tokens().issue(0.0), 0.0) == "token_forged"


@pytest.mark.parametrize("place", range(TOKEN_SIZE))
def test_no_bit_of_a_token_can_be_changed(place: int) -> None:
    token = bytearray(tokens().issue(1000.0))
    token[place] ^= 1
    assert refusal(tokens(), bytes(token), 1000.0) == "token_forged"


def test_a_secret_is_replaced_by_believing_both_for_a_while() -> None:
    assert refusal(tokens(OURS, THEIRS), tokens(THEIRS, OURS).issue(0.0), 0.0) is None
    assert refusal(tokens(OURS), tokens(OURS, THEIRS).issue(0.0), 0.0) is None


@pytest.mark.parametrize("secrets", [(), (b"short",), (OURS, b"fifteen letters")])
def test_a_secret_that_can_be_guessed_is_refused(secrets: tuple[bytes, ...]) -> None:
    with pytest.raises(InvalidOption, match="at least 16"):
        Tokens(secrets, bytes)
