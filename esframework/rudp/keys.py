"""From a secret that two ends share to datagrams that nobody else can read, change, or send again.

    shared    = X25519(own private key, the other's public key)             fresh keys for each attempt
    root      = HKDF-SHA256(ikm = shared, salt = the server's secret, info = cipher and session)
              = secret of leader -> follower, secret of follower -> leader, key of probes; 32 bytes each
    key n     = HKDF-Expand(secret n, "key"); secret n + 1 = HKDF-Expand(secret n, "phase")
    nonce     = 4 zero bytes and the packet number; authenticated beside it: the clear header

The keys confirm themselves, as in Noise's NNpsk0: who can make a datagram that opens has the private key to a public
key that came by the server, and the server's secret. Until the first one has opened, nothing that came counts. Session
is what both ends know and no other attempt has: its id, and both public keys, the leader's first. Whoever wants
independent keys, for another path between the same ends, adds a word to it.

    key phase   flips after 2^24 packets or 30 minutes; the bit in the header says which one
    replay      each number opens once; what is more than 8192 behind the newest is dropped (RFC 6479 has a window of
                bits, which the ranges make unnecessary), and so is what lies below the ranges that were forgotten

This module refuses to know who the ends are and how public keys reach them. It takes randomness as an argument.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

from esframework.errors import KeyRefused, LocalError
from esframework.limits import rudp as limits
from esframework.rudp.packet import DATA, HEADER, HEADER_SIZE, KEY_PHASE, OVERHEAD
from esframework.rudp.ranges import RangeSet

AES_GCM: Final = "aes-128-gcm"
CHACHA20: Final = "chacha20-poly1305"

KEY_SIZE: Final = 32
"""Bytes of a private and a public key, and of each secret."""

CODE_SIZE: Final = 16
"""Bytes of a probe's code."""


class Aead(Protocol):
    """A cipher with its key. `decrypt` raises InvalidTag for what is not authentic."""

    def encrypt(self, nonce: bytes, data: bytes | bytearray, associated_data: bytes | None) -> bytes: ...

    def decrypt(self, nonce: bytes, data: bytes | memoryview, associated_data: bytes | memoryview | None) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Keys:
    """What one end has for one session; never shown."""

    cipher: str
    sending: bytes = field(repr=False)
    receiving: bytes = field(repr=False)
    probes: bytes = field(repr=False)


def public_key(private: bytes) -> bytes:
    """The public key, 32 bytes, of 32 random ones."""
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def exchange(private: bytes, public: bytes) -> bytes:
    """The secret shared with whoever has the private key to `public`; raises KeyRefused for what is no such key."""
    try:
        return X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError as error:
        raise KeyRefused(f"{public.hex()} is no public key: {error}") from error


def agree(leader: Sequence[str], follower: Sequence[str]) -> str:
    """The cipher of a session: the first of the leader's that both have. Raises KeyRefused when there is none."""
    for cipher in leader:
        if cipher in follower and cipher in _ciphers:
            return cipher
    raise KeyRefused(f"no cipher in common: {', '.join(leader)} here, {', '.join(follower)} there")


def derive(secret: bytes, shared: bytes, is_leader: bool, session: bytes, cipher: str = CHACHA20) -> Keys:
    """The keys of one end: of the server's `secret`, the `shared` secret, and what names the `session` (see above)."""
    info = b"esframework p2p 1\0" + cipher.encode() + b"\0" + session
    root = HKDF(SHA256(), 3 * KEY_SIZE, secret, info).derive(shared)
    by_leader, by_follower, probes = root[:KEY_SIZE], root[KEY_SIZE : 2 * KEY_SIZE], root[2 * KEY_SIZE :]
    if is_leader:
        return Keys(cipher, by_leader, by_follower, probes)
    return Keys(cipher, by_follower, by_leader, probes)


def probe_code(key: bytes, data: bytes) -> bytes:
    """The code that authenticates a probe: HMAC-SHA256, cut to 16 bytes."""
    return hmac.digest(key, data, "sha256")[:CODE_SIZE]


def is_probe_code(key: bytes, data: bytes, code: bytes) -> bool:
    """Whether `code` is that of `data`; compared in constant time."""
    return hmac.compare_digest(probe_code(key, data), code)


