"""Peers for tests on a memory network: a client of another make that speaks frames by hand, a handler that records."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from esframework.plugins.hooks import Event
from esframework.testing import MemoryNetwork
from esframework.wire.contracts import LOG_ON, LOG_ON_REPLY, LogOnBody, LogOnReplyBody
from esframework.wire.frames import FrameDecoder, default_layout
from esframework.wire.information import encode_information
from esframework.wire.profile import GENERATION_6, GENERATION_7
from esframework.wire.types import SERVER_ID, LogonResult, MessageType

NOTICES = frozenset({MessageType.FRIEND_NOTICE, MessageType.CONTACT_OFFLINE, MessageType.CONTACT_ONLINE})


class Received(NamedTuple):
    """A frame that a `FramePeer` got."""

    message_type: int
    message_id: int
    source: str
    target: str
    body: bytes
    raw: bytes


class FramePeer:
    """A client of another make: it knows the frames of one generation and size, and believes nothing else."""

    def __init__(
        self,
        network: MemoryNetwork,
        login_id: str,
        *,
        generation: int = 6,
        max_user_id: int = 11,
        host: str = "127.0.0.1",
        client_type: int | None = None,
        authorized_user: str = "FreeUser",
    ) -> None:
        self.network = network
        self.login_id = login_id
        self.layout = default_layout(GENERATION_7 if generation == 7 else GENERATION_6, max_user_id)
        self.client_type = client_type
        self.authorized_user = authorized_user
        self.stranger = network.stranger(host=host)
        self._decoder = FrameDecoder(self.layout)
        self._unread: list[Received] = []

    @property
    def is_connected(self) -> bool:
        """Whether the connection stands."""
        return self.stranger.is_connected

    def frame(
        self, message_type: int, body: bytes = b"", message_id: int = 0, to: str = SERVER_ID, name: str | None = None
    ) -> bytes:
        """A frame of this peer's."""
        field = self.layout.field
        return self.layout.encode(
            message_type, body, field(name or self.login_id), field(to), message_id, self.client_type
        )

    def send(self, *frame: Any, **more: Any) -> bytes:
        """Send a frame (arguments as for `frame`), and let it arrive."""
        raw = self.frame(*frame, **more)
        self.stranger.write(raw)
        self.network.settle()
        return raw

    def say(self, to: str, information_type: int = 1, content: bytes = b"hello") -> bytes:
        """Send information to another user."""
        return self.send(MessageType.INFORMATION, encode_information(information_type, content), to=to)

    def log_on_frame(self, password: str = "", token: str = "") -> bytes:
        """The log-on."""
        return self.frame(MessageType.LOG_ON, LOG_ON.encode(LogOnBody(self.authorized_user, password, token)), 1)

    def log_on(self, password: str = "", token: str = "") -> LogOnReplyBody:
        """Log on, and give the server's answer."""
        self.stranger.write(self.log_on_frame(password, token))
        self.network.settle()
        reply = self.take(MessageType.LOG_ON)[0]
        assert (reply.message_id, reply.source) == (1, SERVER_ID)
        return LOG_ON_REPLY.decode(reply.body)

    def online(self, password: str = "") -> FramePeer:
        """Log on, which must succeed."""
        assert self.log_on(password).logon_result == LogonResult.SUCCEED
        return self

    def take(self, *types: int) -> list[Received]:
        """The frames that came since the last call; with types, only those.

        Who comes and goes is told only to those who ask for these types.
        """
        self.network.settle()
        for message_type, message_id, source, target, raw in self._decoder.feed(self.stranger.take()):
            self._unread.append(
                Received(
                    message_type,
                    message_id,
                    self.layout.id_of(source),
                    self.layout.id_of(target),
                    raw[self.layout.header_size :],
                    raw,
                )
            )
        assert self._decoder.error is None, self._decoder.error
        taken = [
            frame
            for frame in self._unread
            if frame.message_type in types or (not types and frame.message_type not in NOTICES)
        ]
        self._unread = [frame for frame in self._unread if frame not in taken]
        return taken


class Recorder:
    """A handler that writes down what it gets; `answer` makes the answers to queries."""

    def __init__(self, answer: Callable[[bytes | None], Any] = lambda content: content) -> None:
        self.answer = answer
        self.information: list[tuple[str | None, int, bytes | None]] = []
        self.queries: list[tuple[str | None, int, bytes | None]] = []

    @property
    def contents(self) -> list[bytes | None]:
        """The contents of the information, in order."""
        return [content for _, _, content in self.information]

    def handle_information(self, source: str | None, information_type: int, content: bytes | None) -> None:
        self.information.append((source, information_type, content))

    def handle_query(self, source: str | None, information_type: int, content: bytes | None) -> Any:
        self.queries.append((source, information_type, content))
        return self.answer(content)


def record(*events: Event[*tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """A list to which each event adds its name's last word and its arguments, in the order in which they happen."""
    happened: list[tuple[Any, ...]] = []
    for event in events:
        word = event.name.rpartition(".")[2]
        event.subscribe(lambda *arguments, word=word: happened.append((word, *arguments)))  # type: ignore[misc]
    return happened
