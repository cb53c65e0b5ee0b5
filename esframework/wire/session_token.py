"""Session tokens as log-ons carry them: in the place of the password, and told from one by how they begin.

No password may begin so. Knows no account and makes no token.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Final

TOKEN_PREFIX: Final = "esframework-token:"
"""How every session token begins, and no password."""

SECRET_SIZE: Final = 32
"""Random bytes in a token: nobody finds one by trying."""


def is_session_token(password: str) -> bool:
    """Whether what a log-on gives as its password is a session token."""
    return password.startswith(TOKEN_PREFIX)


def session_token(secret: bytes) -> str:
    """The token of `SECRET_SIZE` random bytes."""
    return TOKEN_PREFIX + urlsafe_b64encode(secret).decode("ascii").rstrip("=")


def token_digest(token: str) -> bytes:
    """What a store keeps of a token. Two hundred and fifty-six random bits need no slow hash."""
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
