"""What the commands do on the disk that move no file: one thing after the other, also after one that failed.

Knows no command line.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final

import click

from esframework.cli.disking import showing
from esframework.cli.information import printable
from esframework.cli.session import DONE, FAILED, tell_error
from esframework.cli.transferring.figures import words_of
from esframework.errors import EsError, NotDelivered, NotPermitted, RequestError
from esframework.wire.types import RequestFailure

REFUSED: Final = 4
"""The server does not allow it, or there is no room: another try is in vain."""

_REFUSALS: Final = frozenset({RequestFailure.NOT_ALLOWED, RequestFailure.QUOTA_EXCEEDED})


class Errands:
    """Does what is asked on one client's disk, and prints what comes of it."""

    def __init__(self, client: Any, as_json: bool) -> None:
        self._disk = client.disk
        self._as_json = as_json

    async def each(self, things: Sequence[str], work: Callable[[str], Awaitable[None]]) -> int:
        """Do `work` with one after the other; the exit code of the first failure."""
        code = DONE
        for thing in things:
            outcome = await self.attempt(partial(work, thing))
            code = code or outcome
        return code

    async def attempt(self, work: Callable[[], Awaitable[None]]) -> int:
        """Do one thing; the exit code. What the server refuses is told; that there is no server is raised."""
        try:
            await work()
        except RequestError as error:
            if self._as_json:
                tell_error(error, as_json=True)
            else:
                click.echo(f"esframework: {words_of(error)}", err=True)
            return exit_code_of(error)
        return DONE

    # --- looking ------------------------------------------------------------------------------------------------------
    async def list(self, path: str, is_long: bool) -> None:
        """Print what is in a folder, or a single file."""
        entry = (await self._disk.information(path)).entry
        entries = await self._disk.list_all(path) if entry.is_folder else [entry]
        for each in entries:
            text = showing.long_line_of(each) if is_long else showing.name_of(each)
            self._tell(text, showing.facts_of(each))

    async def information(self, path: str, algorithm: str) -> None:
        """Print all that there is to know."""
        found = await self._disk.information(path, algorithm)
        self._tell("\n".join(showing.information_lines(found)), showing.information_facts(found))

    async def quota(self, path: str) -> None:
        """Print how much room there is."""
        quota = await self._disk.quota(path)
        facts = {name: getattr(quota, name) for name in quota.__dataclass_fields__}
        self._tell("\n".join(showing.quota_lines(quota)), facts)

    # --- changing -----------------------------------------------------------------------------------------------------
    async def make_folder(self, path: str, parents: bool) -> None:
        """Make a folder."""
        entry = await self._disk.make_folder(path, parents=parents)
        if self._as_json:
            self._tell("", showing.facts_of(entry))

    async def remove(self, path: str, recursive: bool) -> None:
        """Remove a file or folder."""
        removed = await self._disk.remove(path, recursive=recursive)
        if self._as_json:
            facts = {"path": path, "files": removed.files, "folders": removed.folders, "size": removed.size}
            self._tell("", facts)

    async def move_all(self, sources: Sequence[str], target: str, replace: bool) -> int:
        """Give things another path; into the target, if that is a folder or ends in a slash."""
        into = await self.is_folder(target)
        if len(sources) > 1 and not into:
            raise click.UsageError(f"{target!r} is no folder on the disk; several things go into one that is there")

        async def move(source: str) -> None:
            place = f"{target.rstrip('/')}/" if into else target
            entry = await self._disk.move(source, place, replace=replace)
            if self._as_json:
                self._tell("", showing.facts_of(entry))

        return await self.each(sources, move)

    async def is_folder(self, path: str) -> bool:
        """Whether a path means a folder: by its slash, or because one is there."""
        if path.endswith("/"):
            return True
        try:
            return bool((await self._disk.information(path)).entry.is_folder)
        except NotDelivered as error:
            if error.reason == RequestFailure.NO_SUCH_THING:
                return False
            raise

    # --- sharing ------------------------------------------------------------------------------------------------------
    async def share(self, path: str, users: Sequence[str], groups: Sequence[str], may_write: bool) -> None:
        """Share something."""
        share = await self._disk.share(path, users, groups, may_write=may_write)
        self._tell(f"others find it at {printable(share.shared_path)}", showing.share_facts(share))

    async def unshare(self, path: str, users: Sequence[str], groups: Sequence[str]) -> None:
        """Share it with some, or anybody, no more."""
        share = await self._disk.unshare(path, users, groups)
        self._tell(showing.share_line(share, True), showing.share_facts(share))

    async def list_shares(self, by_me: bool) -> None:
        """Print what is shared."""
        ask = self._disk.shared_by_me if by_me else self._disk.shared_with_me
        after, has_more = None, True
        while has_more:
            page = await ask(after)
            for share in page.shares:
                self._tell(showing.share_line(share, by_me), showing.share_facts(share))
            has_more = page.has_more and bool(page.shares)
            after = page.shares[-1].shared_path if page.shares else None

    def _tell(self, text: str, facts: dict[str, Any]) -> None:
        click.echo(json.dumps(facts, ensure_ascii=False) if self._as_json else text)


def exit_code_of(error: EsError) -> int:
    """The exit code for what the server says."""
    is_refused = isinstance(error, NotPermitted) or getattr(error, "reason", None) in _REFUSALS
    return REFUSED if is_refused else FAILED
