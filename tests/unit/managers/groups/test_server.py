"""Groups as clients of ours and their server see them."""

from __future__ import annotations

import pytest

from esframework import ClientOptions, limits
from esframework.errors import (
    GroupExists,
    InvalidUserId,
    NoSuchGroup,
    NotAMember,
)
from esframework.managers.groups.contracts import GroupDetails, GroupInformation
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.profile import ClientType7
from esframework.wire.types import RequestFailure
from tests.peers import FramePeer
from tests.unit.managers.groups.house import all_of, friends, guarded, people, refusal

REASON = RequestFailure


# --- one life of a group ----------------------------------------------------------------------------------------------
@simulated
async def test_a_group_from_its_making_to_its_end(network: MemoryNetwork) -> None:
    server = guarded(network)
    happened = all_of(server.groups)
    alice, bob, carol = await people(network, "alice", "bob", "carol")
    seen = all_of(alice.groups)
    assert await alice.groups.create("chess", "a game") == GroupInformation("chess", ["alice"], "a game")
    assert await bob.groups.join("chess") == GroupInformation("chess", ["alice", "bob"], "a game")
    assert await bob.groups.pull_in("chess", ["carol", "bob", "nobody"]) == ["carol"]
    await alice.groups.set_tag("chess", "a long game")
    assert await alice.groups.remove("chess", ["carol", "nobody"]) == ["carol"]
    await bob.groups.quit("chess")
    await bob.groups.join("chess")
    await alice.groups.set_owner("chess", "bob")
    await bob.groups.dissolve("chess")
    network.settle()
    assert seen == [
        ("groupmate_joined", "chess", "bob"),
        ("groupmates_pulled_in", "chess", ["carol"], "bob"),
        ("groupmate_quit", "chess", "bob"),
        ("groupmate_joined", "chess", "bob"),
        ("dissolved", "chess", "bob"),
    ]
    assert happened == [
        ("created", "chess", "alice"),
        ("joined", "chess", "bob"),
        ("pulled_in", "chess", ("carol",), "bob"),
        ("tag_changed", "chess", "a long game", "alice"),
        ("removed", "chess", ("carol",), "alice"),
        ("quit", "chess", "bob"),
        ("joined", "chess", "bob"),
        ("owner_changed", "chess", "bob", "alice"),
        ("dissolved", "chess", ("alice", "bob"), "bob"),
    ]
    assert server.groups.dynamic_groups() == []


@simulated
async def test_those_whom_others_bring_in_and_throw_out_are_told(network: MemoryNetwork) -> None:
    guarded(network)
    alice, bob, carol = await friends(network)
    seen, others = all_of(carol.groups), all_of(bob.groups)
    await alice.groups.pull_in("chess", ["carol"])
    await alice.groups.set_tag("chess", "new")
    await alice.groups.set_owner("chess", "carol")
    await carol.groups.set_owner("chess", "alice")
    await alice.groups.remove("chess", ["carol"])
    network.settle()
    assert seen == [
        ("pulled_into", "chess", "alice"),
        ("tag_changed", "chess", "new", "alice"),
        ("owner_changed", "chess", "carol"),
        ("removed_from", "chess", "alice"),
    ]
    assert others[0] == ("groupmates_pulled_in", "chess", ["carol"], "alice")
    assert others[-1] == ("groupmates_removed", "chess", ["carol"], "alice")


@simulated
async def test_a_group_is_joined_by_who_is_invited(network: MemoryNetwork) -> None:
    guarded(network)
    alice, bob, carol = await friends(network)
    seen = all_of(carol.groups)
    assert await bob.groups.invite("chess", ["carol", "alice", "nobody"]) == ["carol"]
    network.settle()
    assert seen == [("invited", "chess", "bob")]
    assert (await carol.groups.join("chess")).members == ["alice", "bob", "carol"]


