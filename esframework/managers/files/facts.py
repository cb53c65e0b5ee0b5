"""What is known of a file or folder that is offered, and its place in the bodies of 301, 302 and 1080, in both
generations of the protocol. Knows no transfer."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from esframework import limits
from esframework.errors import MalformedBody
from esframework.filesystem.digests import DIGEST_SIZE, algorithms
from esframework.filesystem.items import Position
from esframework.filesystem.reading import Survey
from esframework.managers.files.contracts import ANSWER_DETAILS, DETAILS, AnswerDetailsBody, DetailsBody
from esframework.wire.compact import MILLISECONDS, TICKS, Codec, codec
from esframework.wire.contracts import AnswerFile6, AnswerFile7, BeginFile6, BeginFile7

_EPOCH = datetime(1970, 1, 1)
_BEGIN_6: Codec[BeginFile6] = codec(BeginFile6, TICKS)
_BEGIN_7: Codec[BeginFile7] = codec(BeginFile7, MILLISECONDS)
_ANSWER_6: Codec[AnswerFile6] = codec(AnswerFile6, TICKS)
_ANSWER_7: Codec[AnswerFile7] = codec(AnswerFile7, MILLISECONDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What an offer says of what is sent. `origin` tells the sender's files of one name apart; `modified_at` is in
    nanoseconds UTC; `files` is 0 where a sender of another make does not say. `left_out` is the sender's own to know:
    how many links, sockets, pipes and devices do not go with it."""

    name: str
    origin: str
    size: int
    is_folder: bool
    modified_at: int
    files: int = 0
    is_executable: bool = False
    comment: str | None = None
    subject: str = ""
    left_out: int = 0


def facts_of(path: Path, survey: Survey, name: str | None, comment: str | None, subject: str) -> Facts:
    """Of what is to be sent; `name` instead of its own, if given."""
    # The folder tells two files of one name apart, and is nobody else's business.
    folder = hashlib.blake2b(os.fsencode(path.parent), digest_size=8).hexdigest()
    shown = survey.name if name is None else name
    return Facts(
        name=shown,
        origin=f"{folder}\\{shown}",
        size=survey.size,
        is_folder=survey.is_folder,
        modified_at=survey.modified_at,
        files=survey.files,
        is_executable=survey.is_executable,
        comment=comment,
        subject=subject,
        left_out=survey.left_out,
    )


def encode_details(facts: Facts, transfer_id: str, only_by_channel: bool = False) -> bytes:
    """The body of a 1080."""
    return DETAILS.encode(
        DetailsBody(
            digests=list(algorithms()),
            files=facts.files,
            is_executable=facts.is_executable,
            modified_at=facts.modified_at,
            name=facts.name,
            only_by_channel=only_by_channel,
            project_id=transfer_id,
            subject=facts.subject,
        )
    )


def decode_details(body: bytes) -> DetailsBody:
    """Raises MalformedBody, also for more than any sender has to say: it is held until the offer comes."""
    if len(body) > limits.MAX_FILE_DETAILS:
        raise MalformedBody(f"the details of a file have {len(body)} bytes; at most {limits.MAX_FILE_DETAILS} expected")
    return DETAILS.decode(body)


def decode_answer_details(body: bytes) -> AnswerDetailsBody:
    """Raises MalformedBody, also for a digest that was not offered."""
    details = ANSWER_DETAILS.decode(body)
    if details.digest not in algorithms():
        raise MalformedBody(f"the digest of a transfer is {details.digest!r}; one of {algorithms()} was offered")
    if len(details.prefix) not in (0, DIGEST_SIZE):
        raise MalformedBody(f"a digest has {len(details.prefix)} bytes; {DIGEST_SIZE}, or none, expected")
    return details


def encode_begin(facts: Facts, transfer_id: str, generation: int, client_type: int) -> bytes:
    """The body of a 301."""
    begin = BeginFile7(
        comment=facts.comment,
        is_folder=facts.is_folder,
        last_update_time=_EPOCH + timedelta(microseconds=facts.modified_at // 1000),
        origin_path=facts.origin,
        project_id=transfer_id,
        total_size=facts.size,
        sender_client_type=client_type,
    )
    return _BEGIN_7.encode(begin) if generation == 7 else _BEGIN_6.encode(begin)


def decode_begin(body: bytes, generation: int) -> tuple[str, BeginFile6]:
    """(transfer id, body) of a 301. Raises MalformedBody, also for texts that are too long, or missing."""
    begin = _BEGIN_7.decode(body) if generation == 7 else _BEGIN_6.decode(body)
    _checked(begin.origin_path, limits.MAX_FILE_TEXT, "path")
    if begin.comment is not None and len(begin.comment.encode()) > limits.MAX_FILE_TEXT:
        raise MalformedBody(
            f"the comment of a file has {len(begin.comment)} characters; at most {limits.MAX_FILE_TEXT}"
        )
    return _checked(begin.project_id, limits.MAX_PROJECT_ID, "id"), begin


def facts_from(begin: BeginFile6, details: DetailsBody | None) -> Facts:
    """What a 301 and the 1080 before it say; None for that of a sender of another make. Raises MalformedBody."""
    origin = begin.origin_path or ""
    if details is None:
        return Facts(
            name=origin.replace("/", "\\").rpartition("\\")[2],
            origin=origin,
            size=begin.total_size,
            is_folder=begin.is_folder,
            modified_at=(begin.last_update_time - _EPOCH) // timedelta(microseconds=1) * 1000,
            comment=begin.comment,
        )
    return Facts(
        name=_checked(details.name, limits.MAX_FILE_TEXT, "name"),
        origin=origin,
        size=begin.total_size,
        is_folder=begin.is_folder,
        modified_at=details.modified_at,
        files=max(0, details.files),
        is_executable=details.is_executable,
        comment=begin.comment,
        subject=details.subject,
    )


def encode_answer(
    transfer_id: str, cause: str | None, position: Position, file_size: int, generation: int, client_type: int
) -> bytes:
    """The body of a 302: a refusal for this `cause`, or with None an acceptance, from a position on."""
    answer = AnswerFile7(
        agree=cause is None,
        disrupted_received_count=position.offset,
        disrupted_relative_path=position.path or None,
        disrupted_size=file_size if position.received else 0,
        project_id=transfer_id,
        received_count=position.received,
        reject_cause=cause,
        answer_client_type=client_type,
    )
    return _ANSWER_7.encode(answer) if generation == 7 else _ANSWER_6.encode(answer)


def decode_answer(body: bytes, generation: int) -> AnswerFile6:
    """Raises MalformedBody."""
    return _ANSWER_7.decode(body) if generation == 7 else _ANSWER_6.decode(body)


def _checked(text: str | None, most: int, what: str) -> str:
    if not text or len(text.encode()) > most:
        raise MalformedBody(f"the {what} of a file has {len(text or '')} characters; 1 to {most} bytes are expected")
    return text
