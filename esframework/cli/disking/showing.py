"""What is on the network disk, in words for people and as facts for scripts. Pure; asks nobody.

Names come from others: in what is for people they steer no terminal.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from esframework.cli.information import printable
from esframework.cli.transferring.figures import size_of
from esframework.managers.disk.contracts import DiskEntry, DiskInformation, DiskQuota, DiskShare

_NANOSECONDS = 1_000_000_000


def name_of(entry: DiskEntry) -> str:
    """The name of an entry; that of a folder ends in a slash."""
    return printable(entry.name) + ("/" if entry.is_folder else "")


def long_line_of(entry: DiskEntry) -> str:
    """An entry with what is known of it: `d` folder, `x` may be run, `w` may be changed, `s` shared with others; size,
    local time, name."""
    flags = "".join(
        sign if is_set else "-"
        for sign, is_set in (
            ("d", entry.is_folder),
            ("x", entry.is_executable),
            ("w", entry.may_write),
            ("s", entry.is_shared),
        )
    )
    size = "-" if entry.is_folder else str(entry.size)
    return f"{flags}  {size:>13}  {_when(entry.modified_at)}  {name_of(entry)}"


def facts_of(entry: DiskEntry) -> dict[str, object]:
    """The same for scripts; `modified_at` in seconds UTC."""
    return {
        "path": entry.path,
        "name": entry.name,
        "is_folder": entry.is_folder,
        "size": entry.size,
        "modified_at": entry.modified_at / _NANOSECONDS,
        "is_executable": entry.is_executable,
        "may_write": entry.may_write,
        "is_shared": entry.is_shared,
    }


def information_lines(information: DiskInformation) -> list[str]:
    """All that there is to know of a file or folder, a line each."""
    entry = information.entry
    kind = "folder" if entry.is_folder else "executable file" if entry.is_executable else "file"
    lines = [f"{printable(entry.path)}: {kind}"]
    if not entry.is_folder or information.algorithm:
        lines.append(f"  size: {size_of(information.size)} ({information.size} bytes)")
    if entry.is_folder and information.algorithm:
        lines.append(f"  holds: {information.files} files, {information.folders} folders with itself")
    lines.append(f"  changed: {_when(entry.modified_at)}")
    lines.append(f"  you may: {'read and change it' if entry.may_write else 'read it'}")
    if entry.is_shared:
        lines.append("  shared with others")
    if information.algorithm:
        lines.append(f"  {information.algorithm}: {information.checksum.hex()}")
    return lines


def information_facts(information: DiskInformation) -> dict[str, object]:
    """The same for scripts."""
    facts = facts_of(information.entry)
    if information.algorithm:
        facts |= {
            "size": information.size,
            "files": information.files,
            "folders": information.folders,
            information.algorithm: information.checksum.hex(),
        }
    return facts


def quota_lines(quota: DiskQuota) -> list[str]:
    """How much room there is, a line each."""
    allowed = "no limit" if not quota.allowed else size_of(quota.allowed)
    entries = f"{quota.entries} of {quota.allowed_entries}" if quota.allowed_entries else str(quota.entries)
    lines = [
        f"used: {size_of(quota.used)}, in {entries} files and folders",
        f"allowed: {allowed}",
        f"free: {size_of(quota.free)}",
    ]
    if quota.parts:
        lines.append(f"half received, waiting to go on: {size_of(quota.parts)}")
    if quota.reserved:
        lines.append(f"coming in now: {size_of(quota.reserved)}")
    return lines


def share_line(share: DiskShare, by_me: bool) -> str:
    """A share: of one's own with whom, of others' where it is and what one may do."""
    if not by_me:
        return f"{printable(share.shared_path)}  {'read and change' if share.may_write else 'read'}"
    readers = [*share.users, *(f"#{group}" for group in share.groups)]
    writers = [*share.writing_users, *(f"#{group}" for group in share.writing_groups)]
    parts = []
    if readers:
        parts.append(f"read: {', '.join(map(printable, readers))}")
    if writers:
        parts.append(f"read and change: {', '.join(map(printable, writers))}")
    return f"{printable(share.path)}  {'; '.join(parts) or 'nobody'}"


def share_facts(share: DiskShare) -> dict[str, Any]:
    """The same for scripts."""
    return {
        "owner": share.owner,
        "path": share.path or None,
        "shared_path": share.shared_path,
        "users": share.users,
        "groups": share.groups,
        "writing_users": share.writing_users,
        "writing_groups": share.writing_groups,
        "may_write": share.may_write,
    }


def _when(nanoseconds: int) -> str:
    if nanoseconds <= 0:
        return " " * 16
    return f"{datetime.fromtimestamp(nanoseconds / _NANOSECONDS):%Y-%m-%d %H:%M}"
