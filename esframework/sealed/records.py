"""Bytes of a connection <-> what was sealed: records that nobody else can read, change, leave out or repeat.

    record            network order
        kind 1        0x43
        flags 1       bit 0: key phase; the others are zero
        size 2        of what follows: sealed frames and the cipher's tag of 16 bytes
        sealed        of the n-th record of a direction, counted from 0: the nonce is 4 zero bytes and n in 8;
                      authenticated beside it: the 4 bytes before

    secret of a direction of one connection = HKDF-Expand(the session's secret of it, "connection", nonce of the
    leader's hello, nonce of the follower's): a session may have several connections, and each counts from 0.

    key phase         as in `rudp.keys`: after 2^24 records or 30 minutes

A record that does not open ends the connection: TCP brings everything in order or not at all, so somebody meddles.
Refuses to know what is sealed.
"""

from __future__ import annotations

from dataclasses import replace
from struct import Struct
from typing import Final

from cryptography.exceptions import InvalidTag

from esframework.errors import LocalError, PacketError
from esframework.limits import rudp as key_limits
from esframework.limits import sealed as limits
from esframework.rudp.keys import KEY_SIZE, Keys, aead, expand, next_secret
from esframework.rudp.packet import KEY_PHASE, TAG_SIZE

RECORD: Final = 0x43

_HEADER: Final = Struct("!BBH")
_NONCE: Final = Struct("!4xQ")
_LARGEST: Final = limits.RECORD_BYTES + TAG_SIZE
RECORD_OVERHEAD: Final = _HEADER.size + TAG_SIZE


def connection_keys(keys: Keys, leader_nonce: bytes, follower_nonce: bytes) -> Keys:
    """The keys of one end for one of its session's connections."""
    label = b"connection" + leader_nonce + follower_nonce
    return replace(
        keys, sending=expand(keys.sending, label, KEY_SIZE), receiving=expand(keys.receiving, label, KEY_SIZE)
    )


class RecordSealer:
    """Makes the records of one direction."""

    def __init__(self, keys: Keys, now: float) -> None:
        self.records = 0
        self._cipher = keys.cipher
        self._secret = keys.sending
        self._flags = 0
        self._begin_phase(now)

    def _begin_phase(self, now: float) -> None:
        self._encrypt = aead(self._cipher, self._secret).encrypt
        self._phase_stops_at = self.records + key_limits.KEY_PHASE_PACKETS
        self._phase_ends_at = now + key_limits.KEY_PHASE_TIME

    def seal(self, frames: bytes | bytearray, now: float) -> bytes:
        """The record with these frames, from 1 byte to `limits.RECORD_BYTES`. Raises LocalError for other sizes."""
        if not 0 < len(frames) <= limits.RECORD_BYTES:
            raise LocalError(f"a record of {len(frames)} bytes; it has from 1 to {limits.RECORD_BYTES}")
        if self.records >= self._phase_stops_at or now >= self._phase_ends_at:
            self._secret = next_secret(self._secret)
            self._flags ^= KEY_PHASE
            self._begin_phase(now)
        header = _HEADER.pack(RECORD, self._flags, len(frames) + TAG_SIZE)
        sealed = self._encrypt(_NONCE.pack(self.records), frames, header)
        self.records += 1
        return header + sealed


class RecordOpener:
    """Cuts and opens the records of one direction, whatever pieces they come in.

    Keeps less than one record between two calls.
    """

    def __init__(self, keys: Keys) -> None:
        self.records = 0
        self._cipher = keys.cipher
        self._secret = keys.receiving
        self._decrypt = aead(self._cipher, self._secret).decrypt
        self._phase = 0
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """What is in the records that are complete now. Raises PacketError at one that is not authentic or cannot be;
        nothing that comes after may be fed then."""
        if self._rest:
            data = self._rest + data
        opened: list[bytes] = []
        position = 0
        while len(data) - position >= _HEADER.size:
            header = data[position : position + _HEADER.size]
            size = self._check(header)
            start = position + _HEADER.size
            if len(data) - start < size:
                break
            position = start + size
            opened.append(self._open(header, data[start:position]))
        self._rest = data[position:]
        return opened

    def _check(self, header: bytes) -> int:
        kind, flags, size = _HEADER.unpack(header)
        if kind != RECORD or flags > KEY_PHASE:
            raise PacketError(f"record {self.records} begins with {header.hex(' ')}: it is none")
        if not TAG_SIZE < size <= _LARGEST:
            raise PacketError(f"record {self.records} has {size} bytes; it has from {TAG_SIZE + 1} to {_LARGEST}")
        return int(size)

    def _open(self, header: bytes, sealed: bytes) -> bytes:
        if header[1] != self._phase:
            self._secret = next_secret(self._secret)
            self._decrypt = aead(self._cipher, self._secret).decrypt
            self._phase = header[1]
        try:
            frames = self._decrypt(_NONCE.pack(self.records), sealed, header)
        except InvalidTag:
            raise PacketError(f"record {self.records} is not authentic") from None
        self.records += 1
        return frames
