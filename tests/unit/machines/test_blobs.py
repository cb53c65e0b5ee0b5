"""Joining fragments: whole or never, and within limits."""

from __future__ import annotations

import pytest

from esframework.errors import MalformedBody
from esframework.machines.blobs import BlobAssembler
from esframework.wire.blob_fragments import Fragment, decode_fragment, encode_fragments


def fragments(blob_id: int, payload: bytes, size: int = 10) -> list[Fragment]:
    return [decode_fragment(body) for body in encode_fragments(blob_id, payload, size, 5)]


def test_a_blob_comes_out_with_its_last_fragment() -> None:
    blobs = BlobAssembler()
    payload = bytes(range(35))
    assert [blobs.add("alice", fragment, 0.0) for fragment in fragments(1, payload)] == [None, None, None, payload]
    assert blobs.size == 0


def test_a_single_fragment_is_a_blob() -> None:
    assert BlobAssembler().add("alice", fragments(1, b"x")[0], 0.0) == b"x"


def test_blobs_of_one_sender_may_interleave_and_senders_do_not_mix() -> None:
    blobs = BlobAssembler()
    first, second = fragments(1, b"a" * 20), fragments(2, b"b" * 20)
    other = fragments(1, b"c" * 20)
    results = [
        blobs.add(sender, fragment, 0.0)
        for sender, fragment in (
            ("alice", first[0]),
            ("alice", second[0]),
            ("bob", other[0]),
            ("alice", second[1]),
            ("bob", other[1]),
            ("alice", first[1]),
        )
    ]
    assert results == [None, None, None, b"b" * 20, b"c" * 20, b"a" * 20]


@pytest.mark.parametrize("order", [[0, 2], [0, 1, 1], [0, 1, 3]])
def test_a_fragment_out_of_order_gives_its_blob_up_for_good(order: list[int]) -> None:
    blobs = BlobAssembler()
    pieces = fragments(1, bytes(40))
    other = fragments(2, bytes(20))
    blobs.add("alice", other[0], 0.0)
    with pytest.raises(MalformedBody, match="was expected"):
        for index in order:
            blobs.add("alice", pieces[index], 0.0)
    assert [blobs.add("alice", piece, 0.0) for piece in pieces[1:]] == [None] * 3
    assert blobs.add("alice", other[1], 0.0) == bytes(20)
    assert blobs.size == 0


def test_a_blob_whose_beginning_was_missed_is_passed_over_in_silence() -> None:
    blobs = BlobAssembler()
    assert [blobs.add("alice", piece, 0.0) for piece in fragments(1, bytes(40))[1:]] == [None] * 3
    assert blobs.size == 0


def test_a_new_beginning_replaces_an_unfinished_blob_of_that_id() -> None:
    blobs = BlobAssembler()
    blobs.add("alice", fragments(1, b"a" * 20)[0], 0.0)
    assert [blobs.add("alice", piece, 0.0) for piece in fragments(1, b"b" * 20)] == [None, b"b" * 20]
    assert blobs.size == 0


def test_one_senders_bytes_are_bounded_and_others_go_on() -> None:
    blobs = BlobAssembler(max_bytes=1000)
    pieces = fragments(1, bytes(2000), 300)
    blobs.add("bob", fragments(1, bytes(600), 300)[0], 0.0)
    with pytest.raises(MalformedBody, match="larger than 1000 bytes"):
        for piece in pieces:
            blobs.add("alice", piece, 0.0)
    assert blobs.add("bob", fragments(1, bytes(600), 300)[1], 0.0) == bytes(600)


def test_everybodys_bytes_together_are_bounded() -> None:
    blobs = BlobAssembler(max_bytes_in_all=1000)
    for name in ("alice", "bob"):
        blobs.add(name, fragments(1, bytes(800), 400)[0], 0.0)
    with pytest.raises(MalformedBody, match="all unfinished blobs"):
        blobs.add("carol", fragments(1, bytes(800), 400)[0], 0.0)


def test_empty_fragments_do_not_pile_up_for_nothing() -> None:
    blobs = BlobAssembler(max_bytes=10_000)
    with pytest.raises(MalformedBody):
        for index in range(1000):
            blobs.add("alice", Fragment(1, b"", index, 5, False), 0.0)


def test_the_number_of_one_senders_unfinished_blobs_is_bounded() -> None:
    blobs = BlobAssembler(max_blobs=2)
    for blob_id in (1, 2):
        blobs.add("alice", fragments(blob_id, bytes(20))[0], 0.0)
    with pytest.raises(MalformedBody, match="2 unfinished blobs"):
        blobs.add("alice", fragments(3, bytes(20))[0], 0.0)
    assert blobs.add("bob", fragments(3, bytes(20))[0], 0.0) is None


def test_who_is_gone_leaves_nothing() -> None:
    blobs = BlobAssembler()
    for blob_id in (1, 2):
        blobs.add("alice", fragments(blob_id, bytes(20))[0], 0.0)
    blobs.forget("alice")
    blobs.forget("alice")
    assert blobs.size == 0
    assert blobs.add("alice", fragments(1, bytes(20))[1], 0.0) is None


def test_when_all_are_gone_those_stay_who_are_spared() -> None:
    blobs = BlobAssembler()
    for name in ("alice", "bob", "carol"):
        blobs.add(name, fragments(1, bytes(20))[0], 0.0)
    blobs.forget_all(lambda name: name == "bob")
    assert blobs.add("alice", fragments(1, bytes(20))[1], 0.0) is None
    assert blobs.add("bob", fragments(1, bytes(20))[1], 0.0) == bytes(20)
    blobs.forget_all()
    assert blobs.size == 0


def test_a_blob_without_a_fragment_for_too_long_is_forgotten_and_a_slow_one_is_not() -> None:
    blobs = BlobAssembler(idle_timeout=60)
    stale, slow = fragments(1, bytes(30)), fragments(2, bytes(30))
    blobs.add("alice", stale[0], 0.0)
    blobs.add("alice", slow[0], 0.0)
    blobs.add("alice", slow[1], 50.0)
    assert blobs.expire(59.0) == 0
    assert blobs.expire(60.0) == 1
    assert blobs.add("alice", slow[2], 61.0) == bytes(30)
    assert blobs.size == 0
