"""Joins blob fragments into whole payloads: whole or never, and never more than the limits in memory.

One `BlobAssembler` per connection and message type. Knows senders by name, and nothing of connections or time but
`now`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from esframework import limits
from esframework.errors import MalformedBody
from esframework.wire.blob_fragments import Fragment


@dataclass(slots=True)
class _Unfinished:
    pieces: list[bytes] = field(default_factory=list)
    size: int = 0
    heard: float = 0.0


@dataclass(slots=True)
class _Sender:
    blobs: dict[int, _Unfinished] = field(default_factory=dict)
    size: int = 0


class BlobAssembler:
    """Collects the fragments of each sender's blobs until the last one is in.

    `max_blobs` and `max_bytes` bound what one sender may leave unfinished, `max_bytes_in_all` what all may together.
    """

    def __init__(
        self,
        max_bytes: int = limits.MAX_BLOB_BYTES,
        max_blobs: int = limits.MAX_BLOBS_PER_SENDER,
        max_bytes_in_all: int = limits.MAX_BLOB_BYTES_IN_ALL,
        idle_timeout: float = limits.BLOB_IDLE_TIMEOUT,
    ) -> None:
        self._max_bytes = max_bytes
        self._max_blobs = max_blobs
        self._max_bytes_in_all = max_bytes_in_all
        self._idle_timeout = idle_timeout
        self._senders: dict[str | None, _Sender] = {}
        self.size = 0

    def add(self, sender: str | None, fragment: Fragment, now: float) -> bytes | None:
        """The whole payload when `fragment` was its last piece, else None.

        Raises MalformedBody when the blob is given up: out of order, or beyond a limit. It is forgotten then, and
        what still comes of it is passed over in silence; other blobs stay.
        """
        if fragment.index == 0:
            self._drop(sender, fragment.blob_id)
            if fragment.is_last:
                return fragment.content
            self._begin(sender, fragment.blob_id, now)
        owner = self._senders.get(sender)
        blob = None if owner is None else owner.blobs.get(fragment.blob_id)
        if owner is None or blob is None:
            return None
        self._check(sender, owner, blob, fragment)
        blob.pieces.append(fragment.content)
        blob.heard = now
        self._grow(owner, blob, _weight(fragment))
        if not fragment.is_last:
            return None
        self._drop(sender, fragment.blob_id)
        return b"".join(blob.pieces)

    def forget(self, sender: str | None) -> None:
        """A sender is gone: its unfinished blobs will never be whole."""
        owner = self._senders.pop(sender, None)
        if owner is not None:
            self.size -= owner.size

    def forget_all(self, is_spared: Callable[[str | None], bool] = lambda sender: False) -> None:
        """All are gone but those who are spared."""
        for sender in [each for each in self._senders if not is_spared(each)]:
            self.forget(sender)

    def expire(self, now: float) -> int:
        """Forget blobs without a fragment for `idle_timeout` seconds; returns how many."""
        stale = [
            (sender, blob_id)
            for sender, owner in self._senders.items()
            for blob_id, blob in owner.blobs.items()
            if now - blob.heard >= self._idle_timeout
        ]
        for sender, blob_id in stale:
            self._drop(sender, blob_id)
        return len(stale)

    def _check(self, sender: str | None, owner: _Sender, blob: _Unfinished, fragment: Fragment) -> None:
        size = _weight(fragment)
        if len(blob.pieces) != fragment.index:
            problem = f"has fragment {fragment.index} where {len(blob.pieces)} was expected"
        elif owner.size + size > self._max_bytes:
            problem = f"makes its sender's unfinished blobs larger than {self._max_bytes} bytes"
        elif self.size + size > self._max_bytes_in_all:
            problem = f"makes all unfinished blobs larger than {self._max_bytes_in_all} bytes"
        else:
            return
        self._drop(sender, fragment.blob_id)
        raise MalformedBody(f"blob {fragment.blob_id} of {sender!r} {problem}")

    def _begin(self, sender: str | None, blob_id: int, now: float) -> None:
        owner = self._senders.setdefault(sender, _Sender())
        if len(owner.blobs) >= self._max_blobs:
            raise MalformedBody(f"{sender!r} has {len(owner.blobs)} unfinished blobs, the most allowed")
        owner.blobs[blob_id] = _Unfinished(heard=now)

    def _grow(self, owner: _Sender, blob: _Unfinished, size: int) -> None:
        blob.size += size
        owner.size += size
        self.size += size

    def _drop(self, sender: str | None, blob_id: int) -> None:
        owner = self._senders.get(sender)
        blob = None if owner is None else owner.blobs.pop(blob_id, None)
        if owner is None or blob is None:
            return
        self._grow(owner, blob, -blob.size)
        if not owner.blobs:
            del self._senders[sender]


def _weight(fragment: Fragment) -> int:
    # What a small piece costs in memory counts, too, so that empty fragments cannot pile up for nothing.
    return len(fragment.content) + 64
