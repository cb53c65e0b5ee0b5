"""Laws of frames: how they are cut does not matter, and any bytes are frames or a documented error."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from esframework.errors import InvalidMessage
from esframework.wire.frames import Frame, FrameDecoder, Layout, default_layout
from esframework.wire.profile import GENERATION_6, GENERATION_7
from esframework.wire.types import MessageInvalidType

LAYOUTS = st.sampled_from(
    [default_layout(GENERATION_6, 11), default_layout(GENERATION_7, 11), default_layout(GENERATION_6, 36)]
)
IDS = st.text(st.characters(codec="utf-8"), max_size=11).filter(lambda text: len(text.encode()) <= 11)
BODIES = st.binary(max_size=300)
LONGEST = 400


@st.composite
def streams(draw: st.DrawFn) -> tuple[Layout, list[bytes], bytes]:
    """A layout, frames of it, and bytes behind them that may be anything."""
    layout = draw(LAYOUTS)
    frames = draw(
        st.lists(
            st.builds(
                layout.encode,
                st.integers(0, 2**16 - 1),
                BODIES,
                IDS.map(layout.field),
                IDS.map(layout.field),
                st.integers(-(2**31), 2**31 - 1),
                st.sampled_from(sorted(layout.profile.client_types)),
            ),
            max_size=6,
        )
    )
    # What begins like a frame gets further into the decoder than noise does.
    noise = draw(
        st.one_of(st.binary(max_size=60), st.binary(max_size=60).map(bytes((layout.profile.token, 0)).__add__))
    )
    return layout, frames, noise


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """Data in pieces, some of which may be empty."""
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[begin:end] for begin, end in zip(edges, edges[1:], strict=False)]


def decoded(layout: Layout, pieces: list[bytes]) -> tuple[list[Frame], int | None]:
    """The frames, and what kind of error ended them."""
    decoder = FrameDecoder(layout, LONGEST)
    frames = [frame for piece in pieces for frame in decoder.feed(piece)]
    return frames, getattr(decoder.error, "kind", None)


@given(streams(), st.lists(st.integers(0, 10_000), max_size=12))
def test_any_chunking_gives_the_same_frames_and_the_same_error(
    stream: tuple[Layout, list[bytes], bytes], places: list[int]
) -> None:
    layout, frames, noise = stream
    data = b"".join(frames) + noise
    assert decoded(layout, cut(data, places)) == decoded(layout, [data])


@given(streams())
def test_all_frames_before_broken_bytes_are_given_as_they_came(stream: tuple[Layout, list[bytes], bytes]) -> None:
    layout, frames, noise = stream
    got, _ = decoded(layout, [b"".join(frames) + noise])
    assert [frame[4] for frame in got[: len(frames)]] == frames


@given(LAYOUTS, st.lists(st.binary(max_size=200), max_size=8))
def test_any_bytes_give_frames_or_an_invalid_message(layout: Layout, pieces: list[bytes]) -> None:
    decoder = FrameDecoder(layout, LONGEST)
    for piece in pieces:
        for message_type, _, source, _, raw in decoder.feed(piece):
            assert 0 <= message_type < 2**16
            assert layout.header_size <= len(raw) <= LONGEST
            try:
                layout.id_of(source)
            except InvalidMessage as error:
                assert error.kind == MessageInvalidType.INVALID_HEADER
    assert decoder.error is None or isinstance(decoder.error, InvalidMessage)


@given(LAYOUTS, IDS)
def test_an_id_comes_back_from_its_field(layout: Layout, user_id: str) -> None:
    assert layout.id_of(layout.field(user_id)) == user_id
