"""What may be done to groups, by whom and how often, dynamic and stored ones; as clients of ours meet it."""

from __future__ import annotations

from typing import Any

import pytest

from esframework.errors import (
    NotDelivered,
    StoreAway,
)
from esframework.managers.groups.contracts import GroupDetails, GroupInformation
from esframework.stores.memory import MemoryStores
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.types import RequestFailure
from tests.unit.managers.groups.house import all_of, friends, guarded, people, refusal

REASON = RequestFailure


# --- who may ----------------------------------------------------------------------------------------------------------
@simulated
async def test_strangers_and_members_are_refused_with_a_reason(network: MemoryNetwork) -> None:
    server = guarded(network)
    alice, bob, carol = await friends(network)
    for asked in (
        carol.groups.information("chess"),
        carol.groups.online_groupmates("chess"),
        carol.contacts.group_members("chess"),
        carol.groups.invite("chess", ["carol"]),
        carol.groups.pull_in("chess", ["carol"]),
        bob.groups.remove("chess", ["alice"]),
        bob.groups.set_tag("chess", "mine"),
        bob.groups.set_owner("chess", "bob"),
        bob.groups.dissolve("chess"),
    ):
        assert await refusal(asked) is REASON.NOT_ALLOWED
    assert server.refusals.counts["not_permitted_group_dissolve"] == 1
    assert await server.groups.group("chess") == GroupDetails("chess", "alice", "a game", ("alice", "bob"), False)


@simulated
async def test_administrators_may_do_everything(network: MemoryNetwork) -> None:
    server = guarded(network)
    await friends(network)
    (root,) = await people(network, "root")
    assert (await root.groups.information("chess")).members == ["alice", "bob"]
    assert (await root.contacts.group_members("chess")).online == ["alice", "bob"]
    await root.groups.remove("chess", ["alice"])
    await root.groups.set_tag("chess", "watched")
    assert await server.groups.group("chess") == GroupDetails("chess", "bob", "watched", ("bob",), False)
    await root.groups.dissolve("chess")


@simulated
async def test_the_permission_hook_decides(network: MemoryNetwork) -> None:
    asked: list[Any] = []

    def permit(action: str, user_id: str, target: str | None) -> bool | None:
        asked.append((action, user_id, target))
        return {"group_create": user_id == "alice", "group_dissolve": True}.get(action)

    guarded(network, permit=permit)
    alice, bob = await people(network, "alice", "bob")
    assert await refusal(bob.groups.join("chess")) is REASON.NOT_ALLOWED
    await alice.groups.join("chess")
    await bob.groups.dissolve("chess")
    assert asked == [
        ("group_create", "bob", "chess"),
        ("group_create", "alice", "chess"),
        ("group_dissolve", "bob", "chess"),
    ]


@simulated
async def test_joining_may_be_set_to_create_nothing(network: MemoryNetwork) -> None:
    guarded(network, join_creates=False)
    (alice,) = await people(network, "alice")
    with pytest.raises(NotDelivered, match="there is no group 'chess'"):
        await alice.groups.join("chess")
    await alice.groups.create("chess")
    await alice.groups.join("chess")


@simulated
async def test_what_cannot_be_is_refused_with_a_reason(network: MemoryNetwork) -> None:
    server = guarded(network, max_members=3, max_groups_per_user=2)
    alice, bob, carol = await friends(network)
    await people(network, "dave", "eve")
    assert await refusal(carol.groups.quit("chess")) is REASON.NO_SUCH_THING
    assert await refusal(carol.groups.quit("nothing")) is REASON.NO_SUCH_THING
    assert await refusal(carol.groups.create("chess")) is REASON.CONFLICT
    assert await refusal(carol.groups.create("_chess")) is REASON.INVALID
    assert await refusal(carol.groups.join("x" * 37)) is REASON.INVALID
    assert await refusal(carol.groups.create("go", "x" * 1025)) is REASON.INVALID
    assert await refusal(alice.groups.invite("chess", map(str, range(201)))) is REASON.INVALID
    assert await refusal(alice.groups.pull_in("chess", ["a*"])) is REASON.INVALID
    assert await refusal(alice.groups.set_owner("chess", "carol")) is REASON.NO_SUCH_THING
    assert await refusal(alice.groups.pull_in("chess", ["carol", "dave"])) is REASON.QUOTA_EXCEEDED
    await carol.groups.join("a")
    await carol.groups.join("b")
    assert await refusal(carol.groups.join("chess")) is REASON.QUOTA_EXCEEDED
    assert server.refusals.counts["group_quota_exceeded"] == 2
    assert await server.groups.members_of("chess") == ["alice", "bob"]


@simulated
async def test_a_bomb_of_groups_is_refused_and_costs_no_more(network: MemoryNetwork) -> None:
    server = guarded(network)
    mallory, alice = await people(network, "mallory", "alice")
    outcomes: list[Any] = []
    for number in range(10_000):
        mallory.groups.join(f"bomb {number}").addBoth(outcomes.append)
    network.settle()
    assert len(server.groups.dynamic_groups()) == 100
    assert server.refusals.counts["group_quota_exceeded"] > 0
    assert server.refusals.counts["group_too_fast"] > 9_000
    assert len(outcomes) == 10_000
    assert "come too fast; try again in" in str(outcomes[-1].value)
    await alice.groups.join("chess")
    network.advance(11)
    await mallory.groups.quit("bomb 0")


