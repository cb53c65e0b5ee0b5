"""Passwords as Argon2id hashes: made and checked, at a known cost, in threads of their own.

Knows no accounts: it turns a password into a text to keep, and says whether a password fits such a text.
Whoever asks for a name that does not exist passes None instead of a text, and waits as long as everybody
else.
"""

from __future__ import annotations

import base64
import secrets
from typing import Final

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError
from twisted.internet.defer import Deferred

from esframework.errors import InvalidPassword, StoreError
from esframework.stores.threads import BoundedPool
from esframework.wire.session_token import TOKEN_PREFIX, is_session_token

MEMORY: Final = 19 * 1024
"""KiB that one hash takes (19 MiB): with two rounds, OWASP's minimum for Argon2id."""

ROUNDS: Final = 2
LANES: Final = 1

HASHING_THREADS: Final = 2
"""Passwords hashed at the same time: 38 MiB, and the reactor keeps a core on any machine that has three."""

HASHING_JOBS: Final = 256
"""Passwords that run or wait: a few seconds' work for two threads, within a client's patience (30 s)."""

LONGEST_PASSWORD: Final = 1024
"""Bytes in UTF-8; longer ones only cost time."""

SALT_SIZE: Final = 16
HASH_SIZE: Final = 32


class PasswordHashing:
    """The blocking half: about 20 ms of one core for each call. Safe to be used from many threads.

    Other costs than the default are for tests and for machines that are known to bear more.
    """

    def __init__(self, memory: int = MEMORY, rounds: int = ROUNDS, lanes: int = LANES) -> None:
        self._hasher = PasswordHasher(rounds, memory, lanes, HASH_SIZE, SALT_SIZE, type=Type.ID)
        salt, digest = (_unpadded(secrets.token_bytes(size)) for size in (SALT_SIZE, HASH_SIZE))
        # Nobody's password: random bytes in the place of a hash cost the same to compare as a real one.
        self._nobody = f"$argon2id$v=19$m={memory},t={rounds},p={lanes}${salt}${digest}"

    def hash(self, password: str) -> str:
        """The text to keep for `password`. Raises `InvalidPassword`."""
        return self._hasher.hash(_encoded(password))

    def matches(self, stored: str | None, password: str) -> bool:
        """Whether `password` fits the `stored` text; for None, and for impossible passwords, False at the
        same cost.

        Raises `StoreError` when `stored` is no Argon2 hash.
        """
        try:
            candidate = _encoded(password)
        except InvalidPassword:
            stored, candidate = None, b"impossible"
        try:
            return self._hasher.verify(stored or self._nobody, candidate)
        except VerifyMismatchError:
            return False
        except (InvalidHashError, VerificationError) as error:
            raise StoreError(f"a stored password hash is damaged ({error})") from error


class PasswordPool:
    """The same two calls as Deferreds, in a bounded pool; beyond it they fail with `ComeBackLater`."""

    def __init__(self, hashing: PasswordHashing | None = None, pool: BoundedPool | None = None) -> None:
        self._hashing = hashing or PasswordHashing()
        self.pool = pool or BoundedPool("checking passwords", HASHING_THREADS, HASHING_JOBS)

    def hash(self, password: str) -> Deferred[str]:
        """As `PasswordHashing.hash`."""
        return self.pool.run(self._hashing.hash, password)

    def matches(self, stored: str | None, password: str) -> Deferred[bool]:
        """As `PasswordHashing.matches`."""
        return self.pool.run(self._hashing.matches, stored, password)

    def close(self) -> Deferred[None]:
        """End the threads once what was asked is answered."""
        return self.pool.close()


def _encoded(password: str) -> bytes:
    """The password's bytes; raises `InvalidPassword` by the rules for storing one."""
    try:
        encoded = password.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidPassword("the password is not text that UTF-8 can carry") from None
    if not encoded:
        raise InvalidPassword("the password must not be empty")
    if is_session_token(password):
        raise InvalidPassword(f"the password must not begin with {TOKEN_PREFIX!r}, which marks session tokens")
    if len(encoded) > LONGEST_PASSWORD:
        raise InvalidPassword(
            f"the password has {len(encoded)} bytes, at most {LONGEST_PASSWORD} are allowed"
        )
    return encoded


def _unpadded(data: bytes) -> str:
    """Base 64 as Argon2's encoded form writes it."""
    return base64.b64encode(data).decode("ascii").rstrip("=")
