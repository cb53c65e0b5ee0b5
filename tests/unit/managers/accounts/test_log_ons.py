"""Log-ons by session token, and by registering first; roles."""

from __future__ import annotations

from typing import Any

import pytest

from esframework import ClientEngine, LogonResult
from esframework.errors import ComeBackLater, LogonFailed, NotPermitted, StoreError
from esframework.interfaces import LogOnRequest, Role
from esframework.managers.accounts.log_ons import KEPT_ELSEWHERE, NO_REGISTERING, NOT_AVAILABLE, TOKEN_REFUSED
from esframework.managers.accounts.options import AccountsOptions
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.session_token import is_session_token, session_token
from tests.interface.names import POSSIBLE
from tests.peers import FramePeer, record
from tests.unit.managers.accounts.house import AWAY, PASSWORD, Held, House

REGISTER = AccountsOptions(register=True, free_registrations=2)


async def refusal(house: House, client: ClientEngine, *arguments: Any, **options: Any) -> LogonFailed:
    """How registering is refused."""
    with pytest.raises(LogonFailed) as caught:
        await client.accounts.register(*arguments, house.network.endpoint_of(client), **options)
    return caught.value


# --- session tokens -------------------------------------------------------------------------------------------------
@simulated
async def test_a_client_comes_back_by_its_token_and_no_password_is_hashed(network: MemoryNetwork) -> None:
    house = await House(network).add("alice")
    alice = await house.client("alice")
    token = alice.accounts.session_token
    assert is_session_token(token)
    hashed = house.hashes
    for _ in range(3):
        network.cut(alice)
        network.advance(1)
        assert alice.connected
    assert house.hashes == hashed
    assert alice.accounts.session_token == token


@simulated
async def test_a_client_that_wants_no_token_comes_back_by_its_password(network: MemoryNetwork) -> None:
    house = await House(network).add("alice")
    alice = await house.client("alice", keep_session_token=False)
    assert alice.accounts.session_token is None
    hashed = house.hashes
    network.cut(alice)
    network.advance(1)
    assert alice.connected
    assert house.hashes == hashed + 1


@simulated
async def test_a_token_logs_on_in_the_place_of_the_password_in_another_process(network: MemoryNetwork) -> None:
    house = await House(network).add("alice")
    alice = await house.client("alice")
    token = alice.accounts.session_token
    await alice.close()
    hashed = house.hashes
    again = await house.client("alice", token)
    assert again.connected
    assert house.hashes == hashed
    assert again.accounts.session_token == token


@simulated
async def test_a_token_is_bound_to_user_and_device(network: MemoryNetwork) -> None:
    house = await House(network).add("alice", "bob")
    alice = await house.client("alice", client_type=5)
    token = alice.accounts.session_token
    for name, client_type in (("bob", 5), ("alice", 4)):
        with pytest.raises(LogonFailed, match="session token"):
            await house.client(name, token, client_type=client_type)
    # The same device speaks the other generation of the protocol now.
    await house.client("alice", token, generation=7, client_type=2)


@simulated
async def test_an_expired_token_is_refused_and_the_client_falls_back_on_its_password(network: MemoryNetwork) -> None:
    house = await House(network, AccountsOptions(token_lifetime=100.0)).add("alice")
    alice = await house.client("alice")
    token = alice.accounts.session_token
    house.wall += 101
    network.cut(alice)
    network.advance(1)
    assert alice.connected
    assert is_session_token(alice.accounts.session_token)
    assert alice.accounts.session_token != token
    with pytest.raises(LogonFailed) as caught:
        await house.client("alice", token)
    assert (caught.value.cause, caught.value.retry_after) == (TOKEN_REFUSED, None)


@simulated
async def test_a_client_that_has_only_a_token_ends_when_it_is_refused(network: MemoryNetwork) -> None:
    house = await House(network).add("alice")
    token = (await house.client("alice")).accounts.session_token
    alice = await house.client("alice", token)
    completed = record(alice.relogon_completed)
    await house.server.accounts.revoke_tokens("alice")
    network.cut(alice)
    network.advance(5)
    assert not alice.connected
    assert [response.result for _, response in completed] == [LogonResult.FAILED]


@simulated
async def test_expired_tokens_are_taken_out_of_the_store(network: MemoryNetwork) -> None:
    house = await House(network, AccountsOptions(token_lifetime=100.0)).add("alice")
    alice = await house.client("alice", auto_reconnect=False)
    house.wall += 101
    await alice.close()
    network.advance(3602)
    assert await house.stores.accounts.drop_tokens("alice") == 0


