"""Dynamic groups and the law: a walk over operation and standing, and what cannot be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from esframework.errors import (
    ComeBackLater,
    EsError,
    GroupExists,
    GroupFull,
    InvalidText,
    InvalidUserId,
    NoSuchGroup,
    NotAMember,
    TooManyGroups,
)
from esframework.managers.groups.machine import (
    LAW,
    Act,
    Change,
    DynamicGroups,
    Forbidden,
    Group,
    GroupEvent,
    GroupLimits,
    Law,
    Standing,
)

AWAY = {"gone"}
"""Everybody else is online."""


def by_default(action: str, user_id: str, target: str | None, default: Callable[[], bool]) -> bool:
    return default()


LAWFUL = Law(by_default, lambda user_id: user_id == "root")


def is_online(user_id: str) -> bool:
    return user_id not in AWAY


def house(*bounds: int, **more: Any) -> DynamicGroups:
    """The group `chess` of olga, who owns it, and mike."""
    groups = DynamicGroups(LAWFUL, is_online, GroupLimits(*bounds), **more)
    groups.create("olga", "chess", "olga", "a game")
    groups.join("mike", "chess")
    return groups


def members(groups: DynamicGroups, group_id: str = "chess") -> list[str]:
    group = groups.get(group_id)
    return [] if group is None else list(group.members)


# --- the law --------------------------------------------------------------------------------------------------------
def test_the_law_knows_every_act() -> None:
    assert set(LAW) == set(Act)


STANDINGS = {
    "sam": Standing.STRANGER,
    "ines": Standing.INVITED,
    "mike": Standing.MEMBER,
    "olga": Standing.OWNER,
    "root": Standing.ADMINISTRATOR,
}


@pytest.mark.parametrize("is_stored", [False, True], ids=["dynamic", "stored"])
@pytest.mark.parametrize("user_id", STANDINGS)
@pytest.mark.parametrize("act", Act)
def test_one_may_do_what_the_table_says_for_ones_standing(act: Act, user_id: str, is_stored: bool) -> None:
    group = Group("chess", "olga", members=dict.fromkeys(["olga", "mike"]), is_stored=is_stored)
    allowed = True
    try:
        LAWFUL.check(act, user_id, group, is_invited=user_id == "ines")
    except Forbidden as error:
        allowed = False
        assert str(error) == f"{act} of group 'chess' is not permitted to {user_id!r}"
    assert allowed == (STANDINGS[user_id] >= LAW[act][is_stored])


def test_the_server_needs_no_permission() -> None:
    law = Law(lambda *asked: False, lambda user_id: False)
    for act in Act:
        law.check(act, None, Group("chess", "olga"))


def test_the_hook_decides_before_the_table_and_is_told_action_user_and_group() -> None:
    asked: list[Any] = []

    def hook(action: str, user_id: str, target: str | None, default: Callable[[], bool]) -> bool:
        asked.append((action, user_id, target))
        return not default()

    law = Law(hook, lambda user_id: False)
    law.check(Act.DISSOLVE, "sam", Group("chess", "olga"))
    with pytest.raises(Forbidden):
        law.check(Act.DISSOLVE, "olga", Group("chess", "olga"))
    assert asked == [("group_dissolve", "sam", "chess"), ("group_dissolve", "olga", "chess")]


# --- the walk ---------------------------------------------------------------------------------------------------------
OPERATIONS: dict[str, Callable[[DynamicGroups, str], list[GroupEvent]]] = {
    "create": lambda groups, user: groups.create(user, "chess", user),
    "join": lambda groups, user: groups.join(user, "chess"),
    "quit": lambda groups, user: groups.quit(user, "chess"),
    "pull_in": lambda groups, user: groups.pull_in(user, "chess", ["paul", "gone", "olga"]),
    "remove": lambda groups, user: groups.remove(user, "chess", ["mike", "paul"]),
    "set_tag": lambda groups, user: groups.set_tag(user, "chess", "new"),
    "set_owner": lambda groups, user: groups.set_owner(user, "chess", "mike"),
    "dissolve": lambda groups, user: groups.dissolve(user, "chess"),
}


def event(change: Change, operator: str | None, users: str = "", others: str = "", text: str = "") -> GroupEvent:
    return GroupEvent(change, "chess", operator, tuple(users.split()), tuple(others.split()), text)


OUTCOMES: dict[tuple[str, str], list[GroupEvent] | type[EsError]] = {
    ("create", "nobody"): [event(Change.CREATED, "nobody", "nobody")],
    ("join", "nobody"): [event(Change.CREATED, "nobody", "nobody")],
    ("quit", "nobody"): NoSuchGroup,
    ("pull_in", "nobody"): NoSuchGroup,
    ("remove", "nobody"): NoSuchGroup,
    ("set_tag", "nobody"): NoSuchGroup,
    ("set_owner", "nobody"): NoSuchGroup,
    ("dissolve", "nobody"): NoSuchGroup,
    ("create", "sam"): GroupExists,
    ("join", "sam"): [event(Change.JOINED, "sam", "sam", "olga mike")],
    ("quit", "sam"): NotAMember,
    ("pull_in", "sam"): Forbidden,
    ("remove", "sam"): Forbidden,
    ("set_tag", "sam"): Forbidden,
    ("set_owner", "sam"): Forbidden,
    ("dissolve", "sam"): Forbidden,
    ("create", "mike"): GroupExists,
    ("join", "mike"): [],
    ("quit", "mike"): [event(Change.QUIT, "mike", "mike", "olga")],
    ("pull_in", "mike"): [event(Change.PULLED_IN, "mike", "paul", "olga mike")],
    ("remove", "mike"): Forbidden,
    ("set_tag", "mike"): Forbidden,
    ("set_owner", "mike"): Forbidden,
    ("dissolve", "mike"): Forbidden,
    ("create", "olga"): GroupExists,
    ("join", "olga"): [],
    ("quit", "olga"): [
        event(Change.QUIT, "olga", "olga", "mike"),
        event(Change.OWNER_CHANGED, None, "mike", "mike", "mike"),
    ],
    ("pull_in", "olga"): [event(Change.PULLED_IN, "olga", "paul", "olga mike")],
    ("remove", "olga"): [event(Change.REMOVED, "olga", "mike", "olga")],
    ("set_tag", "olga"): [event(Change.TAG_CHANGED, "olga", "", "olga mike", "new")],
    ("set_owner", "olga"): [event(Change.OWNER_CHANGED, "olga", "mike", "olga mike", "mike")],
    ("dissolve", "olga"): [event(Change.DISSOLVED, "olga", "olga mike")],
}


def test_the_walk_takes_every_step() -> None:
    assert len(OUTCOMES) == len(OPERATIONS) * 4


@pytest.mark.parametrize(("operation", "who"), OUTCOMES, ids="-".join)
def test_each_operation_in_each_state(operation: str, who: str) -> None:
    groups = DynamicGroups(LAWFUL, is_online) if who == "nobody" else house()
    before = members(groups)
    expected = OUTCOMES[operation, who]
    if isinstance(expected, list):
        assert OPERATIONS[operation](groups, who) == expected
        return
    with pytest.raises(expected):
        OPERATIONS[operation](groups, who)
    assert members(groups) == before


# --- being there ------------------------------------------------------------------------------------------------------
def test_a_group_is_gone_with_its_last_member() -> None:
    groups = house()
    groups.quit("mike", "chess")
    assert groups.quit("olga", "chess") == [
        event(Change.QUIT, "olga", "olga"),
        event(Change.DISSOLVED, None),
    ]
    assert groups.ids() == groups.groups_of("olga") == []


def test_removing_everybody_ends_the_group() -> None:
    assert house().remove("olga", "chess", ["mike", "olga"])[-1] == event(Change.DISSOLVED, None)


def test_joining_a_group_that_is_not_there_may_be_set_to_fail() -> None:
    groups = house(join_creates=False)
    with pytest.raises(NoSuchGroup, match="there is no group 'go'"):
        groups.join("mike", "go")
    assert groups.ids() == ["chess"]


def test_only_who_is_online_becomes_a_member() -> None:
    groups = house()
    assert groups.pull_in("olga", "chess", ["gone"]) == groups.join("gone", "chess") == []
    with pytest.raises(NotAMember):
        groups.create(None, "go", "gone")
    created = groups.create(None, "go", "olga", "", ["gone", "paul", "olga", "paul"])
    assert [(each.change, each.users) for each in created] == [
        (Change.CREATED, ("olga",)),
        (Change.PULLED_IN, ("paul",)),
    ]


def test_who_is_away_stays_for_the_grace_and_then_leaves_all_groups() -> None:
    groups = house(grace=30.0)
    groups.join("mike", "go")
    assert groups.went("mike", 100.0) == groups.expire(129.9) == []
    assert groups.expire(130.0) == [
        event(Change.QUIT, "mike", "mike", "olga"),
        GroupEvent(Change.QUIT, "go", "mike", ("mike",)),
        GroupEvent(Change.DISSOLVED, "go", None),
    ]
    assert groups.groups_of("mike") == groups.expire(1000.0) == []


def test_who_comes_back_in_time_stays() -> None:
    groups = house(grace=30.0)
    groups.went("olga", 100.0)
    groups.came("olga")
    assert groups.expire(1000.0) == []
    assert groups.get("chess").owner == "olga"  # type: ignore[union-attr]


def test_time_away_is_counted_from_the_last_going() -> None:
    groups = house(grace=30.0)
    groups.went("mike", 100.0)
    groups.came("mike")
    groups.went("olga", 110.0)
    groups.went("mike", 120.0)
    assert [each.users for each in groups.expire(140.0)] == [("olga",), ("mike",)]
    assert members(groups) == ["mike"]


def test_without_grace_one_leaves_at_once() -> None:
    groups = house(grace=0)
    assert groups.went("mike", 1.0) == [event(Change.QUIT, "mike", "mike", "olga")]
    assert groups.went("sam", 1.0) == []


# --- what is refused --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["", "_0", "*", "a#b", " chess", "\n", "x" * 256])
def test_names_obey_the_rule(name: str) -> None:
    groups = house()
    for make in (lambda: groups.create("olga", name, "olga"), lambda: groups.join("olga", name)):
        with pytest.raises(InvalidUserId, match="^group id "):
            make()
    assert groups.ids() == ["chess"]


@pytest.mark.parametrize("tag", ["x" * 1025, "a\0b", "\ud800"])
def test_tags_are_short_texts(tag: str) -> None:
    groups = house()
    with pytest.raises(InvalidText, match="a group's tag"):
        groups.set_tag("olga", "chess", tag)
    with pytest.raises(InvalidText):
        groups.create("olga", "go", "olga", tag)
    assert groups.get("chess").tag == "a game"  # type: ignore[union-attr]
    assert groups.ids() == ["chess"]


def test_an_owner_is_a_member() -> None:
    with pytest.raises(NotAMember, match="'sam' is no member of group 'chess'"):
        house().set_owner("olga", "chess", "sam")


def test_members_are_limited() -> None:
    groups = house(0, 0, 3)
    for many in (lambda: groups.pull_in("olga", "chess", ["a", "b"]), lambda: groups.create("a", "b", "a", "", "cde")):
        with pytest.raises(GroupFull, match="more than 3 members"):
            many()
    groups.join("a", "chess")
    with pytest.raises(GroupFull):
        groups.join("b", "chess")
    assert members(groups) == ["olga", "mike", "a"]
    assert groups.ids() == ["chess"]


def test_a_bomb_of_groups_stops_at_the_limit_of_its_user_and_costs_no_more() -> None:
    groups = DynamicGroups(LAWFUL, is_online)
    refused = 0
    for number in range(10_000):
        try:
            groups.join("mallory", f"group {number}")
        except TooManyGroups as error:
            refused += 1
            assert str(error) == "'mallory' is in 100 groups already, and may be in no more"
    assert (len(groups.ids()), refused) == (100, 9_900)


def test_others_use_up_half_of_what_one_may_be_in() -> None:
    groups = DynamicGroups(LAWFUL, is_online, GroupLimits(groups_per_user=4))
    for name in "ab":
        groups.create("mallory", name, "mallory", "", ["victim"])
    groups.create("mallory", "c", "mallory")
    with pytest.raises(TooManyGroups):
        groups.pull_in("mallory", "c", ["victim"])
    groups.join("victim", "c")
    groups.join("victim", "d")
    assert groups.groups_of("victim") == ["a", "b", "c", "d"]


def test_groups_are_limited_in_all() -> None:
    groups = house(1)
    with pytest.raises(ComeBackLater, match="1 dynamic groups"):
        groups.join("mike", "go")
    groups.dissolve(None, "chess")
    groups.join("mike", "go")
    assert groups.ids() == ["go"]
