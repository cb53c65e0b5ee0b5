"""Contacts in a chat: asked, accepted, refused, and who comes and goes."""

from __future__ import annotations

from esframework import ServerEngine, ServerOptions
from esframework.cli.chatting.room import ChatRoom
from esframework.cli.chatting.wishes import ChangeContact, ContactChange, ListContacts
from esframework.managers.contacts.options import ContactsOptions
from esframework.testing import MemoryNetwork, simulated
from tests.unit.cli.chatting.notebook import Notebook, chat

ADD, ACCEPT, REFUSE, REMOVE, BLOCK = (
    ContactChange.ADD,
    ContactChange.ACCEPT,
    ContactChange.REFUSE,
    ContactChange.REMOVE,
    ContactChange.BLOCK,
)


async def two(network: MemoryNetwork) -> tuple[ServerEngine, ChatRoom, Notebook, ChatRoom, Notebook]:
    server = network.server(options=ServerOptions(contacts=ContactsOptions(source="stored")))
    alice, shown = await chat(network, "alice")
    bob, shown_to_bob = await chat(network, "bob")
    return server, alice, shown, bob, shown_to_bob


@simulated
async def test_a_request_is_shown_and_accepted(network: MemoryNetwork) -> None:
    _, alice, shown, bob, shown_to_bob = await two(network)
    await alice.begin(ListContacts())
    await alice.begin(ChangeContact(ADD, "bob", "it is me"))
    network.settle()
    assert shown.take() == [("answer", "no contacts yet; /add NAME asks somebody"), ("answer", "asked bob")]
    assert shown_to_bob.take() == [
        ("note", "alice asks to be a contact: it is me (/accept alice, /refuse alice)")
    ]
    await bob.begin(ListContacts())
    await bob.begin(ChangeContact(ACCEPT, "alice"))
    network.advance(1.0)
    assert shown_to_bob.texts("answer") == ["alice: asked by: it is me", "alice is a contact now"]
    assert "bob is a contact now" in shown.texts("note")
    shown.take()
    await alice.begin(ListContacts())
    assert shown.take() == [("answer", "bob: online (others)")]


@simulated
async def test_a_contact_comes_and_goes(network: MemoryNetwork) -> None:
    server, alice, shown, bob, _ = await two(network)
    await alice.begin(ChangeContact(ADD, "bob"))
    await bob.begin(ChangeContact(ACCEPT, "alice"))
    network.advance(1.0)
    shown.take()
    server.basic.kick_out("bob")
    network.advance(1.0)
    await chat(network, "bob")
    network.advance(1.0)
    assert shown.take() == [("note", "bob is offline"), ("note", "bob is online")]
    await alice.begin(ChangeContact(REMOVE, "bob"))
    await alice.begin(ChangeContact(REMOVE, "bob"))
    # A stranger is as good as offline.
    assert shown.take() == [
        ("note", "bob is offline"),
        ("answer", "bob is no contact any more"),
        ("answer", "nothing to remove about bob"),
    ]


@simulated
async def test_a_refusal_is_told_with_its_text_and_a_block_is_a_complaint_at_the_other_side(
    network: MemoryNetwork,
) -> None:
    _, alice, shown, bob, shown_to_bob = await two(network)
    await alice.begin(ChangeContact(ADD, "bob"))
    await bob.begin(ChangeContact(REFUSE, "alice", "not now"))
    network.settle()
    assert ("note", "bob refused: not now") in shown.take()
    await bob.begin(ChangeContact(BLOCK, "alice"))
    assert shown_to_bob.take()[-1] == ("answer", "alice is blocked")
    await alice.begin(ChangeContact(ADD, "bob"))
    assert alice.failures == 1
    assert shown.take()[-1][0] == "complaint"
