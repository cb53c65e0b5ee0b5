"""Whose the home folders are: the account for which each was made, compared with the one that has the name now.

An account may be removed where nobody here hears of it: while the server is down, by another process, right before a
crash. Its name is the next owner's then, and its files are not. Where the server keeps no accounts, nobody is compared.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from twisted.internet.defer import DeferredLock
from twisted.logger import Logger

from esframework.filesystem.worker import FileWorker
from esframework.interfaces import IServerContext
from esframework.managers.disk.folders import DiskFolder

_log = Logger()
MOST_REMEMBERED: Final = 4096
"""Names of which it is remembered that they were compared; one more, and all are compared again."""


class Owners:
    """`ended(user_id)` puts away all that an account had that is no more."""

    def __init__(
        self, server: IServerContext, folder: DiskFolder, ended: Callable[[str], Awaitable[None]]
    ) -> None:
        self._server = server
        self._folder = folder
        self._ended = ended
        self._worker = FileWorker(server.clock)
        self._known: dict[str, bool] = {}
        self._turns: dict[str, DeferredLock] = {}
        self._looks: dict[str, object] = {}

    def forget(self, user_id: str) -> None:
        """Compare at the next use again: somebody has logged on by that name, or the account is gone."""
        self._known.pop(user_id, None)
        self._looks.pop(user_id, None)

    async def check(self, user_id: str) -> bool:
        """Put away what an earlier owner of the name has left, before anything of it is seen; whether there is such
        an account now. Raises StoreError and OSError, and then nobody knows: nothing may be done with that folder."""
        if not self._server.keeps_accounts:
            return True
        known = self._known.get(user_id)
        if known is None:
            turn = self._turns.setdefault(user_id, DeferredLock())
            await turn.acquire()
            try:
                # Somebody else may have asked meanwhile.
                known = self._known.get(user_id)
                if known is None:
                    known = await self._compared(user_id)
            finally:
                turn.release()
                if not turn.locked:
                    self._turns.pop(user_id, None)
        return known

    async def _compared(self, user_id: str) -> bool:
        look = self._looks[user_id] = object()
        account = await self._server.stores.accounts.account(user_id)
        now = None if account is None else account.created_at
        before = await self._worker.run(lambda: self._folder.account_of(user_id))
        if before is not None and before != now:
            text = "the files of {user!r} are those of an account that was removed unheard; they are put away"
            _log.warn(text, user=user_id)
            await self._ended(user_id)
        if now is not None and before != now:
            # From now on there may be something in it.
            await self._worker.run(lambda: self._folder.note_account(user_id, now))
        if self._looks.pop(user_id, None) is look:
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            self._known[user_id] = now is not None
        return now is not None
