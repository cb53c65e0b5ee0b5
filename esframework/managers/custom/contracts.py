"""Bodies of custom information beyond those of `wire.information` and `wire.blob_fragments`."""

from __future__ import annotations

from dataclasses import dataclass

from esframework.wire.compact import codec


@dataclass(frozen=True, slots=True)
class EngineMessageBody:
    """The joined payload of 208 and 211: the second set of calls."""

    message: bytes | None
    tag: str | None


ENGINE_MESSAGE = codec(EngineMessageBody)


@dataclass(frozen=True, slots=True)
class Information:
    """One piece of custom information on its way, for monitors and filters; `target` None is the server."""

    source: str | None
    target: str | None
    information_type: int
    content: bytes | None
    style: str
