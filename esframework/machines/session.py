"""A session after its log-on: frames that may be believed, and how long the peer has been silent.

Server and client share it: the server believes only frames in the name that it bound (protocol, section 5, rule 2), a
client believes its server. Knows no socket, no route and no handler.
"""

from __future__ import annotations

from esframework import limits
from esframework.errors import WrongUserId
from esframework.wire.frames import Frame, FrameDecoder, Layout


class Session(FrameDecoder):
    """Turns what was read into frames; a decoder that also knows whom it listens to.

    `error` is set when the peer broke the rules: the frames before that are still valid, and nothing comes after it.
    `last_heard` is when anything at all came last. One object, since a server holds one for each client.
    """

    __slots__ = ("last_heard", "_name", "_other_name")

    def __init__(
        self,
        layout: Layout,
        now: float,
        names: tuple[bytes, bytes] | None = None,
        max_message: int = limits.MAX_MESSAGE,
    ) -> None:
        """`names` are the two fields that the peer may put into a frame's user id; None believes any."""
        super().__init__(layout, max_message)
        self.last_heard = now
        self._name: bytes | None
        self._other_name: bytes | None
        self._name, self._other_name = names or (None, None)

    def receive(self, data: bytes, now: float) -> list[Frame]:
        """The frames that `data` completes; see `error`."""
        self.last_heard = now
        frames = self.feed(data)
        name = self._name
        if name is not None:
            for position, frame in enumerate(frames):
                if frame[2] != name and frame[2] != self._other_name:
                    self.error = WrongUserId(f"a frame in the name {frame[2].rstrip(bytes(1))[1:]!r}")
                    return frames[:position]
        return frames
