"""Session tokens are told from passwords, and kept as digests."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esframework.wire.session_token import SECRET_SIZE, is_session_token, session_token, token_digest


@given(st.binary(min_size=SECRET_SIZE, max_size=SECRET_SIZE))
def test_a_token_is_printable_and_known_as_one(secret: bytes) -> None:
    token = session_token(secret)
    assert is_session_token(token)
    assert token.isascii() and token.isprintable() and " " not in token


@given(st.binary(min_size=SECRET_SIZE, max_size=SECRET_SIZE), st.binary(min_size=SECRET_SIZE, max_size=SECRET_SIZE))
def test_different_secrets_have_different_tokens_and_digests(one: bytes, other: bytes) -> None:
    assert (session_token(one) == session_token(other)) is (one == other)
    assert (token_digest(session_token(one)) == token_digest(session_token(other))) is (one == other)


@given(st.text())
def test_any_text_has_a_digest(text: str) -> None:
    assert len(token_digest(text)) == 32


def test_a_lone_surrogate_has_a_digest_too() -> None:
    assert len(token_digest("\ud800")) == 32


@pytest.mark.parametrize("password", ["", "secret", "esframework", "Esframework-token:x", " esframework-token:x"])
def test_other_words_are_passwords(password: str) -> None:
    assert not is_session_token(password)
