"""What clients may ask about accounts, and how they are refused."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed

from esframework import ClientEngine, MessageType
from esframework.errors import (
    ComeBackLater,
    ConnectionInterrupted,
    LogonFailed,
    NoSuchAccount,
    NotDelivered,
    NotPermitted,
    RequestError,
    StoreError,
)
from esframework.interfaces import Role, StoredMessage
from esframework.managers.accounts.contracts import ROLE, USER, RoleBody, UserBody
from esframework.managers.accounts.machine import OnlinePage
from esframework.managers.accounts.options import AccountsOptions
from esframework.managers.accounts.requests import MAX_OPEN
from esframework.managers.contacts.manager import ContactsManager
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.session_token import is_session_token
from esframework.wire.types import RequestFailure
from tests.interface.names import IMPOSSIBLE, POSSIBLE
from tests.peers import FramePeer, record
from tests.unit.managers.accounts.house import AWAY, PASSWORD, Held, House

NEW = "battery staple"


async def house_of(network: MemoryNetwork, *names: str, **options: Any) -> tuple[House, list[ClientEngine]]:
    """A server with an administrator called root and other users, all logged on."""
    house = House(network, options.pop("accounts", None), **options)
    await house.add("root", role=Role.ADMINISTRATOR)
    await house.add(*names)
    return house, [await house.client(name) for name in ("root", *names)]


async def reason(asked: Deferred[Any]) -> int:
    """Why a request is refused."""
    with pytest.raises(NotDelivered) as caught:
        await asked
    return caught.value.reason


# --- one's own account ----------------------------------------------------------------------------------------------
@simulated
async def test_a_profile_is_replaced(network: MemoryNetwork) -> None:
    house, (root, alice) = await house_of(network, "alice")
    told = record(house.server.accounts.modified)
    await alice.accounts.modify({"city": "Rome", "'; DROP": "x"})
    await alice.accounts.modify({"city": "Paris"})
    assert dict((await alice.accounts.state("alice")).profile) == {"city": "Paris"}
    await root.accounts.modify({}, "alice")
    assert dict((await root.accounts.state("alice")).profile) == {}
    assert told == [("modified", "alice")] * 3


@simulated
async def test_a_profile_that_is_too_large_is_refused(network: MemoryNetwork) -> None:
    _, (_, alice) = await house_of(network, "alice")
    assert await reason(alice.accounts.modify({"a": "x" * 2000})) == RequestFailure.INVALID
    assert await reason(alice.accounts.modify({f"{n}": "" for n in range(100)})) == RequestFailure.INVALID


@simulated
async def test_a_changed_password_ends_other_sessions_and_all_tokens(network: MemoryNetwork) -> None:
    house, (_, alice) = await house_of(network, "alice")
    phone = await house.client("alice", generation=7, client_type=2)
    old_tokens = [client.accounts.session_token for client in (alice, phone)]
    kicked = record(phone.basic.being_kicked_out)
    await alice.accounts.change_password(PASSWORD, NEW)
    network.settle()
    assert kicked == [("being_kicked_out",)]
    assert alice.connected
    assert is_session_token(alice.accounts.session_token)
    assert alice.accounts.session_token not in old_tokens
    for secret in (PASSWORD, *old_tokens):
        with pytest.raises(LogonFailed):
            await house.client("alice", secret, generation=7, client_type=2)
    await house.client("alice", NEW, generation=7, client_type=2)


@simulated
async def test_the_client_goes_on_with_the_new_password(network: MemoryNetwork) -> None:
    house = await House(network).add("alice")
    alice = await house.client("alice", keep_session_token=False)
    await alice.accounts.change_password(PASSWORD, NEW)
    network.cut(alice)
    network.advance(2)
    assert alice.connected


@simulated
async def test_the_old_password_is_needed_and_is_not_guessed_faster_than_at_the_log_on(network: MemoryNetwork) -> None:
    house, (_, alice) = await house_of(network, "alice", accounts=AccountsOptions(free_tries=2))
    for _ in range(2):
        with pytest.raises(NotPermitted, match="the password is wrong"):
            await alice.accounts.change_password("guess", NEW)
    hashed = house.hashes
    assert await reason(alice.accounts.change_password(PASSWORD, NEW)) == RequestFailure.TOO_FAST
    assert await reason(alice.accounts.delete(PASSWORD)) == RequestFailure.TOO_FAST
    assert house.hashes == hashed
    network.advance(2)
    await alice.accounts.change_password(PASSWORD, NEW)


@simulated
@pytest.mark.parametrize("by", ["administrator", "application"])
@pytest.mark.parametrize("change", ["change_password", "delete"])
async def test_the_old_password_does_not_undo_a_reset(network: MemoryNetwork, change: str, by: str) -> None:
    house, (root, alice) = await house_of(network, "alice")
    verify, remove = house.stores.accounts.verify, house.stores.accounts.remove
    removed: list[str] = []
    house.stores.accounts.remove = lambda name: (removed.append(name), remove(name))[1]  # type: ignore[method-assign]
    held = Held(house.stores.accounts, "verify", late=True)
    mine = getattr(alice.accounts, change)(*([PASSWORD, NEW] if change == "change_password" else [PASSWORD]))
    network.settle()
    reset = root.accounts.set_password if by == "administrator" else house.server.accounts.change_password
    resetting = reset("alice", "set by somebody else")
    network.settle()
    assert not resetting.called
    held.go()
    # The reset ends the session, perhaps before it has its answer.
    await mine.addErrback(lambda failure: failure.trap(ConnectionInterrupted))
    if change == "delete":
        # The account went first: there is nothing to reset.
        with pytest.raises((NotDelivered, NoSuchAccount)):
            await resetting
        assert removed == ["alice"]
    else:
        await resetting
        assert await verify("alice", "set by somebody else") is True
    assert len(house.server.accounts.turns) == 0


@pytest.mark.parametrize("password", ["short", "", "esframework-token:abcdefgh", "x" * 1025])
def test_a_new_password_keeps_the_rules(password: str) -> None:
    network = MemoryNetwork()
    house = House(network)
    network.run(house.add("alice"))
    alice = network.run(house.client("alice"))
    with pytest.raises(NotDelivered) as caught:
        network.run(alice.accounts.change_password(PASSWORD, password))
    assert caught.value.reason == RequestFailure.INVALID
    assert not password or password not in str(caught.value)
    network.close()


@simulated
async def test_a_deleted_account_takes_everything_with_it(network: MemoryNetwork) -> None:
    house, (_, alice, bob) = await house_of(network, "alice", "bob")
    phone = await house.client("alice", generation=7, client_type=2)
    token = alice.accounts.session_token
    told = record(house.server.accounts.deleted)
    await house.stores.contacts.ask("alice", "bob")
    await house.stores.groups.create("climbers", "alice", members=["bob"])
    message = StoredMessage("1", "alice", "bob", None, 1, b"hello", 0.0, 1e12)
    await house.stores.offline.keep(message, house_quota())
    with pytest.raises(NotPermitted, match="the password is wrong"):
        await alice.accounts.delete("guess")
    await alice.accounts.delete(PASSWORD)
    network.settle()
    assert told == [("deleted", "alice")]
    assert not alice.connected and not phone.connected and bob.connected
    assert not house.server.users.is_online("alice")
    assert await house.stores.contacts.relations("bob") == []
    assert (await house.stores.groups.group("climbers")).members == ("bob",)
    assert await house.stores.offline.usage("alice") == (0, 0)
    for secret in (PASSWORD, token):
        with pytest.raises(LogonFailed):
            await house.client("alice", secret)


def house_quota() -> Any:
    from esframework.interfaces import Quota

    return Quota(0, 0)


@simulated
async def test_logging_out_makes_the_token_worthless_and_ends_the_session(network: MemoryNetwork) -> None:
    house, (_, alice) = await house_of(network, "alice")
    phone = await house.client("alice", generation=7, client_type=2)
    told = record(house.server.accounts.logged_out)
    tokens = [client.accounts.session_token for client in (alice, phone)]
    await alice.accounts.log_out()
    network.settle()
    assert told == [("logged_out", "alice")]
    assert not alice.connected and phone.connected
    with pytest.raises(LogonFailed, match="session token"):
        await house.client("alice", tokens[0])
    network.cut(phone)
    network.advance(1)
    assert phone.accounts.session_token == tokens[1]


@simulated
async def test_logging_out_everywhere_ends_all_sessions_and_tokens(network: MemoryNetwork) -> None:
    house, (_, alice) = await house_of(network, "alice")
    phone = await house.client("alice", generation=7, client_type=2)
    token = phone.accounts.session_token
    await alice.accounts.log_out(everywhere=True)
    network.settle()
    assert not alice.connected and not phone.connected
    with pytest.raises(LogonFailed, match="session token"):
        await house.client("alice", token, generation=7, client_type=2)


@simulated
async def test_one_session_gets_one_token(network: MemoryNetwork) -> None:
    house, (_, alice) = await house_of(network, "alice")
    assert await reason(alice.accounts._ask(MessageType.SESSION_TOKEN, b"")) == RequestFailure.TOO_FAST
    assert await house.server.accounts.revoke_tokens("alice") == 1


@simulated
async def test_a_token_does_not_beget_another_and_ends_when_it_was_said_to(network: MemoryNetwork) -> None:
    house, (_, alice) = await house_of(network, "alice", accounts=AccountsOptions(token_lifetime=100.0))
    token = alice.accounts.session_token
    for _ in range(3):
        house.wall += 30
        # In another process, and after a lost connection, which the token outlives.
        alice = await house.client("alice", token)
        assert alice.accounts.session_token == token
        assert await reason(alice.accounts._ask(MessageType.SESSION_TOKEN, b"")) == RequestFailure.TOO_FAST
        network.cut(alice)
        network.advance(1)
        assert alice.connected
        assert await reason(alice.accounts._ask(MessageType.SESSION_TOKEN, b"")) == RequestFailure.TOO_FAST
    house.wall += 20
    with pytest.raises(LogonFailed, match="session token"):
        await house.client("alice", token)
    again = await house.client("alice")
    assert again.accounts.session_token not in (token, None)


@simulated
async def test_whoever_came_by_a_token_and_proves_the_password_gets_a_new_one(network: MemoryNetwork) -> None:
    house, (_, alice) = await house_of(network, "alice")
    token = alice.accounts.session_token
    alice = await house.client("alice", token)
    await alice.accounts.change_password(PASSWORD, NEW)
    network.settle()
    assert is_session_token(alice.accounts.session_token)
    assert alice.accounts.session_token != token


# --- questions ------------------------------------------------------------------------------------------------------
@simulated
async def test_who_is_online_comes_in_sorted_pages(network: MemoryNetwork) -> None:
    house, (_, alice, bob, *_) = await house_of(network, "alice", "bob", "bert", "\u00e9mile")
    await house.client("alice", generation=7, client_type=2)
    assert await alice.accounts.who_is_online() == OnlinePage(["alice", "bert", "bob", "root", "\u00e9mile"], False)
    assert await alice.accounts.who_is_online("b", limit=1) == OnlinePage(["bert"], True)
    assert await alice.accounts.who_is_online("b", "bert") == OnlinePage(["bob"], False)
    await bob.close()
    network.settle()
    assert (await alice.accounts.who_is_online("b")).users == ["bert"]
    assert house.server.accounts.who_is_online("b").users == ["bert"]


@simulated
async def test_the_hook_for_lists_guards_who_is_online(network: MemoryNetwork) -> None:
    house, (_, alice) = await house_of(
        network, "alice", permit=lambda action, user, target: False if action == "list_users" else None
    )
    with pytest.raises(NotPermitted, match="list_users"):
        await alice.accounts.who_is_online()


@simulated
async def test_the_state_of_a_user_is_told_to_itself_and_to_administrators(network: MemoryNetwork) -> None:
    house, (root, alice, bob) = await house_of(network, "alice", "bob")
    await bob.close()
    network.settle()
    mine = await alice.accounts.state("alice")
    assert (mine.exists, mine.online, mine.role, mine.created_at) == (True, True, Role.USER, house.wall)
    absent = await root.accounts.state("bob")
    assert (absent.exists, absent.online) == (True, False)
    nobody = await root.accounts.state("nobody")
    assert (nobody.exists, nobody.online, dict(nobody.profile)) == (False, False, {})
    texts = []
    for name in ("bob", "nobody"):
        with pytest.raises(NotPermitted) as caught:
            await alice.accounts.state(name)
        texts.append(str(caught.value))
    # Nobody learns by the refusal which names exist.
    assert texts[0] == texts[1]


@simulated
async def test_the_state_of_a_contact_is_told_and_the_hook_goes_before(network: MemoryNetwork) -> None:
    class Friends:
        def contacts_of(self, user_id: str) -> Any:
            return succeed(["bob", "nobody"]) if user_id == "alice" else []

        def members_of(self, group_id: str) -> list[str]:
            return []

    def no_bob(action: str, user_id: str, target: str | None) -> bool | None:
        return False if (action, target) == ("user_state", "bob") and house_is_strict else None

    house_is_strict = False
    options: Any = {"more_managers": [ContactsManager()], "contacts": Friends(), "permit": no_bob}
    _, (_, alice, bob) = await house_of(network, "alice", "bob", **options)
    assert (await alice.accounts.state("bob")).exists is True
    assert (await alice.accounts.state("nobody")).exists is False
    with pytest.raises(NotPermitted):
        await bob.accounts.state("alice")
    house_is_strict = True
    with pytest.raises(NotPermitted):
        await alice.accounts.state("bob")


@pytest.mark.parametrize("name", [*POSSIBLE.values(), *(name for name in IMPOSSIBLE.values() if name != "\ud800")])
def test_any_name_may_be_asked_about(name: str) -> None:
    network = MemoryNetwork()
    house = House(network)
    network.run(house.add("root", role=Role.ADMINISTRATOR))
    root = network.run(house.client("root"))
    assert network.run(root.accounts.state(name)).exists is False
    with pytest.raises(NotDelivered) as caught:
        network.run(root.accounts.set_role(name, Role.ADMINISTRATOR))
    assert caught.value.reason == RequestFailure.NO_SUCH_THING
    assert network.run(root.accounts.unlock(name, name)) is False
    network.close()


# --- administrators -------------------------------------------------------------------------------------------------
@simulated
async def test_only_administrators_change_others(network: MemoryNetwork) -> None:
    house, (root, alice, bob) = await house_of(network, "alice", "bob")
    for asked in (
        alice.accounts.delete_user("bob"),
        alice.accounts.set_password("bob", NEW),
        alice.accounts.set_role("alice", Role.ADMINISTRATOR),
        alice.accounts.modify({}, "bob"),
        alice.accounts.unlock("bob"),
    ):
        with pytest.raises(NotPermitted):
            await asked
    await root.accounts.set_password("bob", NEW)
    network.settle()
    assert not bob.connected
    await house.client("bob", NEW)
    await root.accounts.delete_user("bob")
    network.settle()
    assert not house.server.users.is_online("bob")
    assert await reason(root.accounts.delete_user("bob")) == RequestFailure.NO_SUCH_THING


@simulated
async def test_a_new_role_holds_at_once(network: MemoryNetwork) -> None:
    house, (root, alice) = await house_of(network, "alice")
    await root.accounts.set_role("alice", Role.ADMINISTRATOR)
    await alice.accounts.set_role("root", Role.USER)
    with pytest.raises(NotPermitted):
        await root.accounts.set_role("alice", Role.USER)
    assert (await alice.accounts.state("alice")).role is Role.ADMINISTRATOR


@simulated
async def test_an_unknown_role_is_refused(network: MemoryNetwork) -> None:
    _, (root,) = await house_of(network)
    asked = root.accounts._ask(MessageType.SET_ROLE, ROLE.encode(RoleBody(7, "root")))
    assert await reason(asked) == RequestFailure.INVALID


@simulated
async def test_an_administrator_unlocks_accounts_and_addresses(network: MemoryNetwork) -> None:
    house, (root, alice) = await house_of(network, "alice", accounts=AccountsOptions(free_tries=1), max_log_on_tries=3)
    told = record(house.server.accounts.locked)
    with pytest.raises(LogonFailed):
        await house.client("alice", "guess", host=AWAY)
    with pytest.raises(LogonFailed, match="too many log-ons"):
        await house.client("alice", PASSWORD, host=AWAY)
    assert told == [("locked", "alice", None, 1.0)]
    assert await root.accounts.unlock("alice") is True
    assert await root.accounts.unlock("alice") is False
    for name in ("x", "y"):
        with pytest.raises(LogonFailed):
            await house.client(name, "guess", host=AWAY)
    with pytest.raises(LogonFailed, match="too many log-ons"):
        await house.client("alice", PASSWORD, host=AWAY)
    assert await root.accounts.unlock(address=AWAY) is True
    await house.client("alice", PASSWORD, host=AWAY)


# --- hostile, broken, busy ------------------------------------------------------------------------------------------
@simulated
async def test_a_foreign_client_s_requests_are_counted_and_not_answered(network: MemoryNetwork) -> None:
    house = await House(network).add("foreign")
    peer = FramePeer(network, "foreign", max_user_id=36).online(PASSWORD)
    peer.send(MessageType.ACCOUNT_STATE, USER.encode(UserBody("foreign")), 5)
    assert peer.take() == []
    assert house.server.refusals.counts["foreign_request"] == 1


@simulated
async def test_a_malformed_body_ends_its_sender_s_connection(network: MemoryNetwork) -> None:
    house = await House(network).add("alice")
    peer = FramePeer(network, "alice", max_user_id=36, authorized_user="esframework-python/9.9").online(PASSWORD)
    peer.send(MessageType.CHANGE_PASSWORD, b"\xff\xff", 5)
    assert not peer.is_connected
    assert house.server.refusals.counts["invalid_message_data_lacked"] == 1


@simulated
async def test_a_store_that_is_busy_or_fails_is_told_and_nothing_of_it_is_shown(network: MemoryNetwork) -> None:
    house, (_, alice) = await house_of(network, "alice")
    house.hashing.busy = ComeBackLater("checking passwords is busy; try again in 7 s", 7.0)
    assert await reason(alice.accounts.delete(PASSWORD)) == RequestFailure.BUSY
    house.hashing.busy = StoreError("/srv/secret.sqlite is damaged")
    with pytest.raises(NotDelivered) as caught:
        await alice.accounts.delete(PASSWORD)
    assert caught.value.reason == RequestFailure.STORE_FAILED
    assert "secret" not in str(caught.value)
    assert len(network.failures.take(StoreError)) == 1


@simulated
async def test_one_device_has_a_few_requests_open_and_no_more(network: MemoryNetwork) -> None:
    house, (_, alice, bob) = await house_of(network, "alice", "bob")
    waiting: list[Deferred[Any]] = []

    def later(*_: Any) -> Deferred[Any]:
        waiting.append(Deferred())
        return waiting[-1]

    house.stores.accounts.modify = later  # type: ignore[assignment]
    asked = [alice.accounts.modify({}) for _ in range(MAX_OPEN + 1)]
    assert await reason(asked[-1]) == RequestFailure.BUSY
    other = bob.accounts.modify({})
    network.settle()
    assert len(waiting) == MAX_OPEN + 1
    for each in waiting:
        each.callback(None)
    for each in [*asked[:-1], other]:
        await each
    assert house.server.refusals.counts["account_requests"] == 1


@simulated
async def test_where_an_application_knows_the_accounts_they_are_not_changed_here(network: MemoryNetwork) -> None:
    class Everybody:
        def verify(self, request: Any) -> bool:
            return True

    house = House(network, verifier=Everybody(), administrators=frozenset({"root"}))
    root = await house.client("root")
    for asked in (
        root.accounts.change_password("", NEW),
        root.accounts.set_role("root", Role.USER),
        root.accounts.delete_user("alice"),
        root.accounts.modify({}),
    ):
        with pytest.raises(NotPermitted, match="kept elsewhere"):
            await asked
    state = await root.accounts.state("alice")
    assert (state.exists, state.online) == (None, False)
    assert await root.accounts.unlock("alice") is False


@simulated
async def test_a_request_whose_connection_is_lost_fails(network: MemoryNetwork) -> None:
    _, (_, alice) = await house_of(network, "alice")
    asked = alice.accounts.state("alice")
    network.cut(alice)
    with pytest.raises(RequestError):
        await asked
