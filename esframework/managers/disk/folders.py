"""Where on the server's disk everything of the network disk is, and the file in which a user's shares are written down.

`users/NAME/files` is what a user sees as `/`, `uploads` beside it what is half received, `shares.json` what is shared;
NAME is the user's id in letters that every file system tells apart. Blocking: called in threads.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path
from secrets import token_hex
from typing import Any, Final

from esframework.errors import StoreError
from esframework.filesystem.beneath import OpenFolder
from esframework.managers.disk.machine.paths import RESERVED, folder_name
from esframework.managers.disk.machine.shares import Right, Share
from esframework.managers.disk.options import PublicFolder
from esframework.managers.disk.storage import Storage

_SHARES: Final = "shares.json"
_USERS: Final = "users"
_DELETED: Final = "deleted"
_PUBLIC_UPLOADS: Final = ".esframework-uploads"
_VERSION: Final = 1


class DiskFolder:
    """The folder of one server's network disk. Raises OSError as the system says it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def storage_of(self, user_id: str) -> Storage:
        """The tree of a user; it need not be there yet."""
        home = self._home_of(user_id)
        return Storage(home / "files", home / "uploads", RESERVED)

    def public_storage(self, public: PublicFolder) -> Storage:
        """A tree for everybody."""
        return Storage(public.path, public.path / _PUBLIC_UPLOADS, (_PUBLIC_UPLOADS,))

    # --- shares -------------------------------------------------------------------------------------------------------
    def read_shares(self) -> list[Share]:
        """What all users share. Raises StoreError for a file that cannot be understood: it may be mended, and what
        shares nothing today must not be written over tomorrow."""
        users = self._folder / _USERS
        users.mkdir(mode=0o700, parents=True, exist_ok=True)
        shares: list[Share] = []
        for home in sorted(users.iterdir()):
            file = home / _SHARES
            if file.is_file():
                shares += _shares_in(file)
        return shares

    def write_shares(self, owner: str, shares: Iterable[Share]) -> None:
        """Write down all shares of a user: on the disk itself when this returns."""
        home = self._home_of(owner)
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        rows = [
            {"name": share.name, "path": list(share.path), "users": dict(share.users), "groups": dict(share.groups)}
            for share in shares
        ]
        new = home / f".{token_hex(8)}.{_SHARES}"
        try:
            with open(new, "w", encoding="utf-8") as file:
                json.dump({"version": _VERSION, "owner": owner, "shares": rows}, file, ensure_ascii=False, indent=1)
                file.flush()
                os.fsync(file.fileno())
            os.replace(new, home / _SHARES)
        except BaseException:
            new.unlink(missing_ok=True)
            raise

    # --- users who are no more ----------------------------------------------------------------------------------------
    def set_aside(self, user_id: str) -> str | None:
        """Take away everything of a user in one step, so that the next of that name finds nothing; returns the name
        under which it is in the folder `deleted`, None when there was nothing."""
        home = self._home_of(user_id)
        deleted = self._folder / _DELETED
        deleted.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{home.name[:100]}.{token_hex(8)}"
        try:
            os.rename(home, deleted / name)
        except FileNotFoundError:
            return None
        return name

    def remove_deleted(self) -> None:
        """Remove what was set aside, also what a killed server had not finished."""
        deleted = self._folder / _DELETED
        if deleted.is_dir():
            with OpenFolder.at(deleted) as folder:
                folder.remove_contents()

    def _home_of(self, user_id: str) -> Path:
        digest = blake2b(user_id.encode(), digest_size=16).hexdigest()
        return self._folder / _USERS / folder_name(user_id, digest)


def _shares_in(file: Path) -> list[Share]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if content["version"] != _VERSION:
            raise ValueError(f"version {content['version']}, {_VERSION} was expected")
        return [_share(content["owner"], row) for row in content["shares"]]
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{file} says nobody knows what is shared ({error!r}); mend it, or remove it") from error


def _share(owner: str, row: Any) -> Share:
    users, groups = ({str(name): Right(right) for name, right in row[kind].items()} for kind in ("users", "groups"))
    return Share(str(owner), str(row["name"]), tuple(map(str, row["path"])), users, groups)
