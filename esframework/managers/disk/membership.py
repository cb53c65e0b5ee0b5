"""In which groups a user is, of those with which something is shared: asked where broadcasts ask. Knows no share."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from esframework import limits
from esframework.errors import PluginError
from esframework.interfaces import IServerContext


class Membership:
    """Answers of the application's IContacts and of the manager `groups`; a server without them knows no group."""

    def __init__(self, server: IServerContext) -> None:
        self._server = server

    async def among(self, user_id: str, groups: Collection[str]) -> set[str]:
        """Those of a few groups that the user is in."""
        contacts = self._manager("contacts")
        if contacts is None:
            return set()
        return {group for group in groups if user_id in await contacts.members_of(group)}

    async def of(self, user_id: str, groups: Collection[str]) -> set[str]:
        """The same of very many: groups that are kept here are asked for by the user, an application's one by one."""
        if len(groups) <= limits.MAX_SHARED_WITH:
            return await self.among(user_id, groups)
        found: set[str] = set()
        kept = self._manager("groups")
        if kept is not None:
            found = set(groups).intersection(await self._kept_groups(kept, user_id))
        if self._server.contacts_provider is not None:
            found |= await self.among(user_id, sorted(groups)[: limits.DISK_GROUPS_ASKED])
        return found

    async def exists(self, group: str) -> bool:
        """Whether there is such a group, with anybody in it."""
        contacts = self._manager("contacts")
        return contacts is not None and bool(await contacts.members_of(group))

    async def _kept_groups(self, groups: Any, user_id: str) -> list[str]:
        found: list[str] = await groups.groups_of(user_id)
        return found

    def _manager(self, name: str) -> Any:
        try:
            return self._server.manager(name)
        except PluginError:
            return None
