"""The server's side of a connection before its log-on: which generation, which header, who (protocol, sections 1 and
5).

States, named for what they wait for:

    want_first_byte --0xFF or 0x0F--> want_layout --a log-on's header--> want_log_on --112 complete--> done
                                                                         want_log_on --118 complete--> want_log_on

Anything else raises InvalidMessage, and the connection is over. Whether the log-on is right is decided elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from struct import Struct

from esframework import limits
from esframework.errors import InvalidMessage, MalformedBody
from esframework.wire.contracts import EARLY_QUERY, LOG_ON
from esframework.wire.frames import FIXED, Frame, FrameDecoder, Layout, layout_of
from esframework.wire.profile import PROFILES_BY_TOKEN, Profile
from esframework.wire.types import SERVER_ID, MessageInvalidType, MessageType

OWN_CLIENT = "esframework-python/"
"""How our clients begin their `AuthorizedUser`, and so announce themselves."""

REGISTERING = " register"
"""What our clients put behind that when they ask for an account of the log-on's name and password first."""

OWN_SERVER = "esframework-python/"
"""How our servers begin the `FailureCause` of a log-on of such a client that succeeded: the features follow."""

_START = Struct("<BBHii")
_INT = Struct("<i")
_INVALID_HEADER = MessageInvalidType.INVALID_HEADER


def asks_for_account(authorized_user: str) -> bool:
    """Whether a log-on of a client of ours asks for an account."""
    return authorized_user.startswith(OWN_CLIENT) and authorized_user.endswith(REGISTERING)


@dataclass(frozen=True, slots=True)
class LogOnReceived:
    """A complete, well-formed log-on; nothing in it has been verified."""

    layout: Layout
    client_type: int
    message_id: int
    source: bytes
    login_id: str
    authorized_user: str
    password: str = field(repr=False)
    system_token: str

    @property
    def is_ours(self) -> bool:
        """Whether the client announced itself as this framework's own."""
        return self.authorized_user.startswith(OWN_CLIENT)


@dataclass(frozen=True, slots=True)
class EarlyQueryReceived:
    """A question of a generation-7 client before its log-on (type 118)."""

    layout: Layout
    message_id: int
    source: bytes
    content: str
    query_type: int


