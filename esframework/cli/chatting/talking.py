"""Saying, asking, pinging, kicking: what a chat asks of one user or of the server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from esframework.cli.chatting.lines import GROUP_SIGN, HELP
from esframework.cli.chatting.screen import Screen
from esframework.cli.chatting.wishes import Help, Kick, ListDevices, Ping, Query, Say
from esframework.cli.information import QUESTION, TEXT, content_of, facts_of, name_of
from esframework.wire.devices import device_name
from esframework.wire.types import Level


class Talking:
    """One user's talk through a client engine. `talked_to(user)` is told of whom something has reached."""

    def __init__(self, client: Any, screen: Screen, talked_to: Callable[[str], None] = lambda user: None) -> None:
        self._client = client
        self._talked_to = talked_to
        self._screen = screen
        self.subscriptions = [
            client.basic.device_online.subscribe(lambda device: self._device(device, True)),
            client.basic.device_offline.subscribe(lambda device: self._device(device, False)),
        ]
        self.wishes = {
            Say: self._say,
            Query: self._ask,
            Ping: self._ping,
            Kick: self._kick,
            ListDevices: self._devices,
            Help: self._help,
        }

    async def _say(self, wish: Say) -> None:
        content = wish.text.encode("utf-8", "replace")
        if wish.target.startswith(GROUP_SIGN):
            await self._client.contacts.broadcast(wish.target.removeprefix(GROUP_SIGN), TEXT, content)
        elif await self._client.offline.send(wish.target, TEXT, content) is Level.STORED_ON_DISK:
            text = f"{name_of(wish.target)} is away; the server keeps it until then"
            self._screen.note(text, kept_for=wish.target)
        else:
            self._talked_to(wish.target)

    async def _ask(self, wish: Query) -> None:
        answer = await self._client.custom.query(wish.target, QUESTION, wish.text.encode("utf-8", "replace"))
        shown = "(nothing)" if answer is None else content_of(answer)
        facts = facts_of(wish.target, QUESTION, answer)
        self._screen.answer(f"{name_of(wish.target)} answers: {shown}", **facts, answered=True)

    async def _ping(self, wish: Ping) -> None:
        seconds = await self._client.basic.ping(wish.target)
        self._screen.answer(f"{name_of(wish.target)}: {seconds * 1000:.1f} ms", ping=wish.target, seconds=seconds)

    async def _kick(self, wish: Kick) -> None:
        await self._client.basic.kick_out(wish.target)
        self._screen.answer(f"{name_of(wish.target)} was kicked out", kicked_out=wish.target)

    async def _devices(self, wish: ListDevices) -> None:
        devices = [device_name(device) for device in await self._client.basic.my_devices()]
        self._screen.answer(f"you are online on: {', '.join(devices)}", devices=devices)

    async def _help(self, wish: Help) -> None:
        width = max(len(usage) for usage, _ in HELP)
        for usage, meaning in HELP:
            self._screen.answer(f"{usage:<{width}}  {meaning}", usage=usage, meaning=meaning)

    def _device(self, device: int, is_online: bool) -> None:
        word = "online" if is_online else "offline"
        name = device_name(device)
        self._screen.note(f"your device '{name}' is {word}", device=name, online=is_online)
