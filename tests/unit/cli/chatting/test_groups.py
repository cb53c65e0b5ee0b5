"""Groups in a chat: joined, invited into, talked in, left and dissolved."""

from __future__ import annotations

from esframework import ServerOptions
from esframework.cli.chatting.room import ChatRoom
from esframework.cli.chatting.wishes import DissolveGroup, Invite, JoinGroup, ListGroups, QuitGroup, Say, Who
from esframework.testing import MemoryNetwork, simulated
from tests.unit.cli.chatting.notebook import Notebook, chat


async def two(network: MemoryNetwork) -> tuple[ChatRoom, Notebook, ChatRoom, Notebook]:
    """Alice and bob, who know of no group."""
    network.server(options=ServerOptions(open=False))
    alice, shown = await chat(network, "alice")
    bob, shown_to_bob = await chat(network, "bob")
    network.advance(1.0)
    shown.take()
    shown_to_bob.take()
    return alice, shown, bob, shown_to_bob


@simulated
async def test_one_joins_and_invites_another_who_joins_and_both_talk(network: MemoryNetwork) -> None:
    alice, shown, bob, shown_to_bob = await two(network)
    await alice.begin(JoinGroup("chess"))
    await alice.begin(Invite("chess", ("bob", "zed")))
    network.settle()
    assert shown.take() == [
        ("answer", "you are in #chess with: alice"),
        ("answer", "invited: bob; not online, or in #chess already: zed"),
    ]
    assert shown_to_bob.take() == [("note", "alice asks you into #chess (/join chess)")]
    await bob.begin(JoinGroup("chess"))
    network.settle()
    assert shown_to_bob.take() == [("answer", "you are in #chess with: alice, bob")]
    assert shown.take() == [("note", "#chess: bob joined")]
    await bob.begin(Say("#chess", "who plays?"))
    network.settle()
    assert [(kind, text, facts["group"]) for kind, text, facts in shown.entries] == [
        ("information", "bob 0 b'who plays?'", "chess")
    ]
    assert shown_to_bob.take() == []


@simulated
async def test_groups_and_members_are_listed(network: MemoryNetwork) -> None:
    alice, shown, bob, _ = await two(network)
    await alice.begin(ListGroups())
    await alice.begin(JoinGroup("chess"))
    await bob.begin(JoinGroup("chess"))
    await alice.begin(ListGroups())
    await alice.begin(Who("chess"))
    assert shown.texts("answer") == [
        "you are in: no group; /join GROUP makes one",
        "you are in #chess with: alice",
        "you are in: #chess",
        "in #chess: alice, bob",
    ]


@simulated
async def test_leaving_and_dissolving_are_told(network: MemoryNetwork) -> None:
    alice, shown, bob, shown_to_bob = await two(network)
    for room in (alice, bob):
        await room.begin(JoinGroup("chess"))
    await bob.begin(QuitGroup("chess"))
    network.settle()
    assert shown.take()[-1] == ("note", "#chess: bob left")
    await bob.begin(JoinGroup("chess"))
    await alice.begin(DissolveGroup("chess"))
    network.settle()
    assert shown.take()[-1] == ("answer", "#chess is dissolved")
    assert shown_to_bob.take()[-1] == ("note", "#chess: the group is dissolved, by alice")


@simulated
async def test_what_cannot_be_done_is_a_complaint(network: MemoryNetwork) -> None:
    alice, shown, bob, _ = await two(network)
    await alice.begin(JoinGroup("chess"))
    await bob.begin(DissolveGroup("chess"))
    await bob.begin(Who("nowhere"))
    await bob.begin(Say("#nowhere", "hello"))
    assert bob.failures == 3
    assert alice.failures == 0