class Greeting:
    """Takes bytes until a log-on is complete.

    `deadline` is the time by which that must have happened, None for no limit. `rest` holds what came after the log-on.
    """

    __slots__ = ("deadline", "layout", "_max_size", "_max_queries", "_buffer", "_queries", "_is_done")

    def __init__(
        self,
        now: float,
        timeout: float = limits.LOG_ON_TIMEOUT,
        max_size: int = limits.MAX_BEFORE_LOG_ON,
        max_queries: int = limits.MAX_QUERIES_BEFORE_LOG_ON,
    ) -> None:
        self.deadline = now + timeout if timeout > 0 else None
        self.layout: Layout | None = None
        self._max_size = max_size
        self._max_queries = max_queries
        self._buffer = b""
        self._queries = 0
        self._is_done = False

    @property
    def rest(self) -> bytes:
        """Bytes behind the last frame taken."""
        return self._buffer

    def receive(self, data: bytes) -> LogOnReceived | EarlyQueryReceived | None:
        """The next event that `data` completes, if any; call again with no data while it gives early queries.

        After the log-on, bytes are only kept. Raises InvalidMessage for bytes that are no log-on.
        """
        self._buffer += data
        if self._is_done or not self._buffer:
            return None
        profile = PROFILES_BY_TOKEN.get(self._buffer[0])
        if profile is None:
            raise InvalidMessage(
                MessageInvalidType.INVALID_TOKEN, f"first byte is 0x{self._buffer[0]:02x}, expected 0xff or 0x0f"
            )
        if len(self._buffer) < FIXED:
            return None
        length = self._check_start(profile)
        if self.layout is None:
            self.layout = find_layout(profile, self._buffer)
        if self.layout is None or len(self._buffer) < self.layout.header_size + length:
            return None
        return self._take_frame(self.layout, self.layout.header_size + length)

    def _check_start(self, profile: Profile) -> int:
        _, client_type, message_type, _, length = _START.unpack_from(self._buffer)
        if client_type not in profile.client_types:
            raise InvalidMessage(
                MessageInvalidType.INVALID_CLIENT_TYPE,
                f"client type {client_type} is unknown in generation {profile.generation}",
            )
        is_query = message_type == MessageType.QUERY_BEFORE_LOG_ON and profile.generation == 7
        if message_type != MessageType.LOG_ON and not is_query:
            raise InvalidMessage(_INVALID_HEADER, f"the first message has type {message_type}, expected a log-on (112)")
        if length < 4:
            raise InvalidMessage(_INVALID_HEADER, f"a log-on cannot have a body of {length} bytes")
        if FIXED + length > self._max_size:
            raise InvalidMessage(
                MessageInvalidType.MESSAGE_SIZE_OVERFLOW,
                f"log-on with a body of {length} bytes, at most {self._max_size} are taken before it",
            )
        return int(length)

    def _take_frame(self, layout: Layout, size: int) -> LogOnReceived | EarlyQueryReceived:
        decoder = FrameDecoder(layout)
        frames = decoder.feed(self._buffer[:size])
        client_type = self._buffer[1]
        self._buffer = self._buffer[size:]
        if decoder.error is not None or len(frames) != 1:
            raise decoder.error or InvalidMessage(MessageInvalidType.DATA_LACKED, "the log-on is not one frame")
        if layout.id_of(frames[0][3]) != SERVER_ID:
            raise InvalidMessage(_INVALID_HEADER, "a log-on must be addressed to the server")
        try:
            if frames[0][0] == MessageType.LOG_ON:
                self._is_done = True
                return _log_on(layout, client_type, frames[0])
            return self._early_query(layout, frames[0])
        except MalformedBody as error:
            raise InvalidMessage(MessageInvalidType.DATA_LACKED, f"log-on: {error}") from None

    def _early_query(self, layout: Layout, frame: Frame) -> EarlyQueryReceived:
        self._queries += 1
        if self._queries > self._max_queries:
            raise InvalidMessage(_INVALID_HEADER, f"more than {self._max_queries} queries before the log-on")
        _, message_id, source, _, raw = frame
        body = EARLY_QUERY.decode(raw[layout.header_size :])
        layout.id_of(source)
        return EarlyQueryReceived(layout, message_id, source, body.content or "", body.query_type)


def _log_on(layout: Layout, client_type: int, frame: Frame) -> LogOnReceived:
    _, message_id, source, _, raw = frame
    body = LOG_ON.decode(raw[layout.header_size :])
    return LogOnReceived(
        layout=layout,
        client_type=client_type,
        message_id=message_id,
        source=source,
        login_id=layout.id_of(source),
        authorized_user=body.authorized_user or "",
        password=body.password or "",
        system_token=body.system_token or "",
    )


def find_layout(profile: Profile, start: bytes) -> Layout | None:
    """The layout in which a first frame was written, from its bytes; None while they do not suffice.

    A log-on's body begins with its own length minus four: only the true field size puts that number in its place, with
    valid length bytes and zero padding before it. Raises InvalidMessage when no size the rule allows fits.
    """
    inner = _INT.unpack_from(start, 8)[0] - 4
    undecided = False
    for size in profile.field_sizes():
        header = FIXED + 2 * (size + 1)
        if len(start) < header + 4:
            undecided = True
        elif _fits(start, size, header, inner):
            return layout_of(profile, size)
    if not undecided:
        raise InvalidMessage(_INVALID_HEADER, "no header size of the protocol fits the first message")
    return None


def _fits(start: bytes, size: int, header: int, inner: int) -> bool:
    if _INT.unpack_from(start, header)[0] != inner:
        return False
    for begin in (FIXED, FIXED + size + 1):
        length = start[begin]
        if not 0 < length <= size or start[begin + 1 + length : begin + 1 + size].strip(b"\0"):
            return False
    return True


def strip_date(token: str, today: date) -> str:
    """A generation-7 system token without the local date that its client puts before it (protocol, section 5, rule 1).

    Only a date within a day of `today` is taken for one, so that a token that begins with eight digits stays whole.
    """
    try:
        sent = datetime.strptime(token[:8], "%Y%m%d").date()
    except ValueError:
        return token
    return token[8:] if abs(sent - today) <= timedelta(days=1) else token
