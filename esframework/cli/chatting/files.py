"""Files and folders in a chat: offered, taken, declined, and how far they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from esframework.cli.chatting.screen import Screen
from esframework.cli.chatting.wishes import DeclineFile, ListFiles, ReceiveFile, SendFile, StopFiles
from esframework.cli.information import name_of, printable
from esframework.cli.transferring.figures import (
    completed_line,
    extent_of,
    facts_of,
    interrupted_line,
    progress_facts,
    progress_line,
    sender_of,
    size_of,
    title_of,
)
from esframework.errors import LocalError, TransferInterrupted
from esframework.filesystem.paths import local_name
from esframework.wire.login_id import bare_id


class Files:
    """One user's files through a client engine. What is taken goes to `folder` where nothing else is said.
    `talked_to(user)` is told of whom something was offered."""

    def __init__(
        self, client: Any, screen: Screen, folder: Path, talked_to: Callable[[str], None] = lambda user: None
    ) -> None:
        self._client = client
        self._talked_to = talked_to
        self._screen = screen
        self._folder = folder
        self._offers: list[Any] = []
        files = client.files
        self.subscriptions = [
            files.offered.subscribe(self._offered),
            files.receiving.interrupted.subscribe(lambda transfer, disruption: self._interrupted(transfer)),
        ]
        self.wishes = {
            SendFile: self._send,
            ReceiveFile: self._receive,
            DeclineFile: self._decline,
            StopFiles: self._stop,
            ListFiles: self._list,
        }

    # --- what is asked for --------------------------------------------------------------------------------------------
    async def _send(self, wish: SendFile) -> None:
        """Done when it is whole at the other end; fails with `TransferInterrupted`."""
        try:
            transfer = await self._client.files.send(wish.target, Path(wish.path).expanduser())
        except OSError as error:
            raise LocalError(f"{wish.path}: {error.strerror or error}") from error
        self._talked_to(wish.target)
        text = f"offered {title_of(transfer)} ({extent_of(transfer)}) to {name_of(wish.target)}"
        self._screen.note(text, **facts_of(transfer), event="offered")
        await self._whole(transfer)

    async def _receive(self, wish: ReceiveFile) -> None:
        """The same for what is taken."""
        offer = self._offer_of(wish.target)
        folder = self._folder if wish.folder is None else Path(wish.folder).expanduser()
        path = folder / local_name(offer.name)
        if path.exists() or path.is_symlink():
            raise LocalError(f"{path} is there already; /receive {wish.target} FOLDER takes it elsewhere")
        self._offers.remove(offer)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LocalError(f"{folder}: {error.strerror or error}") from error
        await self._whole(offer.accept(path))

    async def _decline(self, wish: DeclineFile) -> None:
        offer = self._offer_of(wish.target)
        self._offers.remove(offer)
        offer.refuse(wish.text)

    async def _stop(self, wish: StopFiles) -> None:
        self._client.files.cancel_with(wish.target)

    async def _list(self, wish: ListFiles) -> None:
        for offer in self._offers:
            text = f"{name_of(sender_of(offer.transfer))} offers {title_of(offer)} ({extent_of(offer)})"
            self._screen.answer(text, **facts_of(offer.transfer), event="offered")
        under_way = [transfer for transfer in self._client.files.transfers() if transfer.is_transferring]
        for transfer in under_way:
            progress = transfer.so_far
            text = progress_line(transfer, progress)
            self._screen.answer(text, **{**facts_of(transfer), **progress_facts(progress)}, event="progress")
        if not self._offers and not under_way:
            self._screen.answer("nothing is offered, and nothing under way", files=[])

    async def _whole(self, transfer: Any) -> None:
        try:
            await transfer.done()
        except TransferInterrupted as error:
            raise TransferInterrupted(interrupted_line(transfer), error.disruption, error.cause) from error
        self._screen.note(completed_line(transfer), **facts_of(transfer), path=str(transfer.path), event="completed")

    def _offer_of(self, target: str) -> Any:
        for offer in self._offers:
            if sender_of(offer.transfer) == bare_id(target):
                return offer
        raise LocalError(f"{target} offers nothing")

    # --- what happens -------------------------------------------------------------------------------------------------
    def _offered(self, offer: Any) -> None:
        self._offers.append(offer)
        name = name_of(sender_of(offer.transfer))
        verb = "offers" if offer.left_at is None else "left"
        said = f": {printable(offer.comment)}" if offer.comment else ""
        left = offer.resumable
        begun = "" if left is None else f"; {size_of(left.position.received)} are here already"
        self._screen.note(
            f"{name} {verb} {title_of(offer)} ({extent_of(offer)}){said}{begun} (/receive {name}, /decline {name})",
            **facts_of(offer.transfer),
            event="offered",
        )

    def _interrupted(self, transfer: Any) -> None:
        """An offer that was withdrawn; whoever takes something is told when that is interrupted."""
        withdrawn = [offer for offer in self._offers if offer.transfer is transfer]
        for offer in withdrawn:
            self._offers.remove(offer)
            self._screen.note(interrupted_line(transfer), **facts_of(transfer), event="withdrawn")
