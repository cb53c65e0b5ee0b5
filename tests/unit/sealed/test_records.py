"""Records open in order, each once, at the other end of the same connection only."""

from __future__ import annotations

import pytest

from esframework.errors import LocalError, PacketError
from esframework.limits import rudp as key_limits
from esframework.limits import sealed as limits
from esframework.rudp import keys
from esframework.sealed.records import RECORD_OVERHEAD, RecordOpener, RecordSealer, connection_keys
from tests.sealed_ends import FOLLOWER_NONCE, LEADER_NONCE, session_keys


def pair(cipher: str = keys.AES_GCM, other_nonce: bytes = FOLLOWER_NONCE) -> tuple[RecordSealer, RecordOpener]:
    """The leader's direction; `other_nonce` is what its follower believes to have said."""
    leader = connection_keys(session_keys(True, cipher), LEADER_NONCE, FOLLOWER_NONCE)
    follower = connection_keys(session_keys(False, cipher), LEADER_NONCE, other_nonce)
    return RecordSealer(leader, 0.0), RecordOpener(follower)


@pytest.mark.parametrize("cipher", [keys.AES_GCM, keys.CHACHA20])
def test_what_one_seals_the_other_opens(cipher: str) -> None:
    sealer, opener = pair(cipher)
    first, second = sealer.seal(b"frames", 0.0), sealer.seal(bytearray(b"more"), 0.0)
    assert len(first) == 6 + RECORD_OVERHEAD
    assert opener.feed(first + second) == [b"frames", b"more"]


def test_records_are_cut_out_of_any_pieces() -> None:
    sealer, opener = pair()
    stream = b"".join(sealer.seal(bytes([number]) * 50, 0.0) for number in range(4))
    opened = [record for byte in stream for record in opener.feed(bytes([byte]))]
    assert opened == [bytes([number]) * 50 for number in range(4)]


def test_the_same_record_never_opens_twice_nor_out_of_turn() -> None:
    sealer, opener = pair()
    first, second = sealer.seal(b"1", 0.0), sealer.seal(b"2", 0.0)
    opener.feed(first)
    with pytest.raises(PacketError, match="record 1 is not authentic"):
        opener.feed(first)
    with pytest.raises(PacketError, match="record 0 is not authentic"):
        pair()[1].feed(second)


def test_another_connection_of_the_session_has_other_keys() -> None:
    sealer, opener = pair(other_nonce=b"another nonce 16")
    with pytest.raises(PacketError, match="not authentic"):
        opener.feed(sealer.seal(b"x", 0.0))


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (b"\x40\x00\x00\x20", "it is none"),
        (b"\x43\x02\x00\x20", "it is none"),
        (b"\x43\x00\x00\x10", "has 16 bytes"),
        (b"\x43\x00\xff\xff", "has 65535 bytes"),
    ],
)
def test_a_header_that_cannot_be_is_refused_before_anything_is_waited_for(header: bytes, words: str) -> None:
    with pytest.raises(PacketError, match=words):
        pair()[1].feed(header)


@pytest.mark.parametrize("size", [0, limits.RECORD_BYTES + 1])
def test_a_record_has_a_size_that_the_other_end_takes(size: int) -> None:
    with pytest.raises(LocalError, match=f"a record of {size} bytes"):
        pair()[0].seal(bytes(size), 0.0)


def test_the_key_changes_in_time() -> None:
    sealer, opener = pair()
    records = [sealer.seal(b"x", phase * key_limits.KEY_PHASE_TIME) for phase in range(4)]
    assert [record[1] for record in records] == [0, 1, 0, 1]
    assert opener.feed(b"".join(records)) == [b"x"] * 4


def test_the_key_changes_after_so_many_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_limits, "KEY_PHASE_PACKETS", 2)
    sealer, opener = pair()
    records = [sealer.seal(b"x", 0.0) for _ in range(6)]
    assert [record[1] for record in records] == [0, 0, 1, 1, 0, 0]
    assert opener.feed(b"".join(records)) == [b"x"] * 6


def test_a_forged_key_phase_ends_it_like_any_forgery() -> None:
    sealer, opener = pair()
    record = bytearray(sealer.seal(b"x", 0.0))
    record[1] = 1
    with pytest.raises(PacketError, match="not authentic"):
        opener.feed(bytes(record))
