"""The bodies of files: 303 to 308 of the protocol, 1080 to 1087 of ours (docs: topics/protocol).

Those that go before a 301 or a 302 say what these have no room for; whoever gets them knows that the other end is ours.
A transfer is named by its sender's device and its project id.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from esframework.wire.compact import Byte, Int64, UInt64, codec

FILES: Final = "files"
"""The feature by which a server announces that it knows them."""


def _wire(name: str) -> Any:
    return field(metadata={"wire": name})


@dataclass(frozen=True, slots=True)
class PackageBody:
    """303, sender to receiver. `package_type` is a `PackageType`; `index` counts from 1 and wraps."""

    data: bytes | None
    index: Byte
    package_type: int
    project_id: str = _wire("ProjectID")


@dataclass(frozen=True, slots=True)
class CancelBody:
    """304 from the sender, 305 from the receiver: no more of it. `inner_error`: not by anybody's wish."""

    cause: str | None
    inner_error: bool
    project_id: str = _wire("ProjectID")


@dataclass(frozen=True, slots=True)
class ProjectBody:
    """306: a file of the folder is in. Ours: 1085 all is kept, 1086 alive, 1087 the other end is gone."""

    project_id: str = _wire("ProjectID")


@dataclass(frozen=True, slots=True)
class AnsweredElsewhereBody:
    """308, to the other devices of a receiver that has answered."""

    agree: bool
    answer_client_type: int
    project_id: str = _wire("ProjectID")


@dataclass(frozen=True, slots=True)
class FileBody:
    """In a 303 of type FILE: the next file of a folder."""

    file_length: UInt64
    relative_file_path: str | None


@dataclass(frozen=True, slots=True)
class OurFileBody:
    """The same between ours; `modified_at` in nanoseconds UTC."""

    file_length: UInt64
    is_executable: bool
    modified_at: Int64
    relative_file_path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DetailsBody:
    """1080, right before a 301. `digests` are the algorithms that the sender knows; `files` their number; `name` as the
    sender's system spells it; `only_by_channel`: without a P2P channel there is no transfer; `subject` is for the
    manager that asked for the transfer."""

    digests: list[str]
    files: int
    is_executable: bool
    modified_at: Int64
    name: str
    only_by_channel: bool = False
    project_id: str = _wire("ProjectID")
    subject: str


@dataclass(frozen=True, slots=True)
class AnswerDetailsBody:
    """1081, right before a 302 that accepts: the digest to be used, that of all up to the resume point (empty when it
    begins anew), and the first grant."""

    digest: str
    granted: UInt64
    prefix: bytes
    project_id: str = _wire("ProjectID")


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedBody:
    """1082, before the first package: bytes that the sender skips, 0 when what the receiver has is something else."""

    project_id: str = _wire("ProjectID")
    skipped: UInt64


@dataclass(frozen=True, slots=True)
class GrantBody:
    """1083, receiver to sender: packages may come up to this many bytes of content and package, in all."""

    granted: UInt64
    project_id: str = _wire("ProjectID")


@dataclass(frozen=True, slots=True)
class EndedBody:
    """1084: that was all; the digest of the whole."""

    digest: bytes
    project_id: str = _wire("ProjectID")


CANCEL = codec(CancelBody)
PROJECT = codec(ProjectBody)
ANSWERED_ELSEWHERE = codec(AnsweredElsewhereBody)
PACKAGE = codec(PackageBody)
FILE = codec(FileBody)
OUR_FILE = codec(OurFileBody)
DETAILS = codec(DetailsBody)
ANSWER_DETAILS = codec(AnswerDetailsBody)
STARTED = codec(StartedBody)
GRANT = codec(GrantBody)
ENDED = codec(EndedBody)
