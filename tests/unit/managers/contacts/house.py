"""An application's IContacts for these tests, and frames of contacts as clients of another make send them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from zope.interface import implementer

from esframework import MessageType
from esframework.interfaces import IContacts
from esframework.managers.contacts.contracts import (
    BROADCAST,
    BROADCAST_BLOB,
    BroadcastBlobBody,
    BroadcastBody,
    destination_of,
)
from esframework.wire.blob_fragments import encode_fragments
from tests.peers import FramePeer

Lists = dict[str, list[str]]


@implementer(IContacts)
class Book:
    """Says what it is told to say; `asked` is what it was asked. `answer` changes the answers, `members_answer` those
    about groups alone."""

    def __init__(self, contacts: Lists | None = None, groups: Lists | None = None) -> None:
        self.contacts = contacts or {}
        self.groups = groups or {}
        self.asked: list[str] = []
        self.answer: Any = lambda found: found
        self.members_answer: Any = None

    def contacts_of(self, user_id: str) -> Any:
        self.asked.append(user_id)
        return self.answer(self.contacts.get(user_id, []))

    def members_of(self, group_id: str) -> Any:
        self.asked.append(group_id)
        return (self.members_answer or self.answer)(self.groups.get(group_id, []))


def all_of(*names: str) -> dict[str, list[str]]:
    """Everybody is a contact of everybody."""
    return {name: [other for other in names if other != name] for name in names}


def broadcast_body(group_id: str | None, content: bytes | None = b"hello", on_busy: int = 0) -> bytes:
    return BROADCAST.encode(
        BroadcastBody(
            action_type_on_channel_is_busy=on_busy, content=content, group_id=group_id, information_type=5, tag="t"
        )
    )


def say(peer: FramePeer, group_id: str, content: bytes | None = b"hello", to: str | None = None, **more: Any) -> None:
    """Broadcast as a client of another make does."""
    peer.send(MessageType.BROADCAST, broadcast_body(group_id, content), to=to or destination_of(group_id), **more)


def heard(peer: FramePeer) -> list[tuple[str, str, bytes | None]]:
    """(broadcaster, header's destination, content) of the broadcasts that a peer got."""
    frames = peer.take(MessageType.BROADCAST)
    return [(frame.source, frame.target, BROADCAST.decode(frame.body).content) for frame in frames]


def fragments(content: bytes, number: int = 1, size: int = 10) -> list[bytes]:
    """The bodies of a blob that is broadcast."""
    return list(encode_fragments(number, BROADCAST_BLOB.encode(BroadcastBlobBody(content, "t")), size, 5))


def online(network: Any, *names: str, **more: Any) -> Iterable[FramePeer]:
    """Clients of another make that are logged on."""
    return [FramePeer(network, name, **more).online() for name in names]


def fill(network: Any, server: Any, name: str) -> None:
    """Send to somebody who does not read until its connection stays busy."""
    while not server.users.find_all(name)[0].is_busy:
        server.custom.post(name, 1, b"x" * 5000)
        network.settle()
