"""Headers, the encoder, and the decoder that cuts what was read."""

from __future__ import annotations

import tracemalloc

import pytest

from esframework.errors import EncodeError, InvalidMessage
from esframework.limits import MAX_MESSAGE
from esframework.wire.frames import FrameDecoder, Layout, default_layout, layout_of
from esframework.wire.profile import GENERATION_6, GENERATION_7
from esframework.wire.types import MessageInvalidType

SIX = default_layout(GENERATION_6, 11)
SEVEN = default_layout(GENERATION_7, 11)
GOLDEN_HEADER = bytes.fromhex("ff042d01 08000000 fb000000 03696f73" + "00" * 8 + "025f30" + "00" * 9)


def frame(layout: Layout = SIX, body: bytes = b"body", message_type: int = 202) -> bytes:
    return layout.encode(message_type, body, layout.field("alice"), layout.field("bob"), 7)


def fed(data: bytes, layout: Layout = SIX, longest: int = MAX_MESSAGE) -> FrameDecoder:
    decoder = FrameDecoder(layout, longest)
    decoder.feed(data)
    return decoder


# --- the golden vector of generation 6 ------------------------------------------------------------------------------
def test_a_real_clients_header_is_read() -> None:
    ((message_type, message_id, source, target, raw),) = FrameDecoder(SIX).feed(GOLDEN_HEADER + bytes(251))
    assert (message_type, message_id) == (301, 8)
    assert (SIX.id_of(source), SIX.id_of(target)) == ("ios", "_0")
    assert len(raw) == 36 + 251


def test_a_real_clients_header_is_written() -> None:
    assert SIX.encode(301, bytes(251), SIX.field("ios"), SIX.field("_0"), 8, 4)[:36] == GOLDEN_HEADER


# --- encoding -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("layout", [SIX, SEVEN, default_layout(GENERATION_6, 255), default_layout(GENERATION_7, 1)])
def test_what_is_encoded_is_decoded(layout: Layout) -> None:
    raw = layout.encode(202, b"body", layout.field("a"), layout.field("_0"), -5, 0)
    assert FrameDecoder(layout).feed(raw) == [(202, -5, layout.field("a"), layout.field("_0"), raw)]
    assert raw[0] == layout.profile.token
    assert raw[layout.header_size :] == b"body"


def test_layouts_are_shared_so_that_they_can_be_compared_by_identity() -> None:
    assert layout_of(GENERATION_6, 11) is SIX
    assert layout_of(GENERATION_7, 11) is not SIX


def test_an_id_of_exactly_the_fields_size_fits_and_one_more_byte_does_not() -> None:
    assert SIX.id_of(SIX.field("x" * 11)) == "x" * 11
    assert SIX.fits("ö" * 5)
    assert not SIX.fits("ö" * 6)
    with pytest.raises(EncodeError, match="has 12 bytes; the longest that this connection carries has 11"):
        SIX.field("ö" * 6)


def test_another_body_in_the_same_frame() -> None:
    changed = SIX.with_body(frame(), b"another body")
    ((*_, raw),) = FrameDecoder(SIX).feed(changed)
    assert raw == frame(body=b"another body")


@pytest.mark.parametrize("field", ["0c" + "61" * 11, "02" + "6162" + "01" + "00" * 8, "02" + "ff61" + "00" * 9])
def test_badly_written_ids_are_refused(field: str) -> None:
    with pytest.raises(InvalidMessage) as caught:
        SIX.id_of(bytes.fromhex(field))
    assert caught.value.kind == MessageInvalidType.INVALID_HEADER


# --- decoding -------------------------------------------------------------------------------------------------------
def test_many_frames_of_one_read_come_at_once() -> None:
    raws = [frame(body=bytes(size)) for size in (0, 1, 100, 5000)]
    assert [each[4] for each in FrameDecoder(SIX).feed(b"".join(raws))] == raws


def test_a_frame_in_single_bytes_comes_once_it_is_whole() -> None:
    decoder, raw = FrameDecoder(SIX), frame()
    assert [decoder.feed(raw[at : at + 1]) for at in range(len(raw) - 1)] == [[]] * (len(raw) - 1)
    assert [each[4] for each in decoder.feed(raw[-1:])] == [raw]


def test_a_frame_of_exactly_the_longest_size_is_taken_and_one_more_byte_is_not() -> None:
    exact = frame(body=bytes(1000 - 36))
    assert len(FrameDecoder(SIX, 1000).feed(exact)) == 1
    over = fed(frame(body=bytes(1001 - 36)), longest=1000)
    assert isinstance(over.error, InvalidMessage)
    assert over.error.kind == MessageInvalidType.MESSAGE_SIZE_OVERFLOW


@pytest.mark.parametrize(
    ("at", "byte", "kind"),
    [
        (0, 0x0F, MessageInvalidType.INVALID_TOKEN),
        (0, 0x47, MessageInvalidType.INVALID_TOKEN),
        (1, 9, MessageInvalidType.INVALID_CLIENT_TYPE),
        (11, 0x80, MessageInvalidType.INVALID_HEADER),
        (11, 0x40, MessageInvalidType.MESSAGE_SIZE_OVERFLOW),
    ],
)
def test_what_is_wrong_is_named_and_the_frames_before_it_are_kept(at: int, byte: int, kind: int) -> None:
    wrong = bytearray(frame())
    wrong[at] = byte
    decoder = FrameDecoder(SIX)
    assert len(decoder.feed(frame() + bytes(wrong) + frame())) == 1
    assert isinstance(decoder.error, InvalidMessage)
    assert decoder.error.kind == kind
    assert decoder.feed(frame()) == []


def test_a_wrong_first_byte_is_noticed_before_the_header_is_there() -> None:
    assert fed(b"G").error is not None
    assert fed(frame() + b"G").error is not None


def test_a_gigabyte_that_is_only_declared_is_refused_and_never_allocated() -> None:
    declared = SIX.encode(202, b"", SIX.field("a"), SIX.field("b"))[:8] + (2**30).to_bytes(4, "little") + bytes(24)
    assert fed(declared).error is not None


def test_what_is_declared_within_the_limit_is_not_allocated_before_it_comes() -> None:
    header = frame(body=bytes(900_000))[:36]
    tracemalloc.start()
    decoder = fed(header)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert decoder.error is None
    assert peak < 50_000


def test_an_unfinished_frame_in_single_bytes_takes_about_its_own_size() -> None:
    raw = frame(body=bytes(200_000))
    decoder = FrameDecoder(SIX)
    tracemalloc.start()
    for at in range(len(raw) - 1):
        decoder.feed(raw[at : at + 1])
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 2 * len(raw)
    assert [each[4] for each in decoder.feed(raw[-1:])] == [raw]
