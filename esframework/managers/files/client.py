"""The client's half of files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from esframework.errors import NotLoggedOn
from esframework.interfaces import IClientContext, ILink, Registrations
from esframework.managers.files.contracts import FILES, PROJECT, ProjectBody
from esframework.managers.files.files import VIEWS, Files
from esframework.managers.files.transfer import Transfer
from esframework.managers.files.ways import Way
from esframework.net.channels import FILES as FILES_STREAM
from esframework.wire.types import BY_SERVER, ChannelMode, FileDisruption, MessageType

_DIRECT = {
    **dict.fromkeys(range(MessageType.BEGIN_FILE, MessageType.FILE_OF_FOLDER_RECEIVED + 1), FILES_STREAM),
    **dict.fromkeys(range(MessageType.FILE_DETAILS, MessageType.FILE_PEER_GONE + 1), FILES_STREAM),
}
"""What may go by a P2P channel: everything between two clients."""


class ClientEnd:
    """See `ThisEnd`."""

    def __init__(self, client: IClientContext) -> None:
        self._client = client

    def serves_ours(self) -> bool:
        """Whether the server lets more pass than the protocol's own types."""
        return bool(self._client.manager("basic").server_has(FILES))

    def ways(self, target: str | None, mode: ChannelMode) -> list[Way]:
        """See `ThisEnd`."""
        channel = self._client.channel(target, mode)
        is_ours = ILink.providedBy(channel) or self.serves_ours()
        return [Way(channel, target, self._client.options.generation, is_ours)]

    def link_to(self, user_id: str | None) -> Any:
        """See `ThisEnd`."""
        return self._client.links.get(user_id or "")

    def path_to(self, user_id: str | None) -> str:
        """See `ThisEnd`."""
        link = self.link_to(user_id)
        return "server" if link is None else str(link.path_kind)

    def path_of(self, sender: Any) -> str:
        """See `ThisEnd`."""
        return str(sender.path_kind)

    def answer(self, sender: Any, message_type: int, body: bytes, number: int) -> None:
        """See `ThisEnd`."""
        if sender.name is None or self.path_of(sender) != "server":
            sender.reply(message_type, body, number)
            return
        try:
            way = self._client.channel(sender.login_id, BY_SERVER)
        except NotLoggedOn:
            # As with any reply: who has lost its connection gives none.
            return
        way.send(message_type, body, number, sender.login_id)

    def name(self) -> str | None:
        """See `ThisEnd`."""
        return self._client.current_user_id

    def client_type(self) -> int:
        """See `ThisEnd`."""
        return int(self._client.options.client_type or 0)

    def generation_of(self, sender: Any) -> int:
        """See `ThisEnd`: the server translates."""
        return int(self._client.options.generation)

    def may_be_ours(self, sender: Any) -> bool:
        """See `ThisEnd`: only ours have channels, and while there is one the server may be away."""
        return self.link_to(sender.login_id) is not None or self.serves_ours()

    def refused(self, reason: str) -> None:
        """Clients count nothing."""


class ClientFiles(Files):
    """`client.files` (manual, chapter 03: IFileOutter)."""

    def __init__(self, client: IClientContext, wall_clock: Callable[[], float]) -> None:
        self._own_end = ClientEnd(client)
        super().__init__(client, self._own_end, wall_clock)
        self._client = client
        # (the other end, project id) of what the lost connection took with it.
        self._lost: list[tuple[str, str]] = []
        for events in (self.sending, self.receiving):
            events.interrupted.subscribe(self._interrupted)

    def registrations(self) -> Registrations:
        """What this half brings to a client."""
        return Registrations(
            facade=self,
            handlers=self.handlers(),
            logged_on=self._logged_on,
            logged_off=lambda _: self.connection_lost(),
            channel_lost=self.channel_lost,
            device_away=self.device_away,
            stop=self.session_over,
            sweep=self.sweep,
            views=VIEWS,
            direct=_DIRECT,
        )

    def _interrupted(self, transfer: Transfer, disruption: FileDisruption) -> None:
        other = transfer.device or transfer.other
        if disruption is FileDisruption.SELF_OFFLINE and other is not None:
            self._lost.append((other, transfer.id))

    def _logged_on(self, server: Any) -> None:
        """Whoever has not noticed that the connection was lost would wait for the rest, and hold what is here already
        when the same is offered again."""
        lost, self._lost = self._lost, []
        if self._own_end.serves_ours():
            for other, transfer_id in lost:
                gone = PROJECT.encode(ProjectBody(transfer_id))
                self._client.channel(other).send(MessageType.FILE_PEER_GONE, gone, 0, other)