@simulated
async def test_questions_about_groups(network: MemoryNetwork) -> None:
    server = guarded(network)
    alice, bob, carol = await friends(network)
    await server.groups.create("team", "carol", members=["alice", "dave"], stored=True)
    assert await alice.groups.my_groups() == ["chess", "team"]
    assert await alice.groups.information("team") == GroupInformation("team", ["alice", "carol", "dave"], "")
    assert await alice.groups.online_groupmates("team") == ["carol"]
    assert await server.groups.groups_of("alice") == ["chess", "team"]
    assert await server.groups.members_of("team") == ["alice", "carol", "dave"]
    assert await server.groups.members_of("nothing") == []
    assert await server.groups.group("nothing") is None
    assert await server.groups.group("chess") == GroupDetails("chess", "alice", "a game", ("alice", "bob"), False)
    members = await alice.contacts.group_members("team")
    assert (members.online, members.offline) == (["alice", "carol"], ["dave"])


@simulated
async def test_lists_come_in_pages(network: MemoryNetwork) -> None:
    server = guarded(network)
    alice, root = await people(network, "alice", "root")
    for name in ("b1", "a", "b3", "b2"):
        await alice.groups.create(name, "t", stored=name == "b3")
    await server.groups.create("b0", "root")
    page = await alice.groups.list_groups(limit=2, prefix="b")
    assert ([(row.id, row.is_stored, row.member_count, row.owner, row.tag) for row in page.groups], page.has_more) == (
        [("b1", False, 1, "alice", "t"), ("b2", False, 1, "alice", "t")],
        True,
    )
    page = await alice.groups.list_groups("b2", 2, prefix="b")
    assert ([row.id for row in page.groups], page.has_more) == (["b3"], False)
    assert await refusal(alice.groups.list_groups(only_mine=False)) is REASON.NOT_ALLOWED
    page = await root.groups.list_groups(only_mine=False)
    assert [row.id for row in page.groups] == ["a", "b0", "b1", "b2"]


@simulated
async def test_a_group_talks_by_broadcasts(network: MemoryNetwork) -> None:
    guarded(network)
    alice, bob, carol = await friends(network)
    heard = {name: all_of(each.contacts) for name, each in (("bob", bob), ("carol", carol))}
    await alice.contacts.broadcast("chess", 7, b"e4")
    network.settle()
    said = ("broadcast_received", "alice", "chess", 7, b"e4", "")
    assert said in heard["bob"]
    assert said not in heard["carol"]
    await bob.groups.quit("chess")
    await alice.contacts.broadcast("chess", 7, b"c5")
    assert (await alice.contacts.broadcast("chess", 7, b"c5")).reached == 0


# --- coming and going -------------------------------------------------------------------------------------------------
@simulated
async def test_groupmates_hear_who_goes_and_comes_back_and_the_group_stays(network: MemoryNetwork) -> None:
    server = guarded(network)
    alice, bob, carol = await friends(network)
    seen, strangers = all_of(alice.groups), all_of(carol.groups)
    network.cut(bob)
    network.advance(0.5)
    network.advance(10)
    assert seen == [("groupmate_offline", "chess", "bob"), ("groupmate_online", "chess", "bob")]
    assert strangers == []
    assert await server.groups.members_of("chess") == ["alice", "bob"]


@simulated
async def test_whom_the_application_turns_away_as_he_comes_is_not_shown_as_gone(network: MemoryNetwork) -> None:
    server = guarded(network)
    alice, bob, _ = await friends(network)
    await server.groups.create("team", "alice", members=["zoe"], stored=True)
    await bob.close()
    network.settle()
    seen = all_of(alice.groups)
    turned_away = server.users.connected.subscribe(lambda user: server.basic.kick_out(user.user_id))
    for name in ("zoe", "bob"):
        FramePeer(network, name).log_on()
        network.settle()
    assert (seen, server.users.ids()) == ([], ["alice", "carol"])
    network.advance(40)
    assert seen == [("groupmate_quit", "chess", "bob")]
    turned_away.cancel()
    await people(network, "zoe")
    network.settle()
    assert seen[1:] == [("groupmate_online", "team", "zoe")]