class Sealer:
    """Makes datagrams of one direction. `receiver` is the index that the other end chose for the channel."""

    def __init__(self, keys: Keys, receiver: int, now: float) -> None:
        self._cipher = keys.cipher
        self._secret = keys.sending
        self._receiver = receiver
        self._next = 0
        self._flags = 0
        self._begin_phase(now)

    def _begin_phase(self, now: float) -> None:
        self._encrypt = aead(self._cipher, self._secret).encrypt
        self._last_of_phase = self._next + limits.KEY_PHASE_PACKETS - 1
        self._phase_ends_at = now + limits.KEY_PHASE_TIME

    def renew(self, now: float) -> None:
        """Go on with the next key if this one has served its time; to be called before packets leave."""
        if self._next > self._last_of_phase or now >= self._phase_ends_at:
            self._secret = next_secret(self._secret)
            self._flags ^= KEY_PHASE
            self._begin_phase(now)

    def seal(self, frames: bytes | bytearray, number: int) -> bytes:
        """The datagram with packet `number`, which must be larger than all before it. Raises LocalError otherwise:
        the same number twice would show what was sealed."""
        if number < self._next:
            raise LocalError(f"packet {number} comes after packet {self._next - 1}; numbers are never used twice")
        self._next = number + 1
        header = HEADER.pack(DATA, self._flags, 0, self._receiver, number)
        return header + self._encrypt(_ZEROS + header[_NUMBER_AT:], frames, header)


class Opener:
    """Opens datagrams of one direction, each once; nothing that is forged changes anything but a count.

    `received` are the packet numbers that were opened, for acknowledgements; `opened` says how many they were, and
    `refused` how many datagrams were refused for which reason.
    """

    def __init__(self, keys: Keys) -> None:
        self.opened = 0
        self.received = RangeSet(limits.RECEIVED_RANGES)
        self.refused: dict[str, int] = {}
        self._cipher = keys.cipher
        self._secret = keys.receiving
        self._decrypt = aead(keys.cipher, keys.receiving).decrypt
        self._decrypt_earlier = self._decrypt
        self._phase = 0
        self._phase_start = 0
        self._prepare_next()

    @property
    def is_confirmed(self) -> bool:
        """Whether the other end has shown that it has the keys."""
        return self.received.stop > 0

    def open(self, datagram: bytes | memoryview) -> tuple[int, bytes] | None:
        """(packet number, frames) of a datagram that is authentic and new; None of any other."""
        if len(datagram) < OVERHEAD:
            self._refuse("short")
            return None
        kind, flags, reserved, _, number = HEADER.unpack_from(datagram)
        if kind != DATA or flags > KEY_PHASE or reserved:
            self._refuse("malformed")
            return None
        received = self.received
        newest = received.stop
        if number < newest:
            if number < received.floor or number < newest - limits.REPLAY_WINDOW:
                self._refuse("old")
                return None
            if number in received:
                self._refuse("duplicate")
                return None
        is_next = False
        decrypt = self._decrypt
        if flags != self._phase:
            is_next = number > self._phase_start
            decrypt = self._decrypt_next if is_next else self._decrypt_earlier
        try:
            frames = decrypt(_ZEROS + datagram[_NUMBER_AT:HEADER_SIZE], datagram[HEADER_SIZE:], datagram[:HEADER_SIZE])
        except InvalidTag:
            self._refuse("forged")
            return None
        if is_next:
            self._begin_phase(number)
        self.opened += 1
        received.add(number, number + 1)
        return number, frames

    def _begin_phase(self, number: int) -> None:
        self._decrypt_earlier, self._decrypt = self._decrypt, self._decrypt_next
        self._secret = next_secret(self._secret)
        self._phase ^= KEY_PHASE
        self._phase_start = number
        self._prepare_next()

    def _prepare_next(self) -> None:
        # Ahead of its time, so that a forged key phase costs no more than any other forgery.
        self._decrypt_next = aead(self._cipher, next_secret(self._secret)).decrypt

    def _refuse(self, reason: str) -> None:
        self.refused[reason] = self.refused.get(reason, 0) + 1


_ZEROS: Final = bytes(4)
_NUMBER_AT: Final = 8

_ciphers: Final[dict[str, tuple[Callable[[bytes], Aead], int]]] = {
    AES_GCM: (AESGCM, 16),
    CHACHA20: (ChaCha20Poly1305, 32),
}


def aead(cipher: str, secret: bytes) -> Aead:
    """What seals and opens with the key of a secret."""
    kind, size = _ciphers[cipher]
    return kind(expand(secret, b"key", size))


def next_secret(secret: bytes) -> bytes:
    """The secret of the key phase after that of this one."""
    return expand(secret, b"phase", KEY_SIZE)


def expand(secret: bytes, label: bytes, size: int) -> bytes:
    """HKDF-Expand: `size` bytes of a secret, other ones for each label."""
    return HKDFExpand(SHA256(), size, label).derive(secret)
