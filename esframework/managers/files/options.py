"""How files are sent and received. Knows no behaviour."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from esframework import limits
from esframework.errors import InvalidOption
from esframework.wire.types import ChannelMode


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesOptions:
    """Options of `client.files` and `server.files`; seconds, none when <= 0.

    `state_folder` is where this program notes what it has received half: with it, interrupted transfers go on after the
    program was restarted; without it, they do only while it runs. What is half received waits `resume_lifetime` for a
    sender of ours, `foreign_resume_lifetime` for others (the manual's TTL4ResumedFileItem); <= 0 keeps nothing. After
    `silence` in which nothing moves, a transfer is given up. `rate_limit` is in bytes a second for each transfer that
    is sent, 0 for none. With `sync`, what is received is on the disk itself before it gets its name: it costs time, and
    what survives the end of the program then survives that of the power, too.
    """

    state_folder: Path | None = None
    resume_lifetime: float = limits.FILE_RESUME_LIFETIME
    foreign_resume_lifetime: float = limits.FOREIGN_FILE_RESUME_LIFETIME
    silence: float = limits.FILE_SILENCE
    rate_limit: int = 0
    sync: bool = False

    def __post_init__(self) -> None:
        if self.rate_limit < 0:
            raise InvalidOption(f"rate_limit is {self.rate_limit}; bytes a second, or 0 for none, expected")


@dataclass(frozen=True, slots=True, kw_only=True)
class SendingParameters:
    """How one transfer is sent (manual, chapter 03: SendingFileParas). `package_size` in bytes, None lets it follow the
    line; `interval` seconds between two packages; `rate_limit` bytes a second, 0 takes the option's.

    `channel` chooses the way to another user (manual, chapter 04): by a P2P channel whenever there is one, else by the
    server; by the server alone; or by a channel alone: `NoP2PChannel` is raised where there is none, and when it is
    lost, the transfer is interrupted with P2P_CHANNEL_CLOSED at both ends. Of no effect towards and at a server.
    """

    package_size: int | None = None
    interval: float = 0.0
    rate_limit: int = 0
    channel: ChannelMode = ChannelMode.P2P_CHANNEL_FIRST

    def __post_init__(self) -> None:
        if self.package_size is not None and not 0 < self.package_size <= limits.MAX_MESSAGE:
            raise InvalidOption(
                f"package_size is {self.package_size}; 1 to {limits.MAX_MESSAGE} bytes, or None, expected"
            )
        if self.interval < 0 or self.rate_limit < 0:
            raise InvalidOption(f"interval is {self.interval} and rate_limit {self.rate_limit}; none may be negative")
