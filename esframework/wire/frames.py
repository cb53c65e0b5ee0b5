"""Frames: a header layout, an encoder, and a decoder that cuts a whole read at once (protocol, section 1).

Knows no message type and no session: it yields what a frame says of itself, and refuses bytes that are none.
"""

from __future__ import annotations

from functools import cache
from struct import Struct
from typing import Final, TypeAlias, TypeVar

from esframework import limits
from esframework.errors import EncodeError, InvalidMessage, RemoteError
from esframework.wire.profile import GENERATION_6, Profile
from esframework.wire.types import MessageInvalidType

Frame: TypeAlias = tuple[int, int, bytes, bytes, bytes]
"""(message type, message id, user-id field, destination field, the whole frame as it came).

A plain tuple, because this is made for every message: the fields stay padded as on the wire, so that they can be
compared and looked up without decoding, and the frame can be forwarded without encoding.
"""

FIXED: Final = 12
"""Bytes of a header before its two id fields."""

_WORTH_AN_OBJECT: Final = 4096


class Layout:
    """One way to write headers: a generation and the size of its id fields. Shared: get it from `layout_of`."""

    __slots__ = ("profile", "field_size", "header_size", "unpack", "_pack", "_fields", "_ids")

    def __init__(self, profile: Profile, field_size: int) -> None:
        self.profile = profile
        self.field_size = field_size
        self.header_size = FIXED + 2 * (field_size + 1)
        header = Struct(f"<BBHii{field_size + 1}s{field_size + 1}s")
        self.unpack = header.unpack_from
        self._pack = header.pack
        self._fields: dict[str, bytes] = {}
        self._ids: dict[bytes, str] = {}

    def __repr__(self) -> str:
        return f"<Layout generation {self.profile.generation}, header {self.header_size}>"

    def fits(self, user_id: str) -> bool:
        """Whether an id can be written into this layout's fields."""
        return len(user_id.encode()) <= self.field_size

    def field(self, user_id: str) -> bytes:
        """The padded field that carries an id; raises EncodeError when it does not fit."""
        found = self._fields.get(user_id)
        if found is None:
            raw = user_id.encode()
            if len(raw) > self.field_size:
                raise EncodeError(
                    f"id {user_id!r} has {len(raw)} bytes; "
                    f"the longest that this connection carries has {self.field_size}"
                )
            found = (bytes((len(raw),)) + raw).ljust(self.field_size + 1, b"\0")
            _remember(self._fields, user_id, found)
        return found

    def id_of(self, field: bytes) -> str:
        """The id in a field; raises InvalidMessage (invalid header) for a wrong length, padding or text."""
        found = self._ids.get(field)
        if found is None:
            size = field[0]
            if size > self.field_size or field[1 + size :].strip(b"\0"):
                raise InvalidMessage(MessageInvalidType.INVALID_HEADER, f"id field {field.hex()} is badly padded")
            try:
                found = field[1 : 1 + size].decode()
            except UnicodeDecodeError:
                raise InvalidMessage(
                    MessageInvalidType.INVALID_HEADER, f"id field {field.hex()} is not UTF-8"
                ) from None
            _remember(self._ids, field, found)
        return found

    def encode(
        self,
        message_type: int,
        body: bytes,
        source: bytes,
        destination: bytes,
        message_id: int = 0,
        client_type: int | None = None,
    ) -> bytes:
        """A whole frame; `source` and `destination` are fields of this layout (see `field`)."""
        if client_type is None:
            client_type = self.profile.own_client_type
        return (
            self._pack(self.profile.token, client_type, message_type, message_id, len(body), source, destination) + body
        )

    def with_body(self, frame: bytes, body: bytes) -> bytes:
        """The same frame with another body."""
        return frame[:8] + len(body).to_bytes(4, "little") + frame[FIXED : self.header_size] + body


@cache
def layout_of(profile: Profile, field_size: int) -> Layout:
    """The one `Layout` for a generation and a field size, so that layouts can be compared by identity."""
    return Layout(profile, field_size)