@simulated
async def test_a_kick_out_leaves_the_token_and_a_foreign_client_gets_none(network: MemoryNetwork) -> None:
    house = await House(network).add("alice", "foreign")
    alice = await house.client("alice")
    token = alice.accounts.session_token
    house.server.basic.kick_out("alice")
    network.settle()
    await house.client("alice", token)
    peer = FramePeer(network, "foreign", max_user_id=36).online(PASSWORD)
    network.settle()
    assert peer.take() == []


@pytest.mark.parametrize("lifetime", [0.0, -1.0])
def test_no_lifetime_means_no_tokens(lifetime: float) -> None:
    network = MemoryNetwork()
    house = House(network, AccountsOptions(token_lifetime=lifetime))
    network.run(house.add("alice"))
    alice = network.run(house.client("alice"))
    assert alice.accounts.session_token is None
    with pytest.raises(LogonFailed, match="session token"):
        network.run(house.client("alice", session_token(b"x" * 32)))
    network.close()


class OwnVerifier:
    """An application's own, which has no store; `asked` counts."""

    def __init__(self) -> None:
        self.asked = 0

    def verify(self, request: LogOnRequest) -> bool:
        self.asked += 1
        return request.password == "own"


@simulated
async def test_an_own_verifier_is_asked_about_each_log_on_unless_tokens_are_wanted(network: MemoryNetwork) -> None:
    verifier = OwnVerifier()
    house = House(network, verifier=verifier)
    alice = await house.client("alice", "own")
    assert alice.accounts.session_token is None
    network.cut(alice)
    network.advance(1)
    assert alice.connected
    assert verifier.asked == 2


@simulated
async def test_tokens_work_beside_an_own_verifier_where_they_are_wanted(network: MemoryNetwork) -> None:
    verifier = OwnVerifier()
    house = House(network, AccountsOptions(token_lifetime=60.0), verifier=verifier)
    alice = await house.client("alice", "own")
    network.cut(alice)
    network.advance(1)
    assert alice.connected
    assert verifier.asked == 1
    assert await house.server.accounts.revoke_tokens("alice") == 1


@simulated
async def test_an_open_server_gives_no_tokens_and_registers_nobody(network: MemoryNetwork) -> None:
    server = network.server()
    alice = await network.client("alice")
    network.settle()
    assert alice.accounts.session_token is None
    bob = network.new_client()
    with pytest.raises(LogonFailed, match="not made over the network"):
        await bob.accounts.register("bob", PASSWORD, network.endpoint_of(bob))
    assert server.refusals.counts["registering_is_off"] == 1


@simulated
async def test_wrong_tokens_do_not_lock_the_account(network: MemoryNetwork) -> None:
    house = await House(network, AccountsOptions(free_tries=2)).add("alice")
    for _ in range(10):
        with pytest.raises(LogonFailed, match="session token"):
            await house.client("alice", session_token(b"x" * 32), host=AWAY)
    await house.client("alice")


@simulated
async def test_a_store_that_fails_refuses_for_now_and_shows_nothing(network: MemoryNetwork) -> None:
    house = await House(network).add("alice")
    alice = await house.client("alice")
    token = alice.accounts.session_token
    await alice.close()

    class Broken:
        """In the place of the accounts."""

        def token_owner(self, *_: Any) -> Any:
            raise StoreError("/srv/secret.sqlite is damaged")

    house.stores.accounts = Broken()  # type: ignore[assignment]
    for _ in range(5):
        with pytest.raises(LogonFailed) as caught:
            await house.client("alice", token)
        assert caught.value.cause == NOT_AVAILABLE
        assert caught.value.retry_after == 10
    assert len(network.failures.take(StoreError)) == 1


# --- registering ----------------------------------------------------------------------------------------------------
@simulated
async def test_registering_makes_an_account_and_logs_on_in_one_step(network: MemoryNetwork) -> None:
    house = House(network, REGISTER)
    told = record(house.server.accounts.registered)
    client = house.new_client()
    response = await client.accounts.register("alice", PASSWORD, network.endpoint_of(client), {"city": "Rome"})
    assert response.result is LogonResult.SUCCEED
    assert client.connected
    assert told == [("registered", "alice")]
    state = await client.accounts.state("alice")
    assert (state.exists, state.online, dict(state.profile), state.role) == (True, True, {"city": "Rome"}, Role.USER)


@simulated
async def test_whoever_registered_comes_back_without_registering_again(network: MemoryNetwork) -> None:
    house = House(network, REGISTER)
    client = house.new_client(keep_session_token=False)
    await client.accounts.register("alice", PASSWORD, network.endpoint_of(client))
    network.cut(client)
    network.advance(2)
    assert client.connected


