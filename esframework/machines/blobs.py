"""Joins blob fragments into whole payloads: whole or never, and never more than the limits in memory.

One `BlobAssembler` per connection and message type. Knows senders by name, and nothing of connections or time but
`now`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from esframework import limits
from esframework.errors import MalformedBody
from esframework.wire.blob_fragments import Fragment


@dataclass(slots=True)
class _Unfinished:
    pieces: list[bytes] = field(default_factory=list)
    size: int = 0
    heard: float = 0.0


class BlobAssembler:
    """Collects the fragments of each sender's blobs until the last one is in.

    `max_bytes` bounds all unfinished blobs together, `max_blobs` those of one sender.
    """

    def __init__(
        self,
        max_bytes: int = limits.MAX_BLOB_BYTES,
        max_blobs: int = limits.MAX_BLOBS_PER_SENDER,
        idle_timeout: float = limits.BLOB_IDLE_TIMEOUT,
    ) -> None:
        self._max_bytes = max_bytes
        self._max_blobs = max_blobs
        self._idle_timeout = idle_timeout
        self._unfinished: dict[str | None, dict[int, _Unfinished]] = {}
        self.size = 0

    def add(self, sender: str | None, fragment: Fragment, now: float) -> bytes | None:
        """The whole payload when `fragment` was its last piece, else None.

        Raises MalformedBody for a fragment out of order or beyond the limits; that blob is then forgotten, others stay.
        """
        if fragment.index == 0:
            if fragment.is_last:
                self._drop(sender, fragment.blob_id)
                return fragment.content
            self._begin(sender, fragment.blob_id, now)
        blob = self._unfinished.get(sender, {}).get(fragment.blob_id)
        if blob is None or len(blob.pieces) != fragment.index:
            expected = 0 if blob is None else len(blob.pieces)
            self._drop(sender, fragment.blob_id)
            raise MalformedBody(f"fragment {fragment.index} of blob {fragment.blob_id}, expected {expected}")
        # Counted with what a small piece costs in memory, so that empty fragments cannot pile up for nothing.
        size = len(fragment.content) + 64
        if self.size + size > self._max_bytes:
            self._drop(sender, fragment.blob_id)
            raise MalformedBody(f"unfinished blobs would hold more than {self._max_bytes} bytes")
        blob.pieces.append(fragment.content)
        blob.size += size
        blob.heard = now
        self.size += size
        if not fragment.is_last:
            return None
        self._drop(sender, fragment.blob_id)
        return b"".join(blob.pieces)

    def forget(self, sender: str | None) -> None:
        """A sender is gone: its unfinished blobs will never be whole."""
        for blob_id in list(self._unfinished.get(sender, ())):
            self._drop(sender, blob_id)

    def expire(self, now: float) -> int:
        """Forget blobs without a fragment for `idle_timeout` seconds; returns how many."""
        stale = [
            (sender, blob_id)
            for sender, blobs in self._unfinished.items()
            for blob_id, blob in blobs.items()
            if now - blob.heard >= self._idle_timeout
        ]
        for sender, blob_id in stale:
            self._drop(sender, blob_id)
        return len(stale)

    def _begin(self, sender: str | None, blob_id: int, now: float) -> None:
        self._drop(sender, blob_id)
        blobs = self._unfinished.setdefault(sender, {})
        if len(blobs) >= self._max_blobs:
            raise MalformedBody(f"{sender!r} has {len(blobs)} unfinished blobs, the most allowed")
        blobs[blob_id] = _Unfinished(heard=now)

    def _drop(self, sender: str | None, blob_id: int) -> None:
        blobs = self._unfinished.get(sender)
        if blobs is None:
            return
        blob = blobs.pop(blob_id, None)
        if blob is not None:
            self.size -= blob.size
        if not blobs:
            del self._unfinished[sender]
