"""The server's half of custom information: what is monitored, filtered and reported when it cannot be delivered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from esframework.errors import MalformedBody, NotDelivered
from esframework.interfaces import IServerContext, Registrations
from esframework.managers.custom.attachments.contracts import ATTACHMENTS
from esframework.managers.custom.attachments.relay import RELAYABLE, AttachmentRelay
from esframework.managers.custom.attachments.sending import Way
from esframework.managers.custom.contracts import Information
from esframework.managers.custom.receiving import Custom
from esframework.managers.custom.sending import absent, interrupted
from esframework.plugins.hooks import Event
from esframework.wire.information import decode_information, encode_information
from esframework.wire.login_id import Source
from esframework.wire.types import ChannelMode, MessageType, RequestFailure

_STYLES = {
    MessageType.INFORMATION_POSTED: "post",
    MessageType.INFORMATION: "send",
    MessageType.ACKED_INFORMATION: "acked",
    MessageType.QUERY: "query",
}


_UNWANTED = (RequestFailure.DROPPED_BY_FILTER, RequestFailure.NOT_ALLOWED)
"""Reasons that are somebody's wish: such information has not failed to be transmitted."""


class ServerCustom(Custom):
    """`server.custom` (manual, chapter 01: ICustomizeController).

    `transmit_failed(information)`: information for a user who is not online, or whose header cannot carry the ids; not
    for blobs and queries.
    `keeper(sender, information, message_id)`, when another manager has set it, is asked to keep what was sent to a user
    who is not online; when it returns True, it tells the sender itself what became of it.
    `information_received(information)`: each piece that arrives or is forwarded, except blobs; unread frames are fast,
    so subscribing costs.
    """

    def __init__(self, server: IServerContext) -> None:
        super().__init__(server)
        self._server = server
        self.transmit_failed: Event[Information] = Event("custom.transmit_failed")
        self.keeper: Callable[[Any, Information, int], bool] | None = None
        self.information_received: Event[Information] = Event("custom.information_received", self._filters_changed)
        self._relay = AttachmentRelay(server, self._filter_offer)
        server.router.inspect(MessageType.ATTACHMENT_OFFERED, self._relay.inspect)

    def registrations(self) -> Registrations:
        """What this half brings to a server."""
        return Registrations(
            facade=self,
            handlers=self.handlers(),
            relayable=RELAYABLE,
            undeliverable={
                **{message_type: self._reporter(message_type) for message_type in _STYLES},
                **self._relay.undeliverable(),
            },
            logged_off=self._logged_off,
            sweep=self.sweep,
            features=frozenset({ATTACHMENTS}),
        )

    def _logged_off(self, source: Source | None) -> None:
        if source is None:
            return
        self.forget(source.login_id)
        # Programs on the server name devices by the numbers of generation 7.
        self._server.calls.fail_target(f"{source.device:d}#{source}", interrupted)
        if not self._server.users.is_online(source):
            self._server.calls.fail_target(source, interrupted)

    def _attachment_ways(self, target: str | None, information_type: int, mode: ChannelMode) -> list[Way]:
        devices = () if target is None else self._server.users.find_all(target)
        ours: list[Way] = [(device, None) for device in devices if device.is_ours]
        if not devices:
            raise absent(target, information_type)
        if not ours:
            text = f"the clients of {target!r} do not know attachments; that of type {information_type} was not sent"
            raise NotDelivered(text, target, information_type, RequestFailure.TYPE_UNKNOWN_TO_TARGET)
        return ours

    def _count_refusal(self, reason: str) -> None:
        self._server.refuse(reason)

    # --- forwarded information --------------------------------------------------------------------------------------
    def _filters_changed(self) -> None:
        self._watched = bool(self.filters) or bool(self.information_received)
        for message_type, style in _STYLES.items():
            self._server.router.inspect(message_type, self._inspector(style) if self._watched else None)

    def _inspector(self, style: str) -> Any:
        def inspect(sender: Any, target: str, body: bytes) -> bytes | None:
            information_type, content = decode_information(body)
            seen = self._watch(Information(sender.name, target, information_type, content, style))
            if seen is None:
                return None
            return encode_information(seen.information_type, seen.content)

        return inspect

    def screened(
        self, source: str | None, target: str | None, information_type: int, content: bytes | None, style: str
    ) -> tuple[int, bytes | None] | None:
        """What the filters make of information that another manager carries: (type, content), or None to drop it."""
        if not self._watched:
            return information_type, content
        seen = self._watch(Information(source, target, information_type, content, style))
        return None if seen is None else (seen.information_type, seen.content)

    def _watch(self, information: Information) -> Information | None:
        if information.style != "blob":
            self.information_received.fire(information)
        return self.filters.apply(information)

    # --- what has no receiver ---------------------------------------------------------------------------------------
    def _reporter(self, message_type: MessageType) -> Any:
        style = _STYLES[message_type]

        def report(sender: Any, target: str, message_id: int, body: bytes, reason: RequestFailure) -> None:
            if message_type is not MessageType.QUERY and reason not in _UNWANTED:
                if self._taken_over(sender, target, message_id, body, style, reason):
                    return
            if message_id and style in ("acked", "query"):
                told = sender.request_failed(message_id, reason, reason.name.lower().replace("_", " "))
                if not told and style == "query":
                    sender.reply_as(target, MessageType.ANSWER, b"", message_id)

        return report

    def _taken_over(
        self, sender: Any, target: str, message_id: int, body: bytes, style: str, reason: RequestFailure
    ) -> bool:
        """Tell that information was not delivered; whether somebody keeps it."""
        keeper = self.keeper if reason is RequestFailure.TARGET_ABSENT else None
        if keeper is None and not self.transmit_failed:
            return False
        try:
            information_type, content = decode_information(body)
        except MalformedBody as error:
            sender.refuse_body(error)
            return False
        information = Information(sender.name, target, information_type, content, style)
        self.transmit_failed.fire(information)
        return keeper is not None and keeper(sender, information, message_id)
