"""What every `IGroupStore` promises, asked of each backend."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_twisted

from esframework import limits
from esframework.errors import (
    GroupExists,
    GroupFull,
    InvalidText,
    InvalidUserId,
    NoSuchGroup,
    NotAMember,
    TooManyGroups,
)
from esframework.interfaces import StoredGroup
from tests.interface.names import IMPOSSIBLE, POSSIBLE


@pytest.fixture
def groups(stores: Any) -> Any:
    return stores.groups


class TestGroupStore:
    """The contract; each method begins with an empty store."""

    @pytest_twisted.ensureDeferred
    async def test_there_are_no_groups_at_first(self, groups: Any) -> None:
        assert await groups.group("chess") is None
        assert await groups.groups_of("alice") == []

    @pytest_twisted.ensureDeferred
    async def test_the_owner_is_a_member(self, groups: Any) -> None:
        made = await groups.create("chess", "bob", "it's fun", ["carol", "alice", "carol"])
        assert made == StoredGroup("chess", "bob", "it's fun", ("alice", "bob", "carol"))
        assert await groups.group("chess") == made
        for name in made.members:
            assert await groups.groups_of(name) == ["chess"]

    @pytest_twisted.ensureDeferred
    async def test_an_id_is_given_once(self, groups: Any) -> None:
        await groups.create("chess", "alice", "first")
        with pytest.raises(GroupExists, match="chess"):
            await groups.create("chess", "bob", "second")
        assert (await groups.group("chess")).tag == "first"
        assert await groups.groups_of("bob") == []

    @pytest_twisted.ensureDeferred
    async def test_members_come_and_go(self, groups: Any) -> None:
        await groups.create("chess", "alice")
        assert await groups.add_members("chess", ["carol", "bob", "alice"]) == ["bob", "carol"]
        assert await groups.add_members("chess", ["bob"]) == []
        assert (await groups.group("chess")).members == ("alice", "bob", "carol")
        assert await groups.remove_members("chess", ["bob", "dora"]) == ["bob"]
        assert (await groups.group("chess")).members == ("alice", "carol")
        assert await groups.groups_of("bob") == []

    @pytest_twisted.ensureDeferred
    async def test_when_the_owner_goes_the_first_of_the_others_owns_it(self, groups: Any) -> None:
        await groups.create("chess", "bob", "", ["carol", "alice"])
        assert await groups.remove_members("chess", ["bob"]) == ["bob"]
        assert await groups.group("chess") == StoredGroup("chess", "alice", "", ("alice", "carol"))

    @pytest_twisted.ensureDeferred
    async def test_with_the_last_member_goes_the_group(self, groups: Any) -> None:
        await groups.create("chess", "bob", "", ["alice"])
        assert await groups.remove_members("chess", ["alice", "bob"]) == ["alice", "bob"]
        assert await groups.group("chess") is None
        await groups.create("chess", "carol")

    @pytest_twisted.ensureDeferred
    async def test_owner_and_tag_are_changed(self, groups: Any) -> None:
        await groups.create("chess", "alice", "old", ["bob"])
        await groups.set_owner("chess", "bob")
        await groups.set_tag("chess", "new")
        assert await groups.group("chess") == StoredGroup("chess", "bob", "new", ("alice", "bob"))
        with pytest.raises(NotAMember, match="dora"):
            await groups.set_owner("chess", "dora")

    @pytest_twisted.ensureDeferred
    async def test_a_dissolved_group_tells_whom_it_had(self, groups: Any) -> None:
        await groups.create("chess", "alice", "", ["bob"])
        assert await groups.dissolve("chess") == ["alice", "bob"]
        assert await groups.group("chess") is None
        assert await groups.groups_of("bob") == []

    @pytest_twisted.ensureDeferred
    async def test_changes_need_a_group(self, groups: Any) -> None:
        for change in (
            lambda: groups.add_members("chess", ["alice"]),
            lambda: groups.remove_members("chess", ["alice"]),
            lambda: groups.set_owner("chess", "alice"),
            lambda: groups.set_tag("chess", ""),
            lambda: groups.dissolve("chess"),
            lambda: groups.dissolve("a\0b"),
        ):
            with pytest.raises(NoSuchGroup):
                await change()

    @pytest_twisted.ensureDeferred
    async def test_groups_of_a_user_are_sorted(self, groups: Any) -> None:
        for name in ("b", "ä", "B", "a"):
            await groups.create(name, "alice")
        assert await groups.groups_of("alice") == ["B", "a", "b", "ä"]

    @pytest_twisted.ensureDeferred
    async def test_a_group_is_no_larger_than_allowed(self, groups: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(limits, "MAX_GROUP_MEMBERS", 3)
        with pytest.raises(GroupFull):
            await groups.create("chess", "a", "", ["b", "c", "d"])
        await groups.create("chess", "a", "", ["b"])
        with pytest.raises(GroupFull, match="chess.*3"):
            await groups.add_members("chess", ["c", "d"])
        assert (await groups.group("chess")).members == ("a", "b")
        await groups.add_members("chess", ["c", "a", "b"])

    @pytest_twisted.ensureDeferred
    async def test_a_user_is_in_no_more_groups_than_allowed(
        self, groups: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "MAX_GROUPS_PER_USER", 2)
        await groups.create("one", "alice")
        await groups.create("two", "bob", "", ["alice"])
        for change in (
            lambda: groups.create("three", "alice"),
            lambda: groups.create("three", "carol", "", ["alice"]),
        ):
            with pytest.raises(TooManyGroups) as refusal:
                await change()
            assert refusal.value.user_id == "alice"
        assert await groups.group("three") is None
        await groups.create("three", "carol")
        with pytest.raises(TooManyGroups):
            await groups.add_members("three", ["alice", "dora"])
        assert (await groups.group("three")).members == ("carol",)
        await groups.remove_members("two", ["alice"])
        assert await groups.add_members("three", ["alice"]) == ["alice"]

    @pytest.mark.parametrize("name", POSSIBLE.values(), ids=POSSIBLE.keys())
    @pytest_twisted.ensureDeferred
    async def test_names_are_kept_as_they_are(self, groups: Any, name: str) -> None:
        await groups.create(name, name, name, ["bob"])
        assert await groups.groups_of("bob") == await groups.groups_of(name) == [name]
        group = await groups.group(name)
        assert (group.group_id, group.owner, group.tag) == (name, name, name)
        assert await groups.remove_members(name, [name]) == [name]
        assert await groups.dissolve(name) == ["bob"]

    @pytest.mark.parametrize("name", IMPOSSIBLE.values(), ids=IMPOSSIBLE.keys())
    @pytest_twisted.ensureDeferred
    async def test_impossible_names_are_refused_and_unknown(self, groups: Any, name: str) -> None:
        await groups.create("chess", "alice")
        for change in (
            lambda: groups.create(name, "alice"),
            lambda: groups.create("go", name),
            lambda: groups.create("go", "alice", "", [name]),
            lambda: groups.add_members("chess", [name]),
            lambda: groups.remove_members("chess", [name]),
        ):
            with pytest.raises(InvalidUserId):
                await change()
        with pytest.raises(NotAMember):
            await groups.set_owner("chess", name)
        assert await groups.group(name) is None
        assert await groups.groups_of(name) == []

    @pytest.mark.parametrize("tag", ["x" * 1025, "\0", "\udc00"])
    @pytest_twisted.ensureDeferred
    async def test_impossible_tags_are_refused(self, groups: Any, tag: str) -> None:
        await groups.create("chess", "alice", "good")
        with pytest.raises(InvalidText):
            await groups.set_tag("chess", tag)
        with pytest.raises(InvalidText):
            await groups.create("go", "alice", tag)
        assert (await groups.group("chess")).tag == "good"