@simulated
async def test_going_in_and_out_of_a_crowd_is_paid_for(network: MemoryNetwork) -> None:
    server = guarded(network, presence_members=1)
    (mallory,) = await people(network, "mallory")
    crowd = [f"user {number}" for number in range(4000)]
    await server.groups.create("crowd", "root", members=crowd, stored=True)
    await server.groups.join("crowd", ["mallory"])
    done = 0
    for _ in range(10):
        await mallory.groups.quit("crowd")
        await server.groups.join("crowd", ["mallory"])
        done += 1
        if server.refusals.counts["group_too_fast"]:
            break
        if await refusal_or_none(mallory.groups.my_groups()) is REASON.TOO_FAST:
            break
    assert done == 3


async def refusal_or_none(asked: Any) -> RequestFailure | None:
    try:
        await asked
    except NotDelivered as error:
        return RequestFailure(error.reason)
    return None


# --- stored groups ----------------------------------------------------------------------------------------------------
@simulated
async def test_a_stored_group_has_members_who_are_away_and_outlives_its_server(network: MemoryNetwork) -> None:
    server = guarded(network)
    alice, bob, _ = await people(network, "alice", "bob", "carol")
    await alice.groups.create("team", "work", ["bob", "zoe"], stored=True)
    await server.close()
    await server.startService()
    await server.listen(network.server_endpoint())
    network.advance(70)
    assert await alice.groups.information("team") == GroupInformation("team", ["alice", "bob", "zoe"], "work")
    await alice.close()
    network.advance(60)
    assert await server.groups.members_of("team") == ["alice", "bob", "zoe"]


@simulated
async def test_a_stored_group_is_joined_by_invitation_or_pulled_into_by_its_owner(network: MemoryNetwork) -> None:
    guarded(network)
    alice, bob, carol = await people(network, "alice", "bob", "carol")
    await alice.groups.create("team", stored=True)
    assert await refusal(bob.groups.join("team")) is REASON.NOT_ALLOWED
    assert await alice.groups.invite("team", ["bob"]) == ["bob"]
    assert (await bob.groups.join("team")).members == ["alice", "bob"]
    assert await refusal(bob.groups.invite("team", ["carol"])) is REASON.NOT_ALLOWED
    assert await alice.groups.pull_in("team", ["carol", "zoe"]) == ["carol", "zoe"]
    await bob.groups.quit("team")
    assert await refusal(bob.groups.join("team")) is REASON.NOT_ALLOWED, "an invitation is good for one time"


@simulated
async def test_a_name_is_either_stored_or_dynamic(network: MemoryNetwork) -> None:
    server = guarded(network)
    alice, bob = await people(network, "alice", "bob")
    await alice.groups.create("team", stored=True)
    await alice.groups.create("chess")
    assert await refusal(bob.groups.create("team")) is REASON.CONFLICT
    assert await refusal(bob.groups.create("chess", stored=True)) is REASON.CONFLICT
    assert await server.groups.groups_of("bob") == []
    await alice.groups.dissolve("team")
    await bob.groups.create("team")
    assert (await server.groups.group("team")).is_stored is False


@simulated
async def test_a_stored_group_passes_to_the_next_and_goes_with_the_last(network: MemoryNetwork) -> None:
    server = guarded(network)
    alice, bob = await people(network, "alice", "bob")
    await alice.groups.create("team", members=["bob"], stored=True)
    seen = all_of(bob.groups)
    await alice.groups.quit("team")
    network.settle()
    assert seen == [("groupmate_quit", "team", "alice"), ("owner_changed", "team", "bob")]
    happened = all_of(server.groups)
    await bob.groups.quit("team")
    assert happened == [("quit", "team", "bob"), ("dissolved", "team", (), None)]


class Broken:
    """A store of groups whose database is away."""

    def __init__(self, groups: Any) -> None:
        self._groups = groups
        self.is_away = False

    def __getattr__(self, name: str) -> Any:
        if self.is_away:
            raise StoreAway("postgresql://secret@db: it cannot be reached")
        return getattr(self._groups, name)


@simulated
async def test_while_the_store_is_away_dynamic_groups_go_on_and_others_fail_clearly(network: MemoryNetwork) -> None:
    stores = MemoryStores()
    stores.groups = broken = Broken(stores.groups)  # type: ignore[assignment]
    guarded(network, stores=stores)
    alice, bob, _ = await friends(network)
    broken.is_away = True
    with pytest.raises(NotDelivered, match="groups cannot be stored or read now$") as caught:
        await alice.groups.create("team", stored=True)
    assert caught.value.reason == REASON.STORE_FAILED
    await bob.groups.quit("chess")
    assert (await bob.groups.join("chess")).members == ["alice", "bob"]
    seen = all_of(alice.groups)
    network.cut(bob)
    network.advance(10)
    assert seen == [("groupmate_offline", "chess", "bob"), ("groupmate_online", "chess", "bob")]
    broken.is_away = False
    await alice.groups.create("team", stored=True)
