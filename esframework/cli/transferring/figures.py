"""Transfers in words and figures: for people one line, for scripts the same facts. Pure; draws and sends nothing.

Names and causes come from others: in what is for people they steer no terminal.
"""

from __future__ import annotations

from typing import Any, Final

from esframework.cli.information import name_of, printable
from esframework.errors import EsError, RequestError
from esframework.wire.types import FileDisruption

_UNITS: Final = ("kB", "MB", "GB", "TB", "PB")
_LONGEST_SHOWN: Final = 99 * 3600
"""Seconds left beyond which nobody is told a figure."""


def size_of(count: float) -> str:
    """Bytes for people: `512 bytes`, `3.4 MB`; a kB is 1000 bytes, as disks are sold."""
    if count < 1000:
        return "1 byte" if count == 1 else f"{count:.0f} bytes"
    units = iter(_UNITS)
    unit, count = next(units), count / 1000
    while count >= 999.95 and unit != _UNITS[-1]:
        unit, count = next(units), count / 1000
    return f"{count:.1f} {unit}"


def speed_of(speed: float) -> str:
    """Bytes a second for people."""
    return f"{size_of(speed)}/s"


def time_of(seconds: float | None) -> str:
    """A time for people: `0:07`, `1:02:03`; `-:--` for what nobody knows."""
    if seconds is None or not seconds <= _LONGEST_SHOWN:
        return "-:--"
    minutes, rest = divmod(round(max(seconds, 0.0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def title_of(thing: Any) -> str:
    """The name of a transfer or an offer; that of a folder ends in a slash."""
    return printable(thing.name) + ("/" if thing.is_folder else "")


def extent_of(thing: Any) -> str:
    """How much a transfer or an offer is: `3.4 MB`, and for a folder `12 files, 3.4 MB`, where its sender says."""
    if not thing.is_folder or (thing.size and not thing.files):
        return size_of(thing.size)
    return f"{'1 file' if thing.files == 1 else f'{thing.files} files'}, {size_of(thing.size)}"


def sender_of(transfer: Any) -> str | None:
    """Whose it is, also when the server hands over what somebody has left there; None is the server itself."""
    sender: str | None = transfer.sender if transfer.left_by is None else transfer.left_by
    return sender


def direction_of(transfer: Any) -> str:
    """With whom: `to bob`, `from alice`."""
    return f"to {name_of(transfer.receiver)}" if transfer.is_sending else f"from {name_of(sender_of(transfer))}"


def other_of(transfer: Any) -> str:
    """The other end of a transfer, for people."""
    return name_of(transfer.receiver if transfer.is_sending else transfer.sender)


def progress_line(transfer: Any, progress: Any) -> str:
    """How far it is: `holidays/ to bob: 34 %, 3.4 MB of 10.0 MB, 1.2 MB/s, 0:06 left, direct (udp)`."""
    figures = f"{percent_of(progress)}, {figures_of(progress)}{way_of(transfer)}"
    return f"{title_of(transfer)} {direction_of(transfer)}: {figures}"


def way_of(transfer: Any) -> str:
    """By which way it goes, to stand at the end: `, direct (udp)`, `, by the server`; empty where the server is the
    other end."""
    other = transfer.receiver if transfer.is_sending else transfer.sender
    if other is None:
        return ""
    kind = transfer.path_kind
    return ", by the server" if kind == "server" else f", direct ({kind})"


def percent_of(progress: Any) -> str:
    """How much of it is there. 100 % is never said before it is so."""
    share = progress.transferred * 100 // progress.size if progress.size else 100
    return f"{share} %"


def figures_of(progress: Any) -> str:
    """Bytes, speed and time left."""
    moved = f"{size_of(progress.transferred)} of {size_of(progress.size)}"
    return f"{moved}, {speed_of(progress.speed)}, {time_of(progress.remaining)} left"


def completed_line(transfer: Any, seconds: float | None = None) -> str:
    """It is whole: `sent holidays/ to bob: 12 files, 3.4 MB in 0:02, direct (udp)`; what a resumed one did not send
    again is said."""
    verb = "sent" if transfer.is_sending else "received"
    text = f"{verb} {title_of(transfer)} {direction_of(transfer)}: {extent_of(transfer)}"
    if seconds is not None and seconds >= 1:
        text += f" in {time_of(seconds)} ({speed_of((transfer.size - transfer.skipped) / seconds)})"
    text += way_of(transfer)
    if transfer.is_resumed:
        text += f"; {size_of(transfer.skipped)} were there already"
    if transfer.left_out:
        text += f"; {transfer.left_out} left out: links, or what is no file"
    return text


def interrupted_line(transfer: Any) -> str:
    """It ended early, and why: `holidays/ to bob was interrupted: bob is gone`."""
    return f"{title_of(transfer)} {direction_of(transfer)} was interrupted: {reason_of(transfer)}"


def reason_of(transfer: Any) -> str:
    """Why a transfer was interrupted, with what the other end, or this system, said of it."""
    disruption, other = transfer.disruption, other_of(transfer)
    text = f"interrupted ({disruption})"
    if disruption in _REASONS:
        text = _REASONS[disruption].format(other=other)
    if disruption is FileDisruption.REJECTED and not transfer.is_sending:
        text = "refused"
    if disruption not in _WITH_CAUSE:
        return text
    # An error of this system says more than what the other end was told of it.
    cause = printable(transfer.cause) if transfer.error is None else words_of(transfer.error)
    return f"{text}: {cause}" if cause else text


def words_of(error: BaseException) -> str:
    """An error in one line for people, without the system's number: `No space left on device: /home/bob/inbox`; of what
    the server refused only its reason, since whoever typed the command knows what was asked."""
    if isinstance(error, RequestError) and error.cause:
        return printable(error.cause)
    if isinstance(error, OSError) and error.strerror and not isinstance(error, EsError):
        words = error.strerror if error.filename is None else f"{error.strerror}: {error.filename}"
        return printable(words)
    return printable(str(error))


def facts_of(transfer: Any) -> dict[str, object]:
    """A transfer for scripts; names as they are. A user is null for the server."""
    return {
        "id": transfer.id,
        "name": transfer.name,
        "from": sender_of(transfer),
        "to": transfer.receiver,
        "is_folder": transfer.is_folder,
        "files": transfer.files,
        "size": transfer.size,
        "comment": transfer.comment,
    }


def progress_facts(progress: Any) -> dict[str, object]:
    """How far it is, for scripts: bytes, bytes a second, seconds (`remaining` is null when nobody knows)."""
    return {
        "transferred": progress.transferred,
        "size": progress.size,
        "seconds": round(progress.seconds, 3),
        "speed": round(progress.speed),
        "remaining": None if progress.remaining is None else round(progress.remaining, 1),
    }


_WITH_CAUSE: Final = frozenset(
    {
        FileDisruption.REJECTED,
        FileDisruption.CANCELLED,
        FileDisruption.CANCELLED_BY_OTHER,
        FileDisruption.INNER_ERROR,
        FileDisruption.OTHER_INNER_ERROR,
    }
)
"""What somebody, or some system, gave a reason for; the others say all themselves."""

_REASONS: Final = {
    FileDisruption.REJECTED: "{other} refused it",
    FileDisruption.CANCELLED: "cancelled here",
    FileDisruption.CANCELLED_BY_OTHER: "{other} cancelled it",
    FileDisruption.OTHER_OFFLINE: "{other} is gone",
    FileDisruption.P2P_CHANNEL_CLOSED: "the direct channel to {other} was closed",
    FileDisruption.SELF_OFFLINE: "the connection to the server was lost",
    FileDisruption.INNER_ERROR: "it failed here",
    FileDisruption.OTHER_INNER_ERROR: "it failed at {other}",
    FileDisruption.NETWORK_TOO_SLOW: "nothing has moved for too long",
    FileDisruption.READ_BLOCKED: "the sender's disk gives no bytes",
    FileDisruption.SENDING_NOT_STARTED: "the sender did not begin",
    FileDisruption.NO_FIRST_PACKAGE: "nothing of it has come",
}
