"""What a store refuses and how it fails: every error of this package, each told apart by its class.

After any of them the store holds what it held before the call. Knows no database: `sqlite.py` turns a
database's own errors into these.
"""

from __future__ import annotations

from esframework.errors import LocalError
from esframework.wire.retry import with_retry


class AccountExists(LocalError):
    """An account of that name is there already; names it."""

    def __init__(self, user_id: str) -> None:
        super().__init__(f"account {user_id!r} exists already")


class NoSuchAccount(LocalError, LookupError):
    """No account has that name; names it."""

    def __init__(self, user_id: str) -> None:
        super().__init__(f"there is no account {user_id!r}")


class InvalidPassword(LocalError, ValueError):
    """A password that cannot be stored; says the rule and never the password."""


class ComeBackLater(LocalError):
    """Too much waits already; `delay` is the number of seconds after which to try again.

    The delay is different each time, so that many who were refused together do not return together.
    """

    def __init__(self, what: str, delay: float) -> None:
        super().__init__(with_retry(f"{what} is busy", delay))
        self.delay = delay


class StoreError(LocalError):
    """A store cannot do its work; names the file or database and the reason. Nothing was changed."""


class StoreClosed(StoreError):
    """The store was not opened, or has been closed."""


class StoreBusy(StoreError):
    """Somebody else held the store locked for too long; the same call may succeed later."""


class StoreFull(StoreError):
    """There is no room for the change: the disk, a quota or a size limit is exhausted."""


class StoreReadOnly(StoreError):
    """The store can be read and not be written."""


class SchemaTooNew(StoreError):
    """A newer release of this software has changed the store; this one would misread it."""