@simulated
async def test_a_device_that_takes_the_place_of_the_first_as_it_comes_is_no_news(network: MemoryNetwork) -> None:
    server = guarded(network)
    (alice,) = await people(network, "alice")
    await server.groups.create("team", "alice", members=["bob"], stored=True)
    FramePeer(network, "4#bob", generation=7).online()
    network.settle()
    seen = all_of(alice.groups)
    server.users.connected.subscribe(lambda user: server.basic.kick_out("4#bob"))
    FramePeer(network, "6#bob", generation=7).online()
    network.settle()
    assert ([user.login_id for user in server.users.devices_of("bob")], seen) == (["6#bob"], [])
    server.basic.kick_out("bob")
    network.settle()
    assert seen == [("groupmate_offline", "team", "bob")]


@simulated
async def test_who_stays_away_has_quit(network: MemoryNetwork) -> None:
    server = guarded(network)
    alice, bob, _ = await friends(network)
    seen = all_of(bob.groups)
    await alice.close()
    network.advance(29)
    assert await server.groups.members_of("chess") == ["alice", "bob"]
    network.advance(2)
    assert seen == [
        ("groupmate_offline", "chess", "alice"),
        ("groupmate_quit", "chess", "alice"),
        ("owner_changed", "chess", "bob"),
    ]
    await bob.close()
    network.advance(32)
    assert server.groups.dynamic_groups() == []


@simulated
async def test_a_reconnect_of_its_only_member_loses_no_group(network: MemoryNetwork) -> None:
    server = guarded(network)
    (alice,) = await people(network, "alice")
    await alice.groups.create("chess", "a game")
    happened = all_of(server.groups)
    network.cut(alice)
    network.advance(10)
    assert (await alice.groups.information("chess")).tag == "a game"
    assert happened == []


@simulated
async def test_without_grace_a_member_who_drops_its_connection_has_quit(network: MemoryNetwork) -> None:
    guarded(network, away_grace=0)
    alice, bob, _ = await friends(network)
    seen = all_of(alice.groups)
    network.cut(bob)
    assert seen == [("groupmate_quit", "chess", "bob")]
    network.advance(10)
    assert seen[1:] == [("groupmate_joined", "chess", "bob")]


@simulated
async def test_a_client_comes_back_into_its_groups_after_the_server_was_away_for_long(network: MemoryNetwork) -> None:
    server = guarded(network)
    alice, bob, _ = await friends(network)
    await server.groups.create("team", "carol", members=["alice"], stored=True)
    await alice.groups.information("team")
    rejoined = all_of(alice.groups)
    network.go_down()
    network.advance(120)
    assert server.groups.dynamic_groups() == []
    network.come_up()
    network.advance(70)
    assert [each for each in rejoined if each[0] == "groups_rejoined"] == [("groups_rejoined", ["chess", "team"], [])]
    assert sorted(await server.groups.members_of("chess")) == ["alice", "bob"]


@simulated
async def test_a_group_that_refuses_is_lost_and_not_asked_again(network: MemoryNetwork) -> None:
    server = guarded(network, join_creates=False, away_grace=0)
    alice, bob, _ = await friends(network)
    await server.groups.create("team", "carol", members=["bob"], stored=True)
    network.settle()
    happened = all_of(bob.groups)
    await alice.groups.dissolve("chess")
    await alice.groups.create("go", members=["bob"])
    network.settle()
    network.cut(bob)
    await server.groups.remove("team", ["bob"])
    await server.groups.dissolve("go")
    network.advance(10)
    assert happened[-1] == ("groups_rejoined", [], ["team", "go"])
    network.cut(bob)
    network.advance(10)
    assert happened[-1] == ("groups_rejoined", [], ["team", "go"])
    assert len([each for each in happened if each[0] == "groups_rejoined"]) == 1


