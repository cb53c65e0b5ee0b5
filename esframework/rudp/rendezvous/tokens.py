"""Tokens: whoever shows one was sent by an application server that shares a secret with the P2P server.

    token = time of issue 8 (milliseconds), nonce 8 (random), code 16: HMAC-SHA256 of both, cut

A token names nobody and no address: a client does not know its own yet, and a P2P server has no business with names.
Both ends take the time by a clock that they share: that of the day, if they are different machines.

Refuses to know what is given to whoever has one, and to count.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from struct import Struct
from typing import Final

from esframework import limits
from esframework.errors import InvalidOption, RendezvousRefused
from esframework.rudp.rendezvous.messages import TOKEN_SIZE

_CLAIM: Final = Struct("!Q8s")
_CODE_SIZE: Final = TOKEN_SIZE - _CLAIM.size
_LABEL: Final = b"esframework rendezvous 1\0"


class Tokens:
    """Gives and checks tokens. The first of the `secrets` makes them, all are believed, so that one can be replaced.

    Raises InvalidOption for a secret shorter than `limits.P2P_SHORTEST_SECRET`, or none. `random(n)` gives n bytes.
    """

    def __init__(self, secrets: Sequence[bytes], random: Callable[[int], bytes]) -> None:
        if not secrets or min(map(len, secrets)) < limits.P2P_SHORTEST_SECRET:
            raise InvalidOption(
                f"a secret for P2P has {min(map(len, secrets), default=0)} bytes; at least "
                f"{limits.P2P_SHORTEST_SECRET} random ones are expected"
            )
        self._secrets = tuple(secrets)
        self._random = random

    def issue(self, now: float) -> bytes:
        """A token that is good for `limits.P2P_TOKEN_LIFE` seconds."""
        claim = _CLAIM.pack(int(now * 1000), self._random(8))
        return claim + _code(self._secrets[0], claim)

    def check(self, token: bytes, now: float) -> None:
        """Raises RendezvousRefused for a token that is forged, expired, or early: its maker's clock is wrong."""
        claim, code = token[: _CLAIM.size], token[_CLAIM.size :]
        # All of them, so that the time taken says nothing of which one it was.
        known = [hmac.compare_digest(_code(secret, claim), code) for secret in self._secrets]
        if not any(known):
            raise RendezvousRefused("token_forged")
        age = now - _CLAIM.unpack(claim)[0] / 1000
        if age < -limits.P2P_CLOCK_SKEW:
            raise RendezvousRefused("token_early")
        if age >= limits.P2P_TOKEN_LIFE + limits.P2P_CLOCK_SKEW:
            raise RendezvousRefused("token_expired")


def _code(secret: bytes, claim: bytes) -> bytes:
    return hmac.digest(secret, _LABEL + claim, "sha256")[:_CODE_SIZE]
