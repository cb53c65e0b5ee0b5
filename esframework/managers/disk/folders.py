"""Where on the server's disk everything of the network disk is, and the files in which a user's shares are written
down, and which account the user has.

`users/NAME/files` is what a user sees as `/`, `uploads` beside it what is half received, `shares.json` what is shared,
`account.json` when the account was made, which tells it from others that have had the name; NAME is the user's id in
letters that every file system tells apart. Blocking: called in threads.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path
from secrets import token_hex
from threading import Lock
from typing import Any, Final

from esframework.errors import StoreError
from esframework.filesystem.beneath import OpenFolder
from esframework.filesystem.locks import lock
from esframework.managers.disk.machine.paths import RESERVED, folder_name
from esframework.managers.disk.machine.shares import Right, Share
from esframework.managers.disk.options import PublicFolder
from esframework.managers.disk.storage import Storage

_SHARES: Final = "shares.json"
_ACCOUNT: Final = "account.json"
_USERS: Final = "users"
_DELETED: Final = "deleted"
_PUBLIC_UPLOADS: Final = ".esframework-uploads"
_VERSION: Final = 1


class DiskFolder:
    """The folder of one server's network disk. Raises OSError as the system says it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: OpenFolder | None = None
        self._ends: Counter[str] = Counter()
        self._changing = Lock()

    def __str__(self) -> str:
        return str(self._folder)

    def hold(self) -> bool:
        """Hold the folder for this server until `let_go`; False when another has it."""
        if self._held is None:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder = OpenFolder.at(self._folder)
            if not lock(folder.descriptor):
                folder.close()
                return False
            self._held = folder
        return True

    def let_go(self) -> None:
        """Another server may have the folder; harmless twice."""
        held, self._held = self._held, None
        if held is not None:
            held.close()

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

    def ends_of(self, owner: str) -> int:
        """How often everything of a user was set aside: shares of before are those of somebody else."""
        return self._ends[owner]

    def write_shares(self, owner: str, shares: Iterable[Share], ends: int | None = None) -> None:
        """Write down all shares of a user: on the disk itself when this returns. With `ends`, nothing where `ends_of`
        the owner is another number meanwhile."""
        rows = [
            {"name": share.name, "path": list(share.path), "users": dict(share.users), "groups": dict(share.groups)}
            for share in shares
        ]
        with self._changing:
            if ends is None or ends == self._ends[owner]:
                self._write(owner, _SHARES, {"version": _VERSION, "owner": owner, "shares": rows})

    # --- accounts -----------------------------------------------------------------------------------------------------
    def account_of(self, user_id: str) -> float | None:
        """When the account was made whose home this is; None where there is no home, or none has been noted. Raises
        StoreError for a file that cannot be understood."""
        file = self._home_of(user_id) / _ACCOUNT
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            return float(content["created_at"])
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{file} says nobody knows whose this is ({error!r}); mend it, or remove it") from error

    def note_account(self, user_id: str, created_at: float) -> None:
        """Write that down: on the disk itself when this returns."""
        with self._changing:
            self._write(user_id, _ACCOUNT, {"version": _VERSION, "owner": user_id, "created_at": created_at})

    # --- users who are no more ----------------------------------------------------------------------------------------
    def set_aside(self, user_id: str) -> str | None:
        """Take away everything of a user in one step, so that the next of that name finds nothing; returns the name
        under which it is in the folder `deleted`, None when there was nothing."""
        home = self._home_of(user_id)
        deleted = self._folder / _DELETED
        deleted.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{home.name[:100]}.{token_hex(8)}"
        with self._changing:
            try:
                os.rename(home, deleted / name)
            except FileNotFoundError:
                return None
            finally:
                self._ends[user_id] += 1
        return name

    def remove_deleted(self) -> None:
        """Remove what was set aside, also what a killed server had not finished."""
        deleted = self._folder / _DELETED
        if deleted.is_dir():
            with OpenFolder.at(deleted) as folder:
                folder.remove_contents()

    def _write(self, owner: str, name: str, content: dict[str, Any]) -> None:
        home = self._home_of(owner)
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = home / f".{token_hex(8)}.{name}"
        try:
            with open(new, "w", encoding="utf-8") as file:
                json.dump(content, file, ensure_ascii=False, indent=1)
                file.flush()
                os.fsync(file.fileno())
            os.replace(new, home / name)
        except BaseException:
            new.unlink(missing_ok=True)
            raise

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