@pytest.mark.parametrize("name", POSSIBLE.values(), ids=POSSIBLE.keys())
def test_hostile_and_long_names_are_just_names(name: str) -> None:
    network = MemoryNetwork()
    house = House(network, REGISTER, max_user_id=255)
    client = house.new_client(max_user_id=255)
    if len(name.encode()) > 248:
        name = "x" * 248
    network.run(client.accounts.register(name, PASSWORD, network.endpoint_of(client)))
    assert network.run(client.accounts.who_is_online()).users == [name]
    assert network.run(house.stores.accounts.user_ids()) == [name]
    network.close()


@simulated
async def test_registering_is_off_unless_it_is_switched_on(network: MemoryNetwork) -> None:
    house = House(network)
    assert (await refusal(house, house.new_client(), "alice", PASSWORD)).cause == NO_REGISTERING
    assert await house.stores.accounts.user_ids() == []
    assert house.server.refusals.counts["registering_is_off"] == 1


@simulated
async def test_nobody_registers_where_an_application_knows_the_accounts(network: MemoryNetwork) -> None:
    house = House(network, REGISTER, verifier=OwnVerifier())
    assert (await refusal(house, house.new_client(), "alice", "own")).cause == KEPT_ELSEWHERE
    assert await house.stores.accounts.user_ids() == []


@simulated
async def test_refusals_say_what_is_wrong_and_never_the_password(network: MemoryNetwork) -> None:
    house = await House(network, REGISTER).add("taken")
    taken = await refusal(house, house.new_client(), "taken", PASSWORD)
    assert taken.cause == "the name 'taken' is taken"
    short = await refusal(house, house.new_client(), "alice", "hunter2")
    assert short.cause == "the password has 7 characters, at least 8 are required"
    token = await refusal(house, house.new_client(), "alice", session_token(b"x" * 32))
    assert token.cause == TOKEN_REFUSED
    name = await refusal(house, house.new_client(), "al*ce", PASSWORD)
    assert "must not contain '*'" in name.cause
    long = await refusal(house, house.new_client(), "alice", "x" * 1025)
    assert "at most 1024" in long.cause
    assert await house.stores.accounts.user_ids() == ["taken"]


@simulated
async def test_one_address_makes_accounts_at_leisure(network: MemoryNetwork) -> None:
    house = House(network, REGISTER)
    for name in ("a", "b"):
        client = house.new_client(host=AWAY)
        await client.accounts.register(name, PASSWORD, network.endpoint_of(client))
    failed = await refusal(house, house.new_client(host=AWAY), "c", PASSWORD)
    assert failed.cause.startswith("too many accounts were made from this address")
    assert failed.retry_after == 1
    assert house.server.refusals.counts["registrations"] == 1
    other = house.new_client(host="203.0.113.6")
    await other.accounts.register("c", PASSWORD, network.endpoint_of(other))
    network.advance(1)
    later = house.new_client(host=AWAY)
    await later.accounts.register("d", PASSWORD, network.endpoint_of(later))


@simulated
async def test_when_too_much_is_hashed_the_newcomer_is_told_when_to_come_back(network: MemoryNetwork) -> None:
    house = House(network, AccountsOptions(register=True, free_registrations=1))
    house.hashing.busy = ComeBackLater("checking passwords is busy; try again in 7 s", 7.0)
    for _ in range(3):
        assert (await refusal(house, house.new_client(host=AWAY), "alice", PASSWORD)).retry_after == 7
    house.hashing.busy = None
    client = house.new_client(host=AWAY)
    await client.accounts.register("alice", PASSWORD, network.endpoint_of(client))


@simulated
async def test_a_server_that_cannot_register_refuses_an_unknown_account_as_ever(network: MemoryNetwork) -> None:
    house = House(network)
    network.server(verifier=OwnVerifier(), port=4600, managers=house.managers[1:])
    client = house.new_client()
    with pytest.raises(LogonFailed) as caught:
        await client.accounts.register("alice", PASSWORD, network.client_endpoint(4600))
    assert caught.value.result is LogonResult.FAILED


# --- roles ----------------------------------------------------------------------------------------------------------
@simulated
async def test_a_stored_administrator_is_one_from_the_log_on_to_the_log_off(network: MemoryNetwork) -> None:
    house = await House(network).add("alice", "bob")
    await house.add("root", role=Role.ADMINISTRATOR)
    root, alice, _ = [await house.client(name) for name in ("root", "alice", "bob")]
    assert [house.server.is_administrator(name) for name in ("root", "alice")] == [True, False]
    with pytest.raises(NotPermitted):
        await alice.basic.kick_out("bob")
    await root.basic.kick_out("bob")
    await root.close()
    network.settle()
    assert not house.server.is_administrator("root")


