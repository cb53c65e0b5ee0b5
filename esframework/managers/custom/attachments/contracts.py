"""The bodies of attachments, types 1060 to 1066 (docs: topics/protocol), and what applications see of one.

The header's message id says which attachment a frame is about: the sender counts, so a sender and its number name one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from struct import Struct
from typing import Final

from esframework import limits
from esframework.errors import MalformedBody
from esframework.wire.compact import Int64, codec

ATTACHMENTS: Final = "attachments"
"""The feature by which a server announces that it knows them."""

TAKES_NO_ATTACHMENTS: Final = "the receiver takes no attachments with information of this type"

UNKNOWN_SIZE: Final = -1
_PIECE = Struct("<iqi")
PIECE_OVERHEAD: Final = _PIECE.size
_LONGEST = 2**63 - 1


class Refusal(IntEnum):
    """Why a receiver does not take an attachment, or no more of it."""

    REFUSED = 1
    TOO_MANY = 2
    UNKNOWN = 3
    FAILED = 4


@dataclass(frozen=True, slots=True)
class OfferBody:
    """1060, to the receiver: an information, and that an attachment of `size` bytes (-1: unknown) wants to follow.

    `devices` is how many devices of the receiver got it: 0 as a client sends it, filled in by the server.
    """

    content: bytes | None
    devices: int
    information_type: int
    name: str
    size: Int64


@dataclass(frozen=True, slots=True)
class GrantBody:
    """1061, to the sender: bytes up to `total`, counted from the beginning, may come. The first says "accepted"."""

    total: Int64


@dataclass(frozen=True, slots=True)
class EndBody:
    """1063, to the receiver: that was all, `size` bytes."""

    size: Int64


@dataclass(frozen=True, slots=True)
class RefusalBody:
    """1065, to the sender, at any time: not wanted, or failed; `reason` is a `Refusal`, `devices` that of the offer."""

    cause: str
    devices: int
    reason: int


@dataclass(frozen=True, slots=True)
class WithdrawalBody:
    """1066, to the receiver, at any time: no more will come."""

    cause: str


OFFER = codec(OfferBody)
GRANT = codec(GrantBody)
END = codec(EndBody)
REFUSAL = codec(RefusalBody)
WITHDRAWAL = codec(WithdrawalBody)


def encode_piece(offset: int, content: bytes | memoryview) -> bytes:
    """1062, by hand because there are many: the class {Offset int64, Piece bytes}."""
    return _PIECE.pack(PIECE_OVERHEAD - 4 + len(content), offset, len(content)) + content


def decode_piece(body: bytes) -> tuple[int, bytes]:
    """(offset, content); raises MalformedBody unless the lengths match the body exactly."""
    size = len(body)
    if size < PIECE_OVERHEAD:
        raise MalformedBody(f"piece of an attachment has {size} bytes, at least {PIECE_OVERHEAD} expected")
    total, offset, length = _PIECE.unpack_from(body)
    if total != size - 4 or length != size - PIECE_OVERHEAD or offset < 0:
        raise MalformedBody(f"piece of {size} bytes declares {total} in all, {length} of content at offset {offset}")
    return offset, body[PIECE_OVERHEAD:]


def decode_offer(body: bytes) -> OfferBody:
    """Raises MalformedBody, for a size or a name that cannot be as well."""
    offer = OFFER.decode(body)
    if offer.size < UNKNOWN_SIZE:
        raise MalformedBody(f"an attachment's size is {offer.size}; -1 (unknown) to {_LONGEST} expected")
    if len(offer.name.encode()) > limits.MAX_ATTACHMENT_NAME:
        raise MalformedBody(
            f"an attachment's name has {len(offer.name.encode())} bytes; at most {limits.MAX_ATTACHMENT_NAME}"
        )
    return offer


@dataclass(frozen=True, slots=True)
class AttachmentSent:
    """What `send_attached` fires with: how many bytes the receiver has, and which of its devices (a LoginID, None for
    the server)."""

    size: int
    receiver: str | None
