"""The server's half of groups: what the application sees of them, and what becomes of each change."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred

from esframework import limits
from esframework.errors import StoreError
from esframework.interfaces import IServerContext, Registrations
from esframework.managers.groups.answers import StoreComplaints
from esframework.managers.groups.contracts import GroupDetails
from esframework.managers.groups.departures import Departures
from esframework.managers.groups.invitations import Invitations
from esframework.managers.groups.machine import Change, DynamicGroups, Group, GroupEvent, GroupLimits, Law
from esframework.managers.groups.notices import Notices
from esframework.managers.groups.operations import THE_SERVER, Actor, GroupOperations
from esframework.managers.groups.options import GroupsOptions
from esframework.managers.groups.pace import Pace
from esframework.managers.groups.presence import Presence
from esframework.managers.groups.requests import GroupRequests
from esframework.managers.groups.stored import StoredGroups
from esframework.net.threads import hops_to_reactor
from esframework.plugins.hooks import Event
from esframework.wire.identity import name_list
from esframework.wire.login_id import Source

T = TypeVar("T")


class ServerGroups:
    """`server.groups` (manual: dynamic-group demo).

    Groups are dynamic (in memory, of users who are online, gone with their last member) or stored (members may be
    away). What is done here needs no permission, and fails with `NoSuchGroup`, `GroupExists`, `GroupFull`,
    `TooManyGroups`, `NotAMember`, `InvalidUserId`, `InvalidText`, with a `StoreError`, or with `ComeBackLater`.

    Events, whoever caused them: `created(group_id, owner)`, `joined(group_id, user_id)`, `quit(group_id, user_id)`,
    `pulled_in(group_id, users, operator)`, `removed(group_id, users, operator)`, `tag_changed(group_id, tag,
    operator)`, `owner_changed(group_id, owner, operator)`, `dissolved(group_id, members, operator)`; operator None is
    the server.

    The permission hook is asked with the group's id: `group_create`, `group_create_stored`, `group_join`,
    `group_pull_in`, `group_remove`, `group_invite`, `group_set_tag`, `group_set_owner`, `group_dissolve`,
    `group_information`, `group_broadcast`; and `group_list` about all (`*`). Its defaults are `machine.LAW`.
    """

    def __init__(self, server: IServerContext) -> None:
        self._server = server
        self.reactor = server.clock
        options: GroupsOptions = server.options.groups
        self._declare_events()
        law = Law(server.permit, server.is_administrator)
        is_online = server.users.is_online
        bounds = GroupLimits(options.max_groups, options.max_groups_per_user, options.max_members)
        self._dynamic = DynamicGroups(
            law, is_online, bounds, join_creates=options.join_creates, grace=options.away_grace
        )
        invitations = Invitations()
        self._stored = StoredGroups(lambda: server.stores.groups, law, invitations)
        self._departures = Departures()
        self._operations = GroupOperations(
            self._dynamic,
            self._stored,
            invitations,
            self._departures,
            law,
            is_online,
            server.options.max_user_id,
            self._done,
        )
        self._notices = Notices(server)
        self._pace = Pace(options.operations_per_second)
        self._presence = Presence(server.clock, self._groups_of, self._tell_presence, options.presence_members)
        self._complaints = StoreComplaints(server.clock)
        # Users whose first device came, and whose log-on is not complete: the application, which hears of them after
        # this, may end it there.
        self._arriving: set[str] = set()
        server.users.connected.subscribe(self._connected)
        self._requests = GroupRequests(server, self._operations, self._notices, self._pace, self._complaints)
        server.manager("contacts").members_from(self._members)

    def _declare_events(self) -> None:
        self.created: Event[str, str] = Event("groups.created")
        self.joined: Event[str, str] = Event("groups.joined")
        self.quit: Event[str, str] = Event("groups.quit")
        self.pulled_in: Event[str, tuple[str, ...], str | None] = Event("groups.pulled_in")
        self.removed: Event[str, tuple[str, ...], str | None] = Event("groups.removed")
        self.tag_changed: Event[str, str, str | None] = Event("groups.tag_changed")
        self.owner_changed: Event[str, str, str | None] = Event("groups.owner_changed")
        self.dissolved: Event[str, tuple[str, ...], str | None] = Event("groups.dissolved")

    # --- questions ----------------------------------------------------------------------------------------------------
    @hops_to_reactor
    def group(self, group_id: str) -> Deferred[GroupDetails | None]:
        """A group, None when there is none of that id."""

        async def ask() -> GroupDetails | None:
            group = await self._operations.get(group_id)
            return None if group is None else _details(group)

        return Deferred.fromCoroutine(ask())

    @hops_to_reactor
    def members_of(self, group_id: str) -> Deferred[list[str]]:
        """Members of a group, nobody for one that is not there."""

        async def ask() -> list[str]:
            group = await self._operations.get(group_id)
            return [] if group is None else list(group.members)

        return Deferred.fromCoroutine(ask())

    @hops_to_reactor
    def groups_of(self, user_id: str) -> Deferred[list[str]]:
        """Ids of the groups that a user is in, dynamic ones first."""
        return Deferred.fromCoroutine(self._operations.groups_of(user_id))

    @hops_to_reactor
    def dynamic_groups(self) -> list[str]:
        """Ids of all dynamic groups, the oldest first."""
        return self._dynamic.ids()

    # --- changes ------------------------------------------------------------------------------------------------------
    @hops_to_reactor
    def create(
        self, group_id: str, owner: str, tag: str = "", members: Iterable[str] = (), *, stored: bool = False
    ) -> Deferred[GroupDetails]:
        """Make a group. A dynamic one needs an owner who is online, and takes of the members those who are."""
        wanted = name_list(members, "members")

        async def create() -> GroupDetails:
            return _details(await self._operations.create(THE_SERVER, group_id, owner, tag, wanted, stored))

        return Deferred.fromCoroutine(create())

    @hops_to_reactor
    def join(self, group_id: str, users: Iterable[str]) -> Deferred[list[str]]:
        """Make users members; fires with those who were none before, and in a dynamic group are online."""
        return Deferred.fromCoroutine(self._operations.pull_in(THE_SERVER, group_id, name_list(users, "users")))

    @hops_to_reactor
    def remove(self, group_id: str, users: Iterable[str]) -> Deferred[list[str]]:
        """Take users out of a group; fires with those who were members."""
        return Deferred.fromCoroutine(self._operations.remove(THE_SERVER, group_id, name_list(users, "users")))

    @hops_to_reactor
    def set_tag(self, group_id: str, tag: str) -> Deferred[None]:
        """Give a group another tag, a short text of the application's."""
        return Deferred.fromCoroutine(self._operations.set_tag(THE_SERVER, group_id, tag))

    @hops_to_reactor
    def set_owner(self, group_id: str, owner: str) -> Deferred[None]:
        """Give a group another owner, one of its members."""
        return Deferred.fromCoroutine(self._operations.set_owner(THE_SERVER, group_id, owner))

    @hops_to_reactor
    def dissolve(self, group_id: str) -> Deferred[None]:
        """End a group."""
        return Deferred.fromCoroutine(self._operations.dissolve(THE_SERVER, group_id))

    # --- what the engine tells ----------------------------------------------------------------------------------------
    def registrations(self) -> Registrations:
        """What this half brings to a server."""
        handlers = self._requests.handlers()

        def addressed(message_type: int) -> Any:
            # Whether the header is addressed to the server or to the group makes no difference: the body says which.
            return lambda sender, destination, message_id, body: handlers[message_type](sender, message_id, body)

        return Registrations(
            facade=self,
            handlers=handlers,
            addressed={message_type: addressed(message_type) for message_type in handlers},
            logged_on=self._logged_on,
            logged_off=self._logged_off,
            sweep=self._sweep,
            stop=self._stop,
        )

    def _connected(self, user: Any) -> None:
        if len(self._server.users.devices_of(user.user_id)) == 1:
            self._arriving.add(user.user_id)

    def _logged_on(self, sender: Any) -> None:
        user_id = str(sender.name)
        self._dynamic.came(user_id)
        if user_id in self._arriving:
            self._arriving.discard(user_id)
            self._presence.changed(user_id, True)

    def _logged_off(self, source: Source | None) -> None:
        if source is None or self._server.users.is_online(source):
            return
        user_id = str(source)
        self._announce(self._dynamic.went(user_id, self._server.clock.seconds()))
        if user_id in self._arriving:
            # Nobody has heard that he was there.
            self._arriving.discard(user_id)
        else:
            self._presence.changed(user_id, False)

    def _sweep(self, now: float) -> None:
        self._announce(self._dynamic.expire(now))
        self._departures.sweep(now)
        self._pace.sweep(now)

    def _stop(self) -> None:
        self._presence.close()
        self._notices.close()

    # --- what happened ------------------------------------------------------------------------------------------------
    def _done(self, events: list[GroupEvent], actor: Actor) -> None:
        self._departures.note(events, self._server.clock.seconds())
        self._changed(events, actor)

    def _announce(self, events: list[GroupEvent]) -> None:
        # Who was away for too long did not want to leave, and may come back by itself.
        if events:
            self._changed(events, THE_SERVER)

    def _changed(self, events: list[GroupEvent], actor: Actor) -> None:
        contacts = self._server.manager("contacts")
        for event in events:
            contacts.changed(group_id=event.group_id)
            self._notices.tell(event, actor.connection)
            self._fire(event)
        if actor.user_id is not None:
            receivers = sum(len(event.others) + len(event.users) for event in events)
            cost = receivers / limits.NAMES_PER_OPERATION
            self._pace.charge(actor.user_id, cost, self._server.clock.seconds())

    def _fire(self, event: GroupEvent) -> None:
        group_id, operator = event.group_id, event.operator
        match event.change:
            case Change.CREATED:
                self.created.fire(group_id, event.users[0])
            case Change.JOINED:
                self.joined.fire(group_id, event.users[0])
            case Change.QUIT:
                self.quit.fire(group_id, event.users[0])
            case Change.PULLED_IN:
                self.pulled_in.fire(group_id, event.users, operator)
            case Change.REMOVED:
                self.removed.fire(group_id, event.users, operator)
            case Change.TAG_CHANGED:
                self.tag_changed.fire(group_id, event.text, operator)
            case Change.OWNER_CHANGED:
                self.owner_changed.fire(group_id, event.text, operator)
            case Change.DISSOLVED:
                self.dissolved.fire(group_id, event.users, operator)

    # --- for contacts and presence ------------------------------------------------------------------------------------
    def _members(self, group_id: str) -> Any:
        """Members for broadcasts: at once where they are in memory; None for a group that is not there."""
        group = self._dynamic.get(group_id)
        if group is not None:
            return list(group.members)
        return Deferred.fromCoroutine(self._stored_members(group_id))

    async def _stored_members(self, group_id: str) -> list[str] | None:
        group = await self._stored.get(group_id)
        return None if group is None else list(group.members)

    async def _groups_of(self, user_id: str) -> list[Group]:
        found = [self._dynamic.get(group_id) for group_id in self._dynamic.groups_of(user_id)]
        try:
            found += [await self._stored.get(group_id) for group_id in await self._stored.groups_of(user_id)]
        except StoreError as error:
            self._complaints.add(error)
        return [group for group in found if group is not None]

    def _tell_presence(self, group: Group, user_id: str, is_online: bool) -> None:
        self._notices.presence(group.group_id, user_id, is_online, group.without([user_id]))


def _details(group: Group) -> GroupDetails:
    return GroupDetails(group.group_id, group.owner, group.tag, tuple(group.members), group.is_stored)
