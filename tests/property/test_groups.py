"""Dynamic groups against a naive model: whatever is done, both agree, and no group is ever without members."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from esframework.errors import EsError
from esframework.managers.groups.machine import Change, DynamicGroups, GroupEvent, GroupLimits, Law

USERS = ("ann", "ben", "cid", "dan")
GROUPS = ("g1", "g2", "g3")
MOST_GROUPS, MOST_OF_USER, MOST_MEMBERS, GRACE = 2, 2, 3, 30.0
users = st.sampled_from(USERS)
groups = st.sampled_from(GROUPS)
several = st.lists(users, max_size=4)


@dataclass
class Model:
    """What happened, told by the events alone: group -> members."""

    members: dict[str, list[str]] = field(default_factory=dict)
    owner: dict[str, str] = field(default_factory=dict)

    def apply(self, event: GroupEvent) -> None:
        inside = self.members.get(event.group_id, [])
        match event.change:
            case Change.CREATED:
                assert event.group_id not in self.members
                self.members[event.group_id] = list(event.users)
                self.owner[event.group_id] = event.users[0]
            case Change.JOINED | Change.PULLED_IN:
                assert event.users and not set(event.users) & set(inside)
                assert set(event.others) == set(inside)
                inside.extend(event.users)
            case Change.QUIT | Change.REMOVED:
                assert event.users and set(event.users) <= set(inside)
                self.members[event.group_id] = [each for each in inside if each not in event.users]
                assert set(event.others) == set(self.members[event.group_id])
            case Change.DISSOLVED:
                assert set(event.users) == set(inside)
                del self.members[event.group_id], self.owner[event.group_id]
            case Change.OWNER_CHANGED:
                self.owner[event.group_id] = event.text
            case Change.TAG_CHANGED:
                assert set(event.others) == set(inside)


class GroupsAgainstModel(RuleBasedStateMachine):
    """`ann` is an administrator; everybody comes and goes."""

    def __init__(self) -> None:
        super().__init__()
        self.online: set[str] = set(USERS)
        self.now = 0.0
        self.left_at: dict[str, float] = {}
        self.model = Model()
        law = Law(lambda action, user, target, default: default(), lambda user: user == "ann")
        bounds = GroupLimits(MOST_GROUPS, MOST_OF_USER, MOST_MEMBERS)
        self.groups = DynamicGroups(law, self.online.__contains__, bounds, grace=GRACE)

    def _do(self, operation: str, *arguments: object) -> None:
        before = self._state()
        try:
            events = getattr(self.groups, operation)(*arguments)
        except EsError:
            assert self._state() == before, "what raises has changed nothing"
            return
        for event in events:
            self.model.apply(event)

    def _state(self) -> object:
        found = [self.groups.known(group_id) for group_id in self.groups.ids()]
        return [(each.group_id, each.owner, each.tag, list(each.members)) for each in found]

    @rule(user=users, group=groups, members=several)
    def create(self, user: str, group: str, members: list[str]) -> None:
        self._do("create", user, group, user, "", members)

    @rule(user=users, group=groups)
    def join(self, user: str, group: str) -> None:
        self._do("join", user, group)

    @rule(user=users, group=groups)
    def quit(self, user: str, group: str) -> None:
        self._do("quit", user, group)

    @rule(operation=st.sampled_from(["pull_in", "remove"]), user=users, group=groups, names=several)
    def change_members(self, operation: str, user: str, group: str, names: list[str]) -> None:
        self._do(operation, user, group, names)

    @rule(user=users, group=groups, owner=users)
    def set_owner(self, user: str, group: str, owner: str) -> None:
        self._do("set_owner", user, group, owner)

    @rule(user=users, group=groups)
    def dissolve(self, user: str, group: str) -> None:
        self._do("dissolve", user, group)

    @rule(user=users)
    def come_or_go(self, user: str) -> None:
        if user in self.online:
            self.online.remove(user)
            self.left_at[user] = self.now
            self._do("went", user, self.now)
        else:
            self.online.add(user)
            self.left_at.pop(user, None)
            self.groups.came(user)

    @rule(seconds=st.floats(0.0, 40.0))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self._do("expire", self.now)
        for user, left_at in self.left_at.items():
            if self.now >= left_at + GRACE:
                assert not self.groups.groups_of(user), "who is away too long is in no group"

    @invariant()
    def events_tell_all(self) -> None:
        state = {group_id: set(self.groups.known(group_id).members) for group_id in self.groups.ids()}
        assert state == {group_id: set(members) for group_id, members in self.model.members.items()}
        assert {group_id: self.groups.known(group_id).owner for group_id in state} == self.model.owner

    @invariant()
    def membership_is_symmetric(self) -> None:
        for user in USERS:
            expected = {each for each in self.groups.ids() if user in self.groups.known(each).members}
            assert set(self.groups.groups_of(user)) == expected

    @invariant()
    def limits_are_kept(self) -> None:
        assert len(self.groups.ids()) <= MOST_GROUPS
        for group_id in self.groups.ids():
            group = self.groups.known(group_id)
            assert 1 <= len(group.members) <= MOST_MEMBERS
            assert group.owner in group.members
        assert all(len(self.groups.groups_of(user)) <= MOST_OF_USER for user in USERS)


GroupsAgainstModel.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestGroupsAgainstModel = GroupsAgainstModel.TestCase
