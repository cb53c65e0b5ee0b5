"""Sending from a program: one after the other, each as often as it takes, while that makes sense.

A lost connection and a receiver who is gone are waited for; the transfer then goes on where it was. Knows no command
line and draws nothing by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater

from esframework.cli.information import name_of, printable
from esframework.cli.session import DONE, FAILED, NOT_WANTED
from esframework.cli.transferring.figures import direction_of, reason_of, time_of, title_of, words_of
from esframework.cli.transferring.following import follow
from esframework.cli.transferring.looks import Look
from esframework.cli.transferring.waiting import connection_of
from esframework.errors import (
    ConnectionInterrupted,
    EsError,
    LocalError,
    NotLoggedOn,
    RequestError,
    TransferInterrupted,
)
from esframework.wire.login_id import bare_id
from esframework.wire.types import FileDisruption

WAIT: Final = 60.0
"""Seconds for which a receiver is waited for who was there and is gone."""

_LOOK_EVERY: Final = 1.0
"""Seconds between two looks whether the receiver is back."""

MAY_GO_ON: Final = frozenset(
    {
        FileDisruption.OTHER_OFFLINE,
        FileDisruption.NETWORK_TOO_SLOW,
        FileDisruption.NO_FIRST_PACKAGE,
        FileDisruption.P2P_CHANNEL_CLOSED,
        FileDisruption.SELF_OFFLINE,
    }
)
"""What nobody wished, and what another try may overcome."""


@dataclass(frozen=True, slots=True)
class Shipment:
    """What is to be sent how. `wait` is for how many seconds a receiver who is not there is waited for; None: not at
    the beginning, and `WAIT` in the middle. `offline`: after that, it is left with the server. `by_channel`: a channel
    is opened to the receiver, and taken when it is there."""

    target: str
    comment: str | None = None
    follow_links: bool = False
    parameters: Any = None
    wait: float | None = None
    offline: bool = False
    by_channel: bool = False


class Sender:
    """Sends a shipment through a client engine."""

    def __init__(self, client: Any, look: Look, shipment: Shipment) -> None:
        self._client = client
        self._look = look
        self._shipment = shipment
        self._name = name_of(shipment.target)
        self._furthest = 0
        self._deadline: float | None = None
        self._leaves_it = False

    async def send_all(self, paths: Sequence[Path]) -> int:
        """Send one after the other, also after one that failed; the exit code of the first failure."""
        code = DONE
        for path in paths:
            outcome = await self.send(path)
            code = code or outcome
        return code

    async def send(self, path: Path) -> int:
        """Send until it is whole or that makes no sense any more, which is told; the exit code."""
        self._furthest, self._deadline, self._leaves_it = 0, None, False
        while True:
            try:
                interrupted = await self._attempt(path)
                code = DONE if interrupted is None else await self._judged(interrupted)
                if code is not None:
                    return code
            except (NotLoggedOn, ConnectionInterrupted):
                await connection_of(self._client, self._look)
            except (OSError, LocalError, RequestError) as error:
                self._look.complain(f"{printable(str(path))}: {words_of(error)}", event="failed", path=str(path))
                return FAILED

    async def _attempt(self, path: Path) -> Any | None:
        """The transfer, when it was interrupted; None when all is there."""
        transfer = await self._begun(path)
        try:
            await follow(transfer, self._look)
        except TransferInterrupted:
            if transfer.transferred > self._furthest:
                self._furthest, self._deadline = transfer.transferred, None
            return transfer
        except CancelledError:
            if transfer.transferred:
                text = f"{title_of(transfer)} {direction_of(transfer)} is not whole; the same command goes on with it"
                self._look.note(text, event="ended", id=transfer.id)
            raise
        finally:
            # At Ctrl-C the other end is told. Otherwise it is over, and this does nothing.
            transfer.cancel("the sending program was ended")
        if self._leaves_it:
            text = f"{self._name} is not online; the server keeps {title_of(transfer)} for {self._name}"
            self._look.note(text, event="kept", id=transfer.id, to=self._shipment.target)
        return None

    async def _begun(self, path: Path) -> Any:
        shipment = self._shipment
        how = {"parameters": shipment.parameters, "follow_links": shipment.follow_links}
        if self._leaves_it:
            return await self._client.offline_files.send(shipment.target, path, shipment.comment, **how)
        if shipment.by_channel:
            self._want_channel()
        return await self._client.files.send(shipment.target, path, shipment.comment, **how)

    def _want_channel(self) -> None:
        """Nothing waits for it: what has begun by the server goes on by the channel when there is one."""
        if self._client.p2p is not None and not self._client.p2p.channel_exists(self._shipment.target):
            connecting: Deferred[Any] = self._client.p2p.connect(self._shipment.target)
            connecting.addErrback(lambda failure: failure.trap(EsError))

    async def _judged(self, transfer: Any) -> int | None:
        """None when an interrupted transfer may go on now; else it is told how it ended, and the exit code."""
        if transfer.disruption is FileDisruption.SELF_OFFLINE:
            await connection_of(self._client, self._look)
            return None
        # Nobody has answered: whoever it is for was not there from the beginning.
        is_absent = transfer.disruption is FileDisruption.OTHER_OFFLINE and transfer.device is None
        reason = f"{self._name} is not online" if is_absent else reason_of(transfer)
        is_gone = transfer.disruption in MAY_GO_ON
        if is_gone and (await self._other_is_back(reason) or self._is_left(transfer)):
            return None
        if is_absent and not self._furthest:
            self._tell_absent()
        else:
            self._look.fail(transfer)
        return NOT_WANTED if transfer.disruption is FileDisruption.REJECTED else FAILED

    def _is_left(self, transfer: Any) -> bool:
        """Whether it goes to the server from now on, as that is meant."""
        if not self._shipment.offline or self._leaves_it or transfer.disruption is not FileDisruption.OTHER_OFFLINE:
            return False
        self._leaves_it = True
        return True

    async def _other_is_back(self, reason: str) -> bool:
        """Wait as long as is meant for the receiver; False when that was in vain."""
        clock = self._client.reactor
        if self._leaves_it:
            # The other one is the server then, and its connection is ours.
            return False
        if self._deadline is None:
            wait = self._shipment.wait
            if wait is None:
                wait = WAIT if self._furthest else 0.0
            self._deadline = clock.seconds() + wait
            if wait > 0:
                text = f"{reason}; waiting up to {time_of(wait)} for {self._name}"
                self._look.note(text, event="waiting", to=self._shipment.target, seconds=wait)
        while clock.seconds() < self._deadline:
            await deferLater(clock, _LOOK_EVERY, lambda: None)
            try:
                if await self._client.basic.is_user_online(bare_id(self._shipment.target)):
                    return True
            except (NotLoggedOn, RequestError):
                await connection_of(self._client, self._look)
        return False

    def _tell_absent(self) -> None:
        text = f"{self._name} is not online"
        if self._shipment.wait is None:
            text += ": --wait SECONDS waits, --offline leaves it with the server"
        self._look.complain(text, event="failed", to=self._shipment.target)