def default_layout(profile: Profile = GENERATION_6, max_user_id: int = limits.MAX_USER_ID) -> Layout:
    """The layout for a longest user id of `max_user_id` bytes."""
    return layout_of(profile, profile.field_size(max_user_id))


class FrameDecoder:
    """Cuts a stream into frames; any chunking of the same bytes gives the same frames.

    Holds no more than one unfinished frame, and never allocates for a declared length before its bytes are there. A
    frame that comes in several reads is copied once, when it is whole.
    """

    __slots__ = ("layout", "max_message", "error", "_held", "_missing")

    def __init__(self, layout: Layout, max_message: int = limits.MAX_MESSAGE) -> None:
        self.layout = layout
        self.max_message = max_message
        self.error: RemoteError | None = None
        self._held: list[bytes | bytearray] | None = None
        self._missing = 0

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that `data` completes.

        When the bytes after them are no frame, `error` says why, and all later input is ignored: the frames that were
        whole before it are still returned, whatever way the bytes were cut.
        """
        if self.error is not None:
            return []
        frames: list[Frame] = []
        start = 0
        if self._held is not None:
            start = self._missing
            if not start:
                data = b"".join((self._held[0], data))
            elif len(data) < start:
                return self._keep(self._held, data)
            else:
                frames.append(self._join(self._held, memoryview(data)[:start]))
            self._held = None
        layout = self.layout
        unpack, header_size = layout.unpack, layout.header_size
        token, client_types = layout.profile.token, layout.profile.client_types
        longest = self.max_message - header_size
        size = len(data)
        last = size - header_size
        missing = 0
        while start <= last:
            first, client_type, message_type, message_id, length, source, destination = unpack(data, start)
            if first != token or client_type not in client_types or not 0 <= length <= longest:
                self.error = _explain(layout, self.max_message, first, client_type, length)
                return frames
            end = start + header_size + length
            if end > size:
                missing = end - size
                break
            frames.append((message_type, message_id, source, destination, data[start:end]))
            start = end
        if start < size:
            self._held = [data[start:]]
            self._missing = missing
            if data[start] != token:
                self.error = _explain(layout, self.max_message, data[start], 0, 0)
        return frames

    def _keep(self, held: list[bytes | bytearray], data: bytes) -> list[Frame]:
        self._missing -= len(data)
        if len(data) >= _WORTH_AN_OBJECT:
            held.append(data)
        elif isinstance(held[-1], bytearray):
            held[-1] += data
        else:
            # Not the reads themselves: a peer chooses their size, and an object for each byte takes forty times its
            # place.
            held.append(bytearray(data))
        return []

    def _join(self, held: list[bytes | bytearray], last: memoryview) -> Frame:
        frame = b"".join((*held, last))
        _, _, message_type, message_id, _, source, destination = self.layout.unpack(frame)
        return message_type, message_id, source, destination, frame


def _explain(layout: Layout, max_message: int, token: int, client_type: int, length: int) -> InvalidMessage:
    profile = layout.profile
    if token != profile.token:
        return InvalidMessage(
            MessageInvalidType.INVALID_TOKEN, f"first byte is 0x{token:02x}, expected 0x{profile.token:02x}"
        )
    if client_type not in profile.client_types:
        return InvalidMessage(
            MessageInvalidType.INVALID_CLIENT_TYPE,
            f"client type {client_type} is unknown in generation {profile.generation}",
        )
    if length < 0:
        return InvalidMessage(MessageInvalidType.INVALID_HEADER, f"body length is {length}")
    return InvalidMessage(
        MessageInvalidType.MESSAGE_SIZE_OVERFLOW,
        f"frame of {layout.header_size + length} bytes, the longest allowed is {max_message}",
    )


_MEMO_SIZE: Final = 16_384
_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


def _remember(memo: dict[_Key, _Value], key: _Key, value: _Value) -> None:
    # Peers choose the ids: a memo that they can fill is emptied, not grown.
    if len(memo) >= _MEMO_SIZE:
        memo.clear()
    memo[key] = value
