"""Contacts in a chat: who they are, who comes and goes, requests and their answers."""

from __future__ import annotations

from typing import Any, Final

from esframework.cli.chatting.screen import Screen
from esframework.cli.chatting.wishes import ChangeContact, ContactChange, ListContacts
from esframework.cli.information import name_of, printable
from esframework.interfaces import RelationState
from esframework.wire.devices import device_name

_DONE: Final = {
    ContactChange.ACCEPT: "{} is a contact now",
    ContactChange.REFUSE: "refused the request of {}",
    ContactChange.REMOVE: "{} is no contact any more",
    ContactChange.BLOCK: "{} is blocked",
    ContactChange.UNBLOCK: "{} is not blocked any more",
}


class People:
    """One user's contacts through a client engine."""

    def __init__(self, client: Any, screen: Screen) -> None:
        self._client = client
        self._screen = screen
        contacts = client.contacts
        self.subscriptions = [
            contacts.contact_online.subscribe(lambda user_id: self._presence(user_id, True)),
            contacts.contact_offline.subscribe(lambda user_id: self._presence(user_id, False)),
            contacts.contact_requested.subscribe(self._requested),
            contacts.contact_accepted.subscribe(lambda user_id: self._told(user_id, "accepted", "is a contact now")),
            contacts.contact_refused.subscribe(lambda user_id, text: self._told(user_id, "refused", "refused", text)),
            contacts.contact_removed.subscribe(
                lambda user_id: self._told(user_id, "removed", "is no contact any more")
            ),
        ]
        self.wishes = {ListContacts: self._list, ChangeContact: self._change}

    async def online(self) -> None:
        """Show who is online."""
        users = await self._client.basic.all_online_users()
        me = self._client.current_user_id
        shown = ", ".join(f"{printable(user)} (you)" if user == me else printable(user) for user in sorted(users))
        self._screen.answer(f"online: {shown or 'nobody that the server tells of'}", online=sorted(users))

    async def _list(self, wish: ListContacts) -> None:
        contacts = await self._client.contacts.contacts()
        devices = await self._client.contacts.contact_devices()
        relations = await self._client.contacts.relations()
        for user_id in contacts:
            names = [device_name(device) for device in devices.get(user_id, [])]
            where = f"online ({', '.join(names)})" if names else "offline"
            self._screen.answer(f"{printable(user_id)}: {where}", contact=user_id, devices=names)
        for relation in relations:
            if relation.state is not RelationState.ACCEPTED:
                text = f": {printable(relation.text)}" if relation.text else ""
                word = relation.state.name.lower().replace("_", " ")
                self._screen.answer(
                    f"{printable(relation.other)}: {word}{text}", relation=word, to=relation.other, text=relation.text
                )
        if not contacts and not relations:
            self._screen.answer("no contacts yet; /add NAME asks somebody", contacts=[])

    async def _change(self, wish: ChangeContact) -> None:
        contacts, name = self._client.contacts, name_of(wish.target)
        if wish.change is ContactChange.ADD:
            state = await contacts.add(wish.target, wish.text)
            done = f"{name} is a contact" if state is RelationState.ACCEPTED else f"asked {name}"
        elif wish.change is ContactChange.REFUSE:
            await contacts.refuse(wish.target, wish.text)
            done = _DONE[wish.change].format(name)
        else:
            changed = await getattr(contacts, wish.change.value)(wish.target)
            done = _DONE[wish.change].format(name) if changed else f"nothing to {wish.change.value} about {name}"
        self._screen.answer(done, contact=wish.target, change=wish.change.value)

    def _presence(self, user_id: str, is_online: bool) -> None:
        word = "online" if is_online else "offline"
        self._screen.note(f"{printable(user_id)} is {word}", contact=user_id, online=is_online)

    def _requested(self, user_id: str, text: str) -> None:
        name, said = printable(user_id), f": {printable(text)}" if text else ""
        self._screen.note(
            f"{name} asks to be a contact{said} (/accept {name}, /refuse {name})", requested_by=user_id, text=text
        )

    def _told(self, user_id: str, event: str, word: str, text: str = "") -> None:
        said = f": {printable(text)}" if text else ""
        self._screen.note(f"{printable(user_id)} {word}{said}", contact=user_id, event=event, text=text)


