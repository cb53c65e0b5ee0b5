"""From a path that a user asks for to a place in a tree, and what that user may do there. Touches no file.

The permission hook is asked `disk_read`, `disk_write`, `disk_remove` and `disk_share` with the path; by default all is
allowed in one's own folder, and elsewhere what a share gives. Where somebody may do nothing at all, nothing is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from esframework.interfaces import IServerContext
from esframework.managers.disk.machine.paths import Area, Location, locate, names_of
from esframework.managers.disk.machine.refusals import InvalidPath, NoSuchPath, NotAllowed
from esframework.managers.disk.machine.shares import Right, ShareBook
from esframework.managers.disk.membership import Membership
from esframework.managers.disk.owners import Owners
from esframework.managers.disk.trees import Tree, Trees


class Act(StrEnum):
    """What one does, by the name under which the permission hook is asked."""

    READ = "disk_read"
    WRITE = "disk_write"
    REMOVE = "disk_remove"
    SHARE = "disk_share"


_NEEDED: Final = {Act.READ: Right.READ, Act.WRITE: Right.WRITE, Act.REMOVE: Right.WRITE, Act.SHARE: Right.WRITE}


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: a user, from one of its devices, or the server on behalf of a user, which needs no permission.

    `login_id` tells the device from all others; `address` is the LoginID by which it alone is reached.
    """

    user_id: str
    login_id: str = ""
    address: str = ""
    is_server: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a tree: `names` lead to it from the tree's root, `path` is what the user calls it. `is_root`: it is
    where a share or a public folder begins, which is not the user's to move."""

    tree: Tree
    names: tuple[str, ...]
    right: Right
    path: str
    is_root: bool


class Places:
    """Finds places by shares and public folders."""

    def __init__(
        self, server: IServerContext, trees: Trees, book: ShareBook, membership: Membership, owners: Owners
    ) -> None:
        self._server = server
        self._trees = trees
        self._book = book
        self._membership = membership
        self._owners = owners

    async def place(self, actor: Actor, path: str, act: Act) -> Place:
        """The place of a path, for somebody who may do that there.

        Raises `InvalidPath` for what is no path or a list of folders, `NoSuchPath`, `NotAllowed`.
        """
        location = locate(names_of(path))
        place = await self._find(actor, location, path)
        # Shares are of one's own folder: no permission makes another's path a path in it.
        is_possible = act is not Act.SHARE or location.area is Area.OWN
        if not (is_possible and self._permits(actor, act, path, place.right >= _NEEDED[act])):
            if place.right is Right.NONE:
                raise NoSuchPath(path)
            raise NotAllowed(f"{act} of {path} is not permitted to {actor.user_id!r}")
        return place

    async def location(self, actor: Actor, path: str) -> Location:
        """What a path means, for somebody who may look at lists of folders: `/shared` and what leads to shares."""
        location = locate(names_of(path))
        if location.area is not Area.OWN and not self._permits(actor, Act.READ, path, True):
            raise NotAllowed(f"{Act.READ} of {path} is not permitted to {actor.user_id!r}")
        return location

    def _permits(self, actor: Actor, act: Act, path: str, by_default: bool) -> bool:
        return actor.is_server or self._server.permit(act, actor.user_id, path, lambda: by_default)

    async def _find(self, actor: Actor, location: Location, path: str) -> Place:
        if location.area is Area.OWN:
            return Place(self._trees.of(actor.user_id), location.rest, Right.WRITE, path, not location.rest)
        if location.name is None:
            raise InvalidPath(f"{path} is a list of folders that the disk makes; only what is in them can be changed")
        if location.area is Area.PUBLIC:
            tree = self._trees.public(location.name)
            if tree is None:
                raise NoSuchPath(path)
            right = Right.WRITE if tree.is_writable else Right.READ
            return Place(tree, location.rest, right, path, not location.rest)
        owner = location.owner or ""
        await self._owners.check(owner)
        share = self._book.find(owner, location.name)
        if share is None:
            raise NoSuchPath(path)
        # Before anything is waited for: if the owner ends meanwhile, so does this tree.
        tree = self._trees.of(owner)
        right = share.right_of(actor.user_id, await self._membership.among(actor.user_id, share.groups))
        return Place(tree, share.path + location.rest, right, path, not location.rest)
