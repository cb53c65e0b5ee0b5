"""Uploads and downloads from a program: one after the other, each as often as it takes, while that makes sense.

A lost connection is waited for; the transfer then goes on where it was. Knows no command line.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from twisted.internet.defer import CancelledError

from esframework.cli.disking.errands import REFUSED, Errands, exit_code_of
from esframework.cli.information import printable
from esframework.cli.session import DONE, FAILED
from esframework.cli.transferring.figures import direction_of, title_of, words_of
from esframework.cli.transferring.following import follow
from esframework.cli.transferring.looks import Look
from esframework.cli.transferring.waiting import connection_of
from esframework.errors import (
    ConnectionInterrupted,
    LocalError,
    NotLoggedOn,
    RequestError,
    RequestTimeout,
    TransferInterrupted,
)
from esframework.wire.types import FileDisruption

_MAY_GO_ON: Final = frozenset(
    {
        FileDisruption.OTHER_OFFLINE,
        FileDisruption.NETWORK_TOO_SLOW,
        FileDisruption.NO_FIRST_PACKAGE,
        FileDisruption.SELF_OFFLINE,
    }
)
"""What nobody wished, and what another try may overcome."""

_TRIES: Final = 5
"""Tries one after the other of which none brings a byte."""


class Carrier:
    """Carries files and folders between this machine and the disk of one client."""

    def __init__(self, client: Any, look: Look, errands: Errands) -> None:
        self._client = client
        self._look = look
        self._errands = errands

    async def put_all(
        self, paths: Sequence[Path], target: str, replace: bool, follow_links: bool, parameters: Any = None
    ) -> int:
        """Upload each, into the target if that is a folder; the exit code of the first failure."""
        into = await self._errands.is_folder(target)
        if len(paths) > 1 and not into:
            self._look.complain(f"{printable(target)}: is no folder on the disk; several things go into one")
            return FAILED
        place = f"{target.rstrip('/')}/" if into else target

        def upload(path: Path) -> Any:
            return self._client.disk.upload(
                path, place, replace=replace, follow_links=follow_links, parameters=parameters
            )

        return await self._all([(str(path), partial(upload, path)) for path in paths])

    async def get_all(self, paths: Sequence[str], target: Path, replace: bool) -> int:
        """Download each, into the target if that is a folder; the exit code of the first failure."""
        if len(paths) > 1 and not target.is_dir():
            self._look.complain(f"{printable(str(target))}: is no folder; several things go into one that is there")
            return FAILED

        def download(path: str) -> Any:
            return self._client.disk.download(path, target, replace=replace)

        return await self._all([(path, partial(download, path)) for path in paths])

    async def _all(self, things: Sequence[tuple[str, Callable[[], Awaitable[Any]]]]) -> int:
        code = DONE
        for name, begin in things:
            outcome = await self._carry(name, begin)
            code = code or outcome
        return code

    async def _carry(self, name: str, begin: Callable[[], Awaitable[Any]]) -> int:
        tries, furthest = 0, 0
        while True:
            try:
                transfer = await self._attempt(begin)
            except (NotLoggedOn, ConnectionInterrupted):
                transfer = None
            except (OSError, LocalError, RequestError) as error:
                if isinstance(error, RequestTimeout) and tries < _TRIES:
                    tries += 1
                    continue
                self._look.complain(f"{printable(name)}: {words_of(error)}", event="failed", path=name)
                return exit_code_of(error) if isinstance(error, RequestError) else FAILED
            if transfer is not None and transfer.disruption is None:
                return DONE
            moved = 0 if transfer is None else transfer.transferred
            tries, furthest = (0, moved) if moved > furthest else (tries + 1, furthest)
            if transfer is not None and (transfer.disruption not in _MAY_GO_ON or tries >= _TRIES):
                self._look.fail(transfer)
                return REFUSED if transfer.disruption is FileDisruption.REJECTED else FAILED
            await connection_of(self._client, self._look)

    async def _attempt(self, begin: Callable[[], Awaitable[Any]]) -> Any:
        """The transfer, when it is over in one way or the other."""
        task = await begin()
        try:
            await follow(task.transfer, self._look)
        except TransferInterrupted:
            # Whoever called looks at how it ended.
            return task.transfer
        except CancelledError:
            if task.transfer.transferred:
                what = f"{title_of(task.transfer)} {direction_of(task.transfer)}"
                text = f"{what} is not whole; the same command goes on with it"
                self._look.note(text, event="ended", id=task.transfer.id)
            raise
        finally:
            # At Ctrl-C the other end is told. Otherwise it is over, and this does nothing.
            task.cancel("the program was ended")
        return task.transfer
