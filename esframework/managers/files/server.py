"""The server's half of files: it sends and receives itself, and helps those who send to each other by way of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from esframework.errors import MalformedBody, TargetAbsent
from esframework.interfaces import IServerContext, Registrations, Undeliverable
from esframework.managers.files.contracts import (
    ANSWERED_ELSEWHERE,
    CANCEL,
    FILES,
    PROJECT,
    AnsweredElsewhereBody,
    CancelBody,
    ProjectBody,
)
from esframework.managers.files.facts import decode_answer, decode_begin
from esframework.managers.files.files import VIEWS, Files
from esframework.managers.files.packages import decode_package
from esframework.managers.files.ways import Way
from esframework.wire.login_id import Source
from esframework.wire.types import ChannelMode, MessageType, RequestFailure

_FROM_SENDER = frozenset(
    {
        MessageType.FILE_STARTED,
        MessageType.FILE_PACKAGE,
        MessageType.FILE_ENDED,
    }
)
_RELAYABLE = frozenset(range(MessageType.FILE_DETAILS, MessageType.FILE_PEER_GONE + 1))


class ServerEnd:
    """See `ThisEnd`."""

    def __init__(self, server: IServerContext) -> None:
        self._server = server

    def ways(self, target: str | None, mode: ChannelMode) -> list[Way]:
        """See `ThisEnd`."""
        devices = () if target is None else self._server.users.find_all(target)
        if not devices:
            raise TargetAbsent(f"{target!r} is not online", target, MessageType.BEGIN_FILE)
        return [Way(device, None, self.generation_of(device), device.is_ours) for device in devices]

    def link_to(self, user_id: str | None) -> Any:
        """See `ThisEnd`: a server has no links."""

    def path_to(self, user_id: str | None) -> str:
        """See `ThisEnd`."""
        return "server"

    def path_of(self, sender: Any) -> str:
        """See `ThisEnd`."""
        return "server"

    def answer(self, sender: Any, message_type: int, body: bytes, number: int) -> None:
        """See `ThisEnd`."""
        sender.reply(message_type, body, number)

    def name(self) -> str | None:
        """The server has none."""

    def client_type(self) -> int:
        """See `ThisEnd`."""
        return 0

    def generation_of(self, sender: Any) -> int:
        """See `ThisEnd`."""
        return int(sender.layout.profile.generation)

    def may_be_ours(self, sender: Any) -> bool:
        """See `ThisEnd`."""
        return bool(sender.is_ours)

    def refused(self, reason: str) -> None:
        """See `ThisEnd`."""
        self._server.refuse(reason)


class ServerFiles(Files):
    """`server.files` (manual, chapter 03: IFileController)."""

    def __init__(self, server: IServerContext, wall_clock: Callable[[], float]) -> None:
        self._end = ServerEnd(server)
        super().__init__(server, self._end, wall_clock)
        self._server = server
        server.router.inspect(MessageType.ANSWER_FILE, self._answer_passes)

    def registrations(self) -> Registrations:
        """What this half brings to a server."""
        return Registrations(
            facade=self,
            handlers=self.handlers(),
            relayable=_RELAYABLE,
            undeliverable=self._undeliverable(),
            logged_off=self._logged_off,
            sweep=self.sweep,
            features=frozenset({FILES}),
            views=VIEWS,
        )

    def _undeliverable(self) -> dict[int, Undeliverable]:
        failed: dict[int, Undeliverable] = dict.fromkeys(_FROM_SENDER, self._tell_sender)
        return {**failed, **_TELL_OTHER, MessageType.BEGIN_FILE: self._offer_failed}

    def _logged_off(self, source: Source | None) -> None:
        if source is not None:
            self.device_left(source.login_id, f"{source!s} has left")

    # --- files that pass ----------------------------------------------------------------------------------------------
    def _answer_passes(self, sender: Any, target: str, body: bytes) -> bytes:
        """One device has decided: the others of its user need not ask any more."""
        answer = decode_answer(body, self._end.generation_of(sender))
        elsewhere = AnsweredElsewhereBody(answer.agree, int(sender.client_type), answer.project_id or "")
        for device in self._server.users.find_all(sender.name or ""):
            if device is not sender and (device.is_ours or self._end.generation_of(device) == 7):
                device.reply_as(target, MessageType.FILE_ANSWERED_ELSEWHERE, ANSWERED_ELSEWHERE.encode(elsewhere), 0)
        return body

    def _offer_failed(self, sender: Any, target: str, message_id: int, body: bytes, reason: RequestFailure) -> None:
        if not sender.request_failed(message_id, reason, _words(reason)):
            try:
                project_id, _ = decode_begin(body, self._end.generation_of(sender))
            except MalformedBody as error:
                sender.refuse_body(error)
                return
            cancel = CANCEL.encode(CancelBody(f"{target} cannot be reached: {_words(reason)}", False, project_id))
            sender.reply_as(target, MessageType.RECEIVER_CANCELS_FILE, cancel, message_id)

    def _tell_sender(self, sender: Any, target: str, message_id: int, body: bytes, reason: RequestFailure) -> None:
        if sender.request_failed(message_id, reason, _words(reason)):
            return
        try:
            project_id = decode_package(body).project_id
        except MalformedBody as error:
            sender.refuse_body(error)
            return
        cancel = CANCEL.encode(CancelBody(f"{target} cannot be reached: {_words(reason)}", False, project_id))
        sender.reply_as(target, MessageType.RECEIVER_CANCELS_FILE, cancel, message_id)


def _tell_other(sender: Any, target: str, message_id: int, body: bytes, reason: RequestFailure) -> None:
    """For frames whose number is the other end's: a 1001 would be taken for the end of a request of one's own."""
    if sender.is_ours and reason is not RequestFailure.TYPE_UNKNOWN_TO_TARGET:
        gone = PROJECT.encode(ProjectBody(PROJECT.decode(body).project_id))
        sender.reply_as(target, MessageType.FILE_PEER_GONE, gone, message_id)


_TELL_OTHER: Final[dict[int, Undeliverable]] = {
    MessageType.FILE_ALIVE: _tell_other,
    MessageType.FILE_KEPT: _tell_other,
}


def _words(reason: RequestFailure) -> str:
    return reason.name.lower().replace("_", " ")
