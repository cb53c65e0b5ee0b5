"""A server on which only members broadcast to a group; by default anybody may, as the protocol's manual has it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twisted.internet.task import react

from esframework import ClientEngine, ServerEngine
from esframework.errors import NotPermitted


class MembersOnly:
    """A permission hook. It has to answer at once, so it keeps who is in which group as the server tells it."""

    def __init__(self) -> None:
        self.members: set[tuple[str, str]] = set()

    def __call__(self, action: str, user_id: str, target: str | None) -> bool | None:
        return (target, user_id) in self.members if action == "broadcast" else None

    def watch(self, server: ServerEngine) -> None:
        groups = server.groups
        groups.created.subscribe(lambda group, owner: self.came(group, [owner]))
        groups.joined.subscribe(lambda group, user: self.came(group, [user]))
        groups.pulled_in.subscribe(lambda group, users, operator: self.came(group, users))
        groups.quit.subscribe(lambda group, user: self.left(group, [user]))
        groups.removed.subscribe(lambda group, users, operator: self.left(group, users))
        groups.dissolved.subscribe(lambda group, users, operator: self.left(group, users))
        # Stored groups were there before this server was.
        server.users.connected.subscribe(lambda user: self.look_up(server, user.user_id))

    def came(self, group: str, users: Iterable[str]) -> None:
        self.members.update((group, user) for user in users)

    def left(self, group: str, users: Iterable[str]) -> None:
        self.members.difference_update((group, user) for user in users)

    def look_up(self, server: ServerEngine, user: str) -> None:
        found = server.groups.groups_of(user)
        found.addCallbacks(
            lambda groups: self.members.update((group, user) for group in groups),
            lambda failure: print(f"the store does not say what {user} is in:", failure.getErrorMessage()),
        )


async def talk(reactor: Any, port: int = 4530) -> list[str]:
    members_only = MembersOnly()
    server = ServerEngine(reactor=reactor, permit=members_only)
    members_only.watch(server)
    await server.listen(f"tcp:{port}:interface=127.0.0.1")
    alice, mallory = ClientEngine(reactor=reactor), ClientEngine(reactor=reactor)
    for client, name in ((alice, "alice"), (mallory, "mallory")):
        await client.log_on(name, "", f"tcp:127.0.0.1:{port}")
    await alice.groups.create("chess")

    said: list[str] = []
    for step in ("as a stranger", "as a member", "after quitting"):
        try:
            await mallory.contacts.broadcast("chess", 1, step.encode())
            said.append(step)
        except NotPermitted as refusal:
            print(step, "-", refusal)
        if step == "as a stranger":
            await mallory.groups.join("chess")
        elif step == "as a member":
            await mallory.groups.quit("chess")

    for engine in (alice, mallory, server):
        await engine.close()
    return said


if __name__ == "__main__":
    react(talk)
