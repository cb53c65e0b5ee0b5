"""Receiving in a program: which offers are wanted, where they go, and when it is enough.

What was accepted once is accepted without a question when its sender goes on with it. Knows no command line and draws
nothing by itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from esframework.cli.information import name_of, printable
from esframework.cli.session import DONE, FAILED
from esframework.cli.transferring.asking import NobodyAnswers
from esframework.cli.transferring.figures import extent_of, facts_of, reason_of, sender_of, size_of, time_of, title_of
from esframework.cli.transferring.following import follow
from esframework.cli.transferring.looks import Look
from esframework.cli.transferring.sending import MAY_GO_ON, WAIT
from esframework.errors import EsError, TransferInterrupted
from esframework.filesystem.paths import local_name
from esframework.managers.offline_files.contracts import FEATURE as OFFLINE_FILES
from esframework.wire.types import LogonResult

_log = Logger()

NOT_FROM_YOU: Final = "nothing is received from you here"
ONE_ONLY: Final = "one transfer only is received here, and that is under way"
NOT_WANTED: Final = "not wanted"
LATER: Final = "not now"
NOBODY_THERE: Final = "nobody is there to be asked"
THERE_ALREADY: Final = "something of that name is there already"
ENDED: Final = "the receiving program was ended"


@dataclass(frozen=True, slots=True)
class Wants:
    """What is received. `ask` answers a question, with None when that was neither yes nor no, and may raise
    `NobodyAnswers`; without it everything is accepted. `senders` are bare ids, none means anybody. `wait` is for how
    many seconds a sender who is gone is waited for when it is `once`."""

    folder: Path
    ask: Callable[[str], Awaitable[bool | None]] | None = None
    once: bool = False
    replace: bool = False
    senders: frozenset[str] = frozenset()
    wait: float = WAIT


class Receiver:
    """Receives by a client engine. `enough` fires with an exit code after one transfer, if it is `once`; else never."""

    def __init__(self, client: Any, look: Look, wants: Wants) -> None:
        self._client = client
        self._look = look
        self._wants = wants
        self.enough: Deferred[int] = Deferred()
        # What was accepted, and whether it may replace what is there.
        self._accepted: dict[tuple[object, ...], bool] = {}
        self._under_way: dict[str, Any] = {}
        self._limit: Any = None
        self._subscriptions = [
            client.files.offered.subscribe(self._offered),
            client.relogon_completed.subscribe(self._relogon_completed),
        ]
        self._take_what_waits()

    def stop(self) -> None:
        """Receive nothing more; what is under way is interrupted, and can be gone on with."""
        for subscription in self._subscriptions:
            subscription.cancel()
        self._forget_limit()
        for offer in list(self._under_way.values()):
            offer.transfer.cancel(ENDED)

    def _relogon_completed(self, response: Any) -> None:
        if response.result == LogonResult.SUCCEED:
            self._take_what_waits()

    def _take_what_waits(self) -> None:
        """Have the server offer what was left for this user."""
        if self._client.basic.server_has(OFFLINE_FILES):
            asked = self._client.offline_files.ready()
            asked.addErrback(lambda failure: _log.info("nothing waits: {why}", why=failure.getErrorMessage()))

    # --- what is offered ----------------------------------------------------------------------------------------------
    def _offered(self, offer: Any) -> None:
        if self._wants.senders and sender_of(offer.transfer) not in self._wants.senders:
            self._decline(offer, NOT_FROM_YOU)
        elif self._wants.once and self._under_way:
            self._decline(offer, ONE_ONLY)
        else:
            self._under_way[offer.transfer.id] = offer
            handling = Deferred.fromCoroutine(self._handle(offer))
            handling.addErrback(lambda failure: _log.failure("an offer could not be handled", failure))

    async def _handle(self, offer: Any) -> None:
        try:
            path = self._wants.folder / local_name(offer.name)
            if _key_of(offer) not in self._accepted and not await self._is_wanted(offer, path):
                return
            self._forget_limit()
            await self._receive(offer, path)
        except EsError as error:
            self._decline(offer, str(error))
            self._tell_refused(offer, str(error))
        finally:
            self._under_way.pop(offer.transfer.id, None)

    async def _is_wanted(self, offer: Any, path: Path) -> bool:
        """Whether it is to be accepted; else it has been refused, or its sender has withdrawn it."""
        is_there = path.exists() or path.is_symlink()
        if self._wants.ask is None:
            if is_there and not self._wants.replace and not _is_the_same(offer, path):
                self._decline(offer, THERE_ALREADY)
                self._tell_refused(offer, f"{THERE_ALREADY}; --replace replaces it")
                return False
        else:
            answer = await self._asked(offer, path if is_there else None)
            if not answer:
                if answer is not None:
                    offer.refuse(NOT_WANTED)
                return False
        # Whoever was asked knew of what is there, and of nothing that appears later.
        self._accepted[_key_of(offer)] = self._wants.replace or is_there
        return True

    async def _asked(self, offer: Any, there: Path | None) -> bool | None:
        """What somebody says; None when nobody could, or need not any more, or when it is left where it waits."""
        assert self._wants.ask is not None
        asking: Deferred[bool | None] = Deferred.fromCoroutine(_awaited(self._wants.ask(self._question(offer, there))))
        offer.transfer.done().addErrback(lambda _: asking.cancel())
        try:
            answer = await asking
            if answer is None and offer.left_at is not None:
                offer.transfer.cancel(LATER)
                self._look.note("it stays with the server, until the next time", event="left", id=offer.transfer.id)
                return None
            return bool(answer)
        except CancelledError:
            self._look.note(f"\n{reason_of(offer.transfer)}", event="withdrawn", id=offer.transfer.id)
        except NobodyAnswers:
            self._decline(offer, NOBODY_THERE)
            self._look.complain("nobody answers; --yes accepts without asking", event="refused", id=offer.transfer.id)
        return None

    def _decline(self, offer: Any, cause: str) -> None:
        """Nobody has decided against it: what was left with the server stays there."""
        if offer.left_at is None:
            offer.refuse(cause)
        else:
            offer.transfer.cancel(cause)

    def _question(self, offer: Any, there: Path | None) -> str:
        who, what = name_of(sender_of(offer.transfer)), f"{title_of(offer)} ({extent_of(offer)})"
        text = f"{who} offers {what}"
        if offer.left_at is not None:
            when = datetime.fromtimestamp(offer.left_at).strftime("%Y-%m-%d %H:%M")
            text = f"{who} left {what} for you at {when}; with n the server deletes it, with Enter it stays there"
        if offer.comment:
            text += f": {printable(offer.comment)}"
        if offer.resumable is not None:
            text += f"\n{size_of(offer.resumable.position.received)} of it are here already, and it would go on there"
        elif offer.is_changed:
            text += "\npart of it is here, but it has changed since: it would begin anew"
        into = f"Receive it into {printable(str(self._wants.folder))}"
        choices = "[y/N]" if offer.left_at is None else "[y/n]"
        return f"{text}\n{into if there is None else f'Replace {printable(str(there))} with it'}? {choices}"

    def _tell_refused(self, offer: Any, reason: str) -> None:
        text = f"{title_of(offer)} from {name_of(sender_of(offer.transfer))} was refused: {printable(reason)}"
        self._look.complain(text, **facts_of(offer.transfer), event="refused")

    # --- what comes ---------------------------------------------------------------------------------------------------
    async def _receive(self, offer: Any, path: Path) -> None:
        transfer = offer.accept(path, replace=self._accepted[_key_of(offer)])
        try:
            await follow(transfer, self._look)
        except TransferInterrupted:
            self._interrupted(transfer)
        else:
            del self._accepted[_key_of(offer)]
            self._finish(DONE)

    def _interrupted(self, transfer: Any) -> None:
        if transfer.disruption not in MAY_GO_ON:
            self._look.fail(transfer)
            self._finish(FAILED)
            return
        who = name_of(transfer.sender)
        text = f"{title_of(transfer)}: {reason_of(transfer)}; it goes on when {who} sends it again"
        if self._wants.once:
            text += f" within {time_of(self._wants.wait)}"
            self._limit = self._client.reactor.callLater(self._wants.wait, self._waited, transfer)
        self._look.note(text, event="waiting", id=transfer.id, **{"from": transfer.sender})

    def _waited(self, transfer: Any) -> None:
        if not self._client.connected:
            # Nobody can be back as long as this end is not.
            self._limit = self._client.reactor.callLater(self._wants.wait, self._waited, transfer)
            return
        self._limit = None
        self._look.fail(transfer)
        self._finish(FAILED)

    def _forget_limit(self) -> None:
        limit, self._limit = self._limit, None
        if limit is not None:
            limit.cancel()

    def _finish(self, code: int) -> None:
        if self._wants.once and not self.enough.called:
            self.enough.callback(code)


def _is_the_same(offer: Any, path: Path) -> bool:
    """Whether a file is what is offered, by size and time: its sender lost the line before it heard that it was kept.
    A folder says nothing of what is in it."""
    if offer.is_folder or path.is_symlink() or not path.is_file():
        return False
    found = path.stat()
    return (found.st_size, found.st_mtime_ns) == (offer.size, offer.modified_at)


def _key_of(offer: Any) -> tuple[object, ...]:
    """What is the same when the same is offered again."""
    transfer = offer.transfer
    return (transfer.sender, transfer.origin, transfer.name, transfer.size, transfer.modified_at, transfer.is_folder)


async def _awaited(waiting: Awaitable[bool | None]) -> bool | None:
    return await waiting
