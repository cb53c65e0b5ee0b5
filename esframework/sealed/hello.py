"""The first bytes of a connection, in each direction: for which session it is, and that the sender has its keys.

    hello, clear, 52 bytes, network order
        kind 1        0x42
        version 1     1
        role 1        1 leader, 2 follower
        reserved 1    zero
        session 16    as in probes
        nonce 16      random, never used twice
        code 16       of everything before it (see `keys.probe_code`), by the session's key for probes

Who dials says hello at once; who was dialled answers one that is authentic with its own, and anything else not at all.
When both ends dial each other, both say hello at once. Both nonces go into the keys of the connection (see `records`):
a hello that somebody repeats passes here, but nothing that is sealed opens behind it.

Refuses to know which sessions there are.
"""

from __future__ import annotations

from struct import Struct
from typing import Final, NamedTuple

from esframework.rudp.keys import CODE_SIZE, is_probe_code, probe_code

KIND: Final = 0x42
VERSION: Final = 1
LEADER: Final = 1
FOLLOWER: Final = 2

SESSION_SIZE: Final = 16
NONCE_SIZE: Final = 16

_CLEAR: Final = Struct(f"!BBBB{SESSION_SIZE}s{NONCE_SIZE}s")
HELLO_SIZE: Final = _CLEAR.size + CODE_SIZE


class Hello(NamedTuple):
    """What a hello says; worth nothing before `is_authentic`."""

    session: bytes
    is_leader: bool
    nonce: bytes


def say_hello(key: bytes, session: bytes, is_leader: bool, nonce: bytes) -> bytes:
    """The hello of one end; `key` is the session's for probes."""
    clear = _CLEAR.pack(KIND, VERSION, LEADER if is_leader else FOLLOWER, 0, session, nonce)
    return clear + probe_code(key, clear)


def read_hello(raw: bytes) -> Hello | None:
    """What the first `HELLO_SIZE` bytes say; None if they are no hello."""
    if len(raw) < HELLO_SIZE:
        return None
    kind, version, role, reserved, session, nonce = _CLEAR.unpack_from(raw)
    if kind != KIND or version != VERSION or role not in (LEADER, FOLLOWER) or reserved:
        return None
    return Hello(session, role == LEADER, nonce)


def is_authentic(key: bytes, raw: bytes) -> bool:
    """Whether the first `HELLO_SIZE` bytes are the hello of somebody who has the session's key for probes."""
    return is_probe_code(key, raw[: _CLEAR.size], raw[_CLEAR.size : HELLO_SIZE])


def may_become_hello(begin: bytes) -> bool:
    """Whether the first bytes, fewer than a hello has, can still become one: a stranger is not waited for."""
    return (KIND, VERSION)[: len(begin)] == tuple(begin[:2])