@simulated
async def test_a_client_that_was_away_does_not_undo_what_happened_meanwhile(network: MemoryNetwork) -> None:
    server = guarded(network)
    alice, bob, _ = await friends(network)
    for name in ("go", "tennis", "football"):
        await bob.groups.join(name)
    phone = await network.client("bob", options=ClientOptions(generation=7, client_type=ClientType7.IOS))
    await alice.groups.join("go")
    happened = all_of(bob.groups)
    network.cut(bob)
    await phone.groups.quit("tennis")
    await phone.groups.dissolve("football")
    await alice.groups.remove("chess", ["bob"])
    network.advance(10)
    assert happened == [("groups_rejoined", ["go"], ["chess", "tennis", "football"])]
    assert await server.groups.groups_of("bob") == ["go"]
    assert server.refusals.counts["group_not_allowed"] == 3
    network.cut(bob)
    network.advance(10)
    assert happened[1:] == [("groups_rejoined", ["go"], [])]


@simulated
async def test_whoever_joins_deliberately_comes_back_into_that_group_again(network: MemoryNetwork) -> None:
    server = guarded(network)
    alice, bob, _ = await friends(network)
    await alice.groups.remove("chess", ["bob"])
    network.settle()
    await bob.groups.join("chess")
    await bob.groups.join("go")
    happened = all_of(bob.groups)
    for seconds in (10, 120):
        network.go_down()
        network.advance(seconds)
        network.come_up()
        network.advance(70)
    rejoined = [each for each in happened if each[0] == "groups_rejoined"]
    assert rejoined == [("groups_rejoined", ["chess", "go"], [])] * 2
    assert sorted(await server.groups.groups_of("bob")) == ["chess", "go"]


@simulated
async def test_the_memory_of_departures_ends_with_its_time(network: MemoryNetwork) -> None:
    server = guarded(network)
    alice, bob, _ = await friends(network)
    network.cut(bob)
    await alice.groups.remove("chess", ["bob"])
    server.dispatcher.sweep(server.clock.seconds() + limits.DEPARTURE_TIME)
    network.advance(10)
    assert await server.groups.members_of("chess") == ["alice", "bob"]


@simulated
async def test_the_next_account_of_a_client_is_not_in_the_groups_of_the_last(network: MemoryNetwork) -> None:
    server = guarded(network, away_grace=0)
    alice, _, _ = await friends(network)
    await alice.close()
    await alice.log_on("zoe", "", network.endpoint_of(alice))
    network.cut(alice)
    network.advance(10)
    assert await server.groups.groups_of("zoe") == []


@simulated
async def test_with_another_device_online_nobody_hears_of_the_one_that_goes(network: MemoryNetwork) -> None:
    server = guarded(network)
    alice, bob, _ = await friends(network)
    phone = await network.client("bob", options=ClientOptions(generation=7, client_type=ClientType7.IOS))
    seen = all_of(alice.groups)
    await bob.close()
    network.advance(60)
    assert seen == []
    assert await server.groups.members_of("chess") == ["alice", "bob"]
    heard = all_of(phone.contacts)
    await alice.contacts.broadcast("chess", 1, b"to all devices")
    network.settle()
    assert heard == [("broadcast_received", "alice", "chess", 1, b"to all devices", "")]


@simulated
async def test_the_other_devices_of_an_account_see_what_one_does(network: MemoryNetwork) -> None:
    guarded(network)
    alice, bob, _ = await friends(network)
    phone = await network.client("bob", options=ClientOptions(generation=7, client_type=ClientType7.IOS))
    on_desktop, on_phone = all_of(bob.groups), all_of(phone.groups)
    await phone.groups.join("go")
    await phone.groups.create("tennis")
    await phone.groups.pull_in("chess", ["carol"])
    await phone.groups.quit("go")
    network.settle()
    assert on_desktop == [
        ("joined_elsewhere", "go"),
        ("joined_elsewhere", "tennis"),
        ("groupmates_pulled_in", "chess", ["carol"], "bob"),
        ("quit_elsewhere", "go"),
    ]
    assert on_phone == []
    await phone.close()
    network.cut(bob)
    network.advance(10)
    assert on_desktop[-1] == ("groups_rejoined", ["chess", "tennis"], [])


@simulated
async def test_the_largest_groups_do_not_hear_who_comes_and_goes(network: MemoryNetwork) -> None:
    guarded(network, presence_members=1)
    alice, bob, _ = await friends(network)
    seen = all_of(alice.groups)
    network.cut(bob)
    network.advance(10)
    assert seen == []


