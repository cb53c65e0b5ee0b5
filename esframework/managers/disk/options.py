"""Every number and switch of the network disk, with its default. Knows no behaviour."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from esframework import limits
from esframework.errors import InvalidOption


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicFolder:
    """A folder of the server's machine that everybody sees as `/public/NAME`."""

    path: Path
    is_writable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskOptions:
    """`ServerOptions.disk`. `folder` is where users' files are kept; without one there is no disk. It is this server's
    alone: a second one of the same folder serves no disk, and its log says so, until the first one has ended.

    `quota` bytes and `entries` files and folders are what each user may have, 0 is no limit; `quota_of(user_id)` says
    another number of bytes for some, None for those who have the usual one; it is to answer at once. `public` are
    folders for everybody, by name. With `keep_deleted`, the files of an account that is deleted stay on the disk, in
    the folder `deleted`, for the operator to look after.
    """

    folder: Path | None = None
    quota: int = limits.DISK_QUOTA
    entries: int = limits.DISK_ENTRIES
    quota_of: Callable[[str], int | None] | None = None
    public: Mapping[str, PublicFolder] = field(default_factory=dict)
    keep_deleted: bool = False

    def __post_init__(self) -> None:
        for name in self.public:
            if not name or "/" in name or "\0" in name or name in (".", ".."):
                raise InvalidOption(f"public holds {name!r}; a name without / was expected")
        if self.quota < 0 or self.entries < 0:
            raise InvalidOption(f"quota is {self.quota} and entries {self.entries}; 0 for no limit, or more, expected")
