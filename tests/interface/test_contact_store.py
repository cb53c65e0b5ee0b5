"""What every `IContactStore` promises, asked of each backend."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_twisted

from esframework import limits
from esframework.errors import (
    ContactBlocked,
    ContactsFull,
    InvalidContact,
    InvalidText,
    InvalidUserId,
    NoSuchRelation,
)
from esframework.interfaces import RelationState
from tests.interface.names import IMPOSSIBLE, POSSIBLE

ASKED, ASKED_BY, ACCEPTED, BLOCKED = RelationState


@pytest.fixture
def contacts(stores: Any) -> Any:
    return stores.contacts


async def states(contacts: Any, owner: str) -> dict[str, RelationState]:
    return {relation.other: relation.state for relation in await contacts.relations(owner)}


class TestContactStore:
    """The contract; each method begins with an empty store."""

    @pytest_twisted.ensureDeferred
    async def test_strangers_have_no_contacts(self, contacts: Any) -> None:
        assert await contacts.contacts_of("alice") == []
        assert await contacts.relations("alice") == []
        assert await contacts.is_blocked("alice", "bob") is False

    @pytest_twisted.ensureDeferred
    async def test_a_request_shows_on_both_sides_with_its_text(self, contacts: Any) -> None:
        assert await contacts.ask("alice", "bob", "it's me; %s") is ASKED
        [here], [there] = await contacts.relations("alice"), await contacts.relations("bob")
        assert (here.owner, here.other, here.state, here.text) == ("alice", "bob", ASKED, "it's me; %s")
        assert (there.owner, there.other, there.state, there.text) == ("bob", "alice", ASKED_BY, "it's me; %s")
        assert here.since == there.since > 1.7e9
        assert await contacts.contacts_of("alice") == await contacts.contacts_of("bob") == []

    @pytest_twisted.ensureDeferred
    async def test_an_accepted_request_makes_contacts_of_both(self, contacts: Any) -> None:
        await contacts.ask("alice", "bob")
        assert await contacts.accept("bob", "alice") is True
        assert await contacts.accept("bob", "alice") is False
        assert await contacts.ask("alice", "bob") is ACCEPTED
        assert await contacts.contacts_of("alice") == ["bob"]
        assert await contacts.contacts_of("bob") == ["alice"]

    @pytest_twisted.ensureDeferred
    async def test_two_who_ask_each_other_are_contacts(self, contacts: Any) -> None:
        await contacts.ask("alice", "bob")
        assert await contacts.ask("bob", "alice") is ACCEPTED
        assert await states(contacts, "alice") == {"bob": ACCEPTED}
        assert await states(contacts, "bob") == {"alice": ACCEPTED}

    @pytest_twisted.ensureDeferred
    async def test_asking_again_replaces_the_text(self, contacts: Any) -> None:
        await contacts.ask("alice", "bob", "one")
        assert await contacts.ask("alice", "bob", "two") is ASKED
        [there] = await contacts.relations("bob")
        assert there.text == "two"

    @pytest_twisted.ensureDeferred
    async def test_nobody_accepts_or_refuses_what_was_not_asked(self, contacts: Any) -> None:
        await contacts.ask("alice", "bob")
        for answer in (contacts.accept, contacts.refuse):
            with pytest.raises(NoSuchRelation, match="bob.*alice"):
                await answer("alice", "bob")
            with pytest.raises(NoSuchRelation):
                await answer("bob", "carol")

    @pytest_twisted.ensureDeferred
    async def test_a_refused_request_leaves_nothing(self, contacts: Any) -> None:
        await contacts.ask("alice", "bob")
        await contacts.refuse("bob", "alice")
        assert await states(contacts, "alice") == await states(contacts, "bob") == {}

    @pytest_twisted.ensureDeferred
    async def test_either_ends_a_contact_or_withdraws_a_request(self, contacts: Any) -> None:
        await contacts.ask("alice", "bob")
        await contacts.accept("bob", "alice")
        assert await contacts.remove("bob", "alice") is True
        assert await contacts.remove("bob", "alice") is False
        assert await states(contacts, "alice") == {}
        await contacts.ask("alice", "bob")
        assert await contacts.remove("alice", "bob") is True
        assert await states(contacts, "bob") == {}

    @pytest_twisted.ensureDeferred
    async def test_a_block_ends_the_contact_and_survives_removal(self, contacts: Any) -> None:
        await contacts.ask("alice", "bob")
        await contacts.accept("bob", "alice")
        assert await contacts.block("alice", "bob") is True
        assert await contacts.block("alice", "bob") is False
        await contacts.remove("alice", "bob")
        await contacts.remove("bob", "alice")
        assert await states(contacts, "alice") == {"bob": BLOCKED}
        assert await states(contacts, "bob") == {}
        assert await contacts.is_blocked("bob", by="alice") is True
        assert await contacts.is_blocked("alice", by="bob") is False

    @pytest_twisted.ensureDeferred
    async def test_who_is_blocked_cannot_ask_and_who_blocks_must_unblock_first(self, contacts: Any) -> None:
        await contacts.block("alice", "bob")
        for asker, other in (("alice", "bob"), ("bob", "alice")):
            with pytest.raises(ContactBlocked) as refusal:
                await contacts.ask(asker, other)
            assert refusal.value.by == "alice"
        assert await contacts.unblock("alice", "bob") is True
        assert await contacts.unblock("alice", "bob") is False
        assert await contacts.ask("bob", "alice") is ASKED

    @pytest_twisted.ensureDeferred
    async def test_both_may_block_each_other(self, contacts: Any) -> None:
        await contacts.block("alice", "bob")
        await contacts.block("bob", "alice")
        await contacts.unblock("alice", "bob")
        assert await states(contacts, "bob") == {"alice": BLOCKED}
        assert await contacts.is_blocked("alice", by="bob")

    @pytest_twisted.ensureDeferred
    async def test_nobody_is_a_contact_of_oneself(self, contacts: Any) -> None:
        for change in (contacts.ask, contacts.accept, contacts.remove, contacts.block, contacts.unblock):
            with pytest.raises(InvalidContact):
                await change("alice", "alice")

    @pytest_twisted.ensureDeferred
    async def test_contacts_are_sorted_by_code_points(self, contacts: Any) -> None:
        for other in ("ä", "b", "B", "李雷", "\U0001f600", "\uffe5"):
            await contacts.ask("alice", other)
            await contacts.accept(other, "alice")
        assert await contacts.contacts_of("alice") == ["B", "b", "ä", "李雷", "\uffe5", "\U0001f600"]

    @pytest_twisted.ensureDeferred
    async def test_a_user_has_no_more_contacts_than_allowed(
        self, contacts: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "MAX_CONTACTS", 2)
        await contacts.ask("alice", "b")
        await contacts.block("alice", "c")
        await contacts.ask("d", "alice")
        for change in (
            lambda: contacts.ask("alice", "e"),
            lambda: contacts.accept("alice", "d"),
            lambda: contacts.ask("alice", "d"),
            lambda: contacts.block("alice", "e"),
        ):
            with pytest.raises(ContactsFull, match="'alice' has 2 contacts"):
                await change()
        await contacts.block("alice", "b")
        await contacts.unblock("alice", "b")
        assert await contacts.accept("alice", "d") is True

    @pytest_twisted.ensureDeferred
    async def test_strangers_do_not_fill_somebody_s_list(
        self, contacts: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "MAX_CONTACT_REQUESTS", 2)
        await contacts.ask("a", "victim")
        await contacts.ask("b", "victim")
        with pytest.raises(ContactsFull, match="victim"):
            await contacts.ask("c", "victim")
        assert await states(contacts, "c") == {}
        await contacts.ask("a", "victim", "again")
        await contacts.refuse("victim", "a")
        assert await contacts.ask("c", "victim") is ASKED

    @pytest_twisted.ensureDeferred
    async def test_contacts_may_form_loops(self, contacts: Any) -> None:
        ring = ["a", "b", "c"]
        for one, other in zip(ring, [*ring[1:], "a"], strict=True):
            await contacts.ask(one, other)
            await contacts.accept(other, one)
        assert [await contacts.contacts_of(name) for name in ring] == [["b", "c"], ["a", "c"], ["a", "b"]]

    @pytest.mark.parametrize("name", POSSIBLE.values(), ids=POSSIBLE.keys())
    @pytest_twisted.ensureDeferred
    async def test_names_are_kept_as_they_are(self, contacts: Any, name: str) -> None:
        await contacts.ask(name, "bob", name)
        await contacts.accept("bob", name)
        assert await contacts.contacts_of("bob") == [name]
        assert await contacts.contacts_of(name) == ["bob"]

    @pytest.mark.parametrize("name", IMPOSSIBLE.values(), ids=IMPOSSIBLE.keys())
    @pytest_twisted.ensureDeferred
    async def test_impossible_names_are_refused_and_unknown(self, contacts: Any, name: str) -> None:
        for change in (contacts.ask, contacts.accept, contacts.remove, contacts.block):
            with pytest.raises(InvalidUserId):
                await change("alice", name)
            with pytest.raises(InvalidUserId):
                await change(name, "alice")
        assert await contacts.contacts_of(name) == await contacts.relations(name) == []
        assert not await contacts.is_blocked(name, "alice")

    @pytest.mark.parametrize("text", ["x" * 1025, "\0", "\udc00"])
    @pytest_twisted.ensureDeferred
    async def test_impossible_texts_are_refused(self, contacts: Any, text: str) -> None:
        with pytest.raises(InvalidText):
            await contacts.ask("alice", "bob", text)
        assert await states(contacts, "bob") == {}