@simulated
async def test_a_token_brings_the_role_back_too(network: MemoryNetwork) -> None:
    house = await House(network).add("root", role=Role.ADMINISTRATOR)
    root = await house.client("root")
    network.cut(root)
    assert not house.server.is_administrator("root")
    network.advance(1)
    assert house.server.is_administrator("root")


@simulated
@pytest.mark.parametrize("by", ["password", "token"])
async def test_an_administrator_who_replaces_its_own_session_is_still_one(network: MemoryNetwork, by: str) -> None:
    house = await House(network).add("root", role=Role.ADMINISTRATOR)
    first = await house.client("root")
    second = await house.client("root", PASSWORD if by == "password" else first.accounts.session_token)
    assert not first.connected
    assert house.server.is_administrator("root")
    await second.accounts.set_role("root", Role.USER)
    assert not house.server.is_administrator("root")


@simulated
async def test_a_role_that_another_process_changed_holds_from_the_next_log_on(network: MemoryNetwork) -> None:
    house = await House(network).add("root", role=Role.ADMINISTRATOR)
    await house.client("root")
    await house.stores.accounts.set_role("root", Role.USER)
    assert house.server.is_administrator("root")
    await house.client("root", generation=7, client_type=2)
    assert not house.server.is_administrator("root")


@simulated
async def test_a_log_on_that_does_not_become_a_session_makes_nobody_an_administrator(network: MemoryNetwork) -> None:
    house = await House(network).add("root", role=Role.ADMINISTRATOR)
    held = Held(house.stores.accounts, "account", late=True)
    client = house.new_client(reconnect_first_delay=0)
    logging_on = client.log_on("root", PASSWORD, network.endpoint_of(client))
    network.settle()
    await house.server.accounts.revoke_tokens("root")
    held.go()
    with pytest.raises(LogonFailed, match="changed meanwhile"):
        await logging_on
    assert not house.server.is_administrator("root")


@simulated
async def test_a_role_that_was_read_before_it_changed_is_read_again(network: MemoryNetwork) -> None:
    house = await House(network).add("root", role=Role.ADMINISTRATOR)
    accounts = house.stores.accounts
    account = accounts.account
    held = Held(accounts, "account", late=True)
    client = house.new_client()
    logging_on = client.log_on("root", PASSWORD, network.endpoint_of(client))
    network.settle()
    accounts.account = account  # type: ignore[method-assign]
    await house.server.accounts.set_role("root", Role.USER)
    held.go()
    await logging_on
    assert not house.server.is_administrator("root")


@simulated
async def test_an_account_that_is_deleted_during_its_log_on_is_not_admitted(network: MemoryNetwork) -> None:
    house = await House(network).add("alice")
    accounts = house.stores.accounts
    verify = accounts.verify

    def delete_then_verify(user_id: str, password: str) -> Any:
        right = verify(user_id, password)
        accounts.remove(user_id)
        return right

    accounts.verify = delete_then_verify  # type: ignore[method-assign]
    with pytest.raises(LogonFailed, match="was deleted"):
        await house.client("alice")


@simulated
@pytest.mark.parametrize("by", ["password", "token"])
async def test_what_was_right_before_the_password_changed_admits_nobody_after_it(
    network: MemoryNetwork, by: str
) -> None:
    house = await House(network).add("alice")
    alice = await house.client("alice")
    secret = PASSWORD if by == "password" else alice.accounts.session_token
    held = Held(house.stores.accounts, "verify" if by == "password" else "token_owner", late=True)
    again = house.new_client(reconnect_first_delay=0)
    logging_on = again.log_on("alice", secret, network.endpoint_of(again))
    network.settle()
    await house.server.accounts.change_password("alice", "another password")
    held.go()
    with pytest.raises(LogonFailed, match="changed meanwhile"):
        await logging_on
    network.settle()
    assert not house.server.users.is_online("alice")


@simulated
@pytest.mark.parametrize("change", ["change_password", "delete", "revoke_tokens", "elsewhere"])
async def test_a_token_that_was_being_kept_does_not_outlive_the_change(network: MemoryNetwork, change: str) -> None:
    house = await House(network).add("alice")
    accounts = house.stores.accounts
    held = Held(accounts, "add_token")
    alice = await house.client("alice")
    if change == "elsewhere":
        await accounts.remove("alice")
    else:
        arguments = ("another password",) if change == "change_password" else ()
        await getattr(house.server.accounts, change)("alice", *arguments)
    held.go()
    network.settle()
    assert alice.accounts.session_token is None
    assert await accounts.drop_tokens("alice") == 0