# --- the server's own calls -------------------------------------------------------------------------------------------
@simulated
async def test_the_server_does_to_groups_what_it_likes(network: MemoryNetwork) -> None:
    server = guarded(network)
    alice, bob = await people(network, "alice", "bob")
    seen = all_of(alice.groups)
    made = await server.groups.create("lobby", "alice", "hall", ["bob", "nobody"])
    assert made == GroupDetails("lobby", "alice", "hall", ("alice", "bob"), False)
    assert await server.groups.remove("lobby", ["bob"]) == ["bob"]
    assert await server.groups.join("lobby", ["bob", "nobody"]) == ["bob"]
    await server.groups.set_tag("lobby", "big hall")
    await server.groups.set_owner("lobby", "bob")
    await server.groups.dissolve("lobby")
    network.settle()
    assert seen == [
        ("pulled_into", "lobby", None),
        ("groupmates_pulled_in", "lobby", ["bob"], None),
        ("groupmates_removed", "lobby", ["bob"], None),
        ("groupmates_pulled_in", "lobby", ["bob"], None),
        ("tag_changed", "lobby", "big hall", None),
        ("owner_changed", "lobby", "bob"),
        ("dissolved", "lobby", None),
    ]


@simulated
async def test_a_change_that_concerns_too_many_names_nobody(network: MemoryNetwork) -> None:
    server = guarded(network)
    alice, bob = await people(network, "alice", "bob")
    seen = [all_of(each.groups) for each in (alice, bob)]
    crowd = [f"user {number}" for number in range(300)]
    await server.groups.create("crowd", "alice", members=["bob", *crowd], stored=True)
    assert len(await server.groups.remove("crowd", crowd)) == 300
    network.settle()
    assert seen[0][1:] == [("groupmates_pulled_in", "crowd", [], None), ("groupmates_removed", "crowd", [], None)]
    assert seen[1] == [("pulled_into", "crowd", None), ("groupmates_removed", "crowd", [], None)]


@simulated
async def test_to_look_into_a_crowd_costs_more_than_into_a_room(network: MemoryNetwork) -> None:
    server = guarded(network)
    (alice,) = await people(network, "alice")
    await server.groups.create("crowd", "alice", members=[f"user {number}" for number in range(4999)], stored=True)
    await alice.groups.information("crowd")
    await alice.groups.information("crowd")
    assert await refusal(alice.groups.information("crowd")) is REASON.TOO_FAST
    network.advance(10)
    await alice.groups.information("crowd")


@simulated
async def test_the_servers_own_calls_fail_with_the_reason(network: MemoryNetwork) -> None:
    server = guarded(network)
    await people(network, "alice")
    await server.groups.create("lobby", "alice")
    for error, asked in (
        (GroupExists, server.groups.create("lobby", "alice", stored=True)),
        (NotAMember, server.groups.create("club", "nobody")),
        (NotAMember, server.groups.set_owner("lobby", "nobody")),
        (NoSuchGroup, server.groups.join("nothing", ["alice"])),
        (NoSuchGroup, server.groups.dissolve("nothing")),
        (InvalidUserId, server.groups.create("_", "alice")),
    ):
        with pytest.raises(error):
            await asked


@simulated
async def test_one_name_is_not_taken_for_a_list_of_letters(network: MemoryNetwork) -> None:
    server = network.server()
    alice = await network.client("alice")
    groups, basic = alice.groups, alice.basic
    for call in (
        lambda: groups.create("chess", members="bob"),
        lambda: groups.invite("chess", "bob"),
        lambda: groups.pull_in("chess", "bob"),
        lambda: groups.remove("chess", "bob"),
        lambda: basic.are_users_online("bob"),
        lambda: server.groups.create("chess", "alice", members="bob"),
        lambda: server.groups.join("chess", "bob"),
        lambda: server.groups.remove("chess", "bob"),
    ):
        with pytest.raises(InvalidUserId, match="'bob'; a list of names"):
            call()
    assert await basic.are_users_online(["alice"]) == {"alice": True}
