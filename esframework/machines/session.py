"""A session after its log-on: frames that may be believed, and how long the peer has been silent.

Server and client share it: the server believes only frames in the name that it bound (protocol, section 5, rule 2), a
client believes its server. Knows no socket, no route and no handler.
"""

from __future__ import annotations

from esframework import limits
from esframework.errors import RemoteError, WrongUserId
from esframework.wire.frames import Frame, FrameDecoder, Layout


class Session:
    """Turns what was read into frames.

    `error` is set when the peer broke the rules: the frames before that are still valid, and nothing comes after it.
    `last_heard` is when anything at all came last.
    """

    __slots__ = ("layout", "last_heard", "error", "_decoder", "_names")

    def __init__(
        self, layout: Layout, now: float, names: frozenset[bytes] | None = None, max_message: int = limits.MAX_MESSAGE
    ) -> None:
        """`names` are the fields that the peer may put into the frame's user id; None believes any."""
        self.layout = layout
        self.last_heard = now
        self.error: RemoteError | None = None
        self._decoder = FrameDecoder(layout, max_message)
        self._names = names

    def receive(self, data: bytes, now: float) -> list[Frame]:
        """The frames that `data` completes; see `error`."""
        self.last_heard = now
        if self.error is not None:
            return []
        frames = self._decoder.feed(data)
        self.error = self._decoder.error
        names = self._names
        if names is not None:
            for position, frame in enumerate(frames):
                if frame[2] not in names:
                    self.error = WrongUserId(f"a frame in the name {frame[2].rstrip(bytes(1))[1:]!r}")
                    return frames[:position]
        return frames

    def silent_for(self, now: float) -> float:
        """Seconds since anything came."""
        return now - self.last_heard
