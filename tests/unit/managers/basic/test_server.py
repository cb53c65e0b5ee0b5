"""The basic functions: asked by clients, guarded by permissions."""

from __future__ import annotations

from typing import Any

import pytest

from esframework import ClientEngine, MessageType, ServerEngine, ServerOptions
from esframework.errors import ConnectionInterrupted, NotPermitted, RequestError, RequestTimeout, TargetAbsent
from esframework.managers.basic.contracts import (
    DEVICES,
    ENDPOINT,
    KICK_OUT,
    NAMES,
    NAMES_ONLINE,
    ONLINE,
    USER,
    USER_LIST,
    KickOutBody,
    UserBody,
)
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.profile import ClientType7
from tests.peers import FramePeer, record

GUARDED = ServerOptions(open=False, administrators=frozenset({"root"}))


async def house(
    network: MemoryNetwork, options: ServerOptions = GUARDED, permit: Any = None
) -> tuple[ServerEngine, ClientEngine, ClientEngine, ClientEngine]:
    server = network.server(options=options, permit=permit)
    root, alice, bob = [await network.client(name) for name in ("root", "alice", "bob")]
    return server, root, alice, bob


# --- questions ------------------------------------------------------------------------------------------------------
@simulated
async def test_who_is_online(network: MemoryNetwork) -> None:
    _, _, alice, _ = await house(network)
    assert await alice.basic.all_online_users() == ["root", "alice", "bob"]
    assert await alice.basic.is_user_online("bob") is True
    assert await alice.basic.is_user_online("nobody") is False
    assert await alice.basic.are_users_online(["bob", "nobody"]) == {"bob": True, "nobody": False}
    assert await alice.basic.are_users_online([]) == {}
    assert await alice.basic.my_devices() == [ClientType7.OTHERS]


@simulated
async def test_endpoints_as_the_server_sees_them(network: MemoryNetwork) -> None:
    server, root, alice, _ = await house(network)
    mine = await alice.basic.my_endpoint()
    assert mine == server.users.address_of("alice")
    assert await alice.basic.user_endpoint("alice") == mine
    assert await root.basic.user_endpoint("alice") == mine
    assert await root.basic.user_endpoint("nobody") is None


@simulated
async def test_a_ping_takes_the_time_there_and_back(network: MemoryNetwork) -> None:
    _, _, alice, _ = await house(network)
    network.conditions.delay = 0.05
    assert await alice.basic.ping() == pytest.approx(0.1)
    assert await alice.basic.ping("bob") == pytest.approx(0.2)
    with pytest.raises(TargetAbsent):
        await alice.basic.ping("nobody")


@simulated
async def test_a_ping_to_a_peer_that_hangs_times_out(network: MemoryNetwork) -> None:
    _, _, alice, bob = await house(network)
    network.stop_reading(bob)
    with pytest.raises(RequestTimeout) as caught:
        await alice.basic.ping("bob")
    assert (caught.value.target, caught.value.request_type) == ("bob", MessageType.PING_BY_SERVER)


@simulated
async def test_a_question_whose_connection_is_lost_fails(network: MemoryNetwork) -> None:
    _, _, alice, _ = await house(network)
    asked = alice.basic.all_online_users()
    network.cut(alice)
    with pytest.raises(ConnectionInterrupted):
        await asked


@simulated
async def test_a_heartbeat_may_be_sent_by_hand(network: MemoryNetwork) -> None:
    server, _, alice, _ = await house(network)
    before = server.frames_received
    alice.basic.send_heartbeat()
    network.settle()
    assert server.frames_received == before + 1


@simulated
async def test_our_clients_know_what_the_server_offers_and_forget_it_with_the_connection(
    network: MemoryNetwork,
) -> None:
    _, _, alice, _ = await house(network)
    assert "basic" in alice.basic.server_features.features
    network.cut(alice)
    assert alice.basic.server_features is None


# --- kick-out -------------------------------------------------------------------------------------------------------
@simulated
async def test_an_administrator_may_kick_out(network: MemoryNetwork) -> None:
    server, root, _, bob = await house(network)
    told = record(bob.basic.being_kicked_out)
    await root.basic.kick_out("bob")
    network.settle()
    assert told == [("being_kicked_out",)]
    assert not bob.connected
    assert not server.users.is_online("bob")
    with pytest.raises(TargetAbsent, match="'bob' is not online"):
        await root.basic.kick_out("bob")


@simulated
async def test_nobody_else_may(network: MemoryNetwork) -> None:
    server, _, alice, bob = await house(network)
    with pytest.raises(NotPermitted, match="kick_out is not permitted to 'alice'"):
        await alice.basic.kick_out("bob")
    assert bob.connected
    assert server.refusals.counts["not_permitted_kick_out"] == 1


@simulated
async def test_a_foreign_client_that_may_not_is_refused_without_a_word(network: MemoryNetwork) -> None:
    _, _, _, bob = await house(network)
    mallory = FramePeer(network, "mallory").online()
    mallory.send(MessageType.KICK_OUT, KICK_OUT.encode(KickOutBody("bob")), 1)
    assert mallory.take() == []
    assert mallory.is_connected
    assert bob.connected


@simulated
async def test_a_kick_out_notice_from_a_client_to_the_server_is_nothing(network: MemoryNetwork) -> None:
    server, _, _, bob = await house(network)
    mallory = FramePeer(network, "mallory").online()
    for message_type in (MessageType.KICKED_OUT, MessageType.PUSHED_OUT, MessageType.REQUEST_FAILED):
        mallory.send(message_type, b"", 1)
    assert bob.connected
    assert server.refusals.counts["unknown_type"] == 3


@simulated
async def test_on_an_open_server_everybody_may(network: MemoryNetwork) -> None:
    _, _, alice, bob = await house(network, ServerOptions(open=True))
    await alice.basic.kick_out("bob")
    network.settle()
    assert not bob.connected


# --- the application's own rules ------------------------------------------------------------------------------------
@simulated
async def test_the_applications_hook_decides_first(network: MemoryNetwork) -> None:
    asked: list[Any] = []

    def permit(action: str, user_id: str, target: str | None) -> bool | None:
        asked.append((action, user_id, target))
        return {"kick_out": user_id == "alice", "list_users": False, "user_endpoint": True}[action]

    _, root, alice, _ = await house(network, permit=permit)
    with pytest.raises(NotPermitted):
        await root.basic.kick_out("bob")
    with pytest.raises(NotPermitted):
        await root.basic.all_online_users()
    assert await alice.basic.user_endpoint("root") is not None
    await alice.basic.kick_out("bob")
    assert asked == [
        ("kick_out", "root", "bob"),
        ("list_users", "root", None),
        ("user_endpoint", "alice", "root"),
        ("kick_out", "alice", "bob"),
    ]


@simulated
async def test_a_hook_that_fails_refuses(network: MemoryNetwork) -> None:
    def permit(action: str, user_id: str, target: str | None) -> bool:
        raise ValueError

    _, root, _, bob = await house(network, permit=permit)
    with pytest.raises(NotPermitted):
        await root.basic.kick_out("bob")
    assert bob.connected
    assert len(network.failures.take(ValueError)) == 1


@simulated
async def test_other_users_endpoints_are_for_administrators(network: MemoryNetwork) -> None:
    _, _, alice, _ = await house(network)
    with pytest.raises(NotPermitted):
        await alice.basic.user_endpoint("bob")


# --- byte by byte, for foreign clients ------------------------------------------------------------------------------
@simulated
async def test_foreign_clients_get_the_protocols_answers(network: MemoryNetwork) -> None:
    await house(network, permit=lambda action, *_: action != "list_users")
    foreign = FramePeer(network, "foreign").online()
    questions = {
        MessageType.MY_ENDPOINT: b"",
        MessageType.ALL_ONLINE_USERS: b"",
        MessageType.IS_USER_ONLINE: USER.encode(UserBody("bob")),
        MessageType.USER_ENDPOINT: USER.encode(UserBody("nobody")),
        MessageType.ARE_USERS_ONLINE: NAMES.encode(["bob"]),
        MessageType.MY_DEVICES: b"",
        MessageType.PING_BY_SERVER: b"",
    }
    for message_id, (message_type, body) in enumerate(questions.items(), 1):
        foreign.send(message_type, body, message_id)
    answers = foreign.take()
    assert [frame.message_id for frame in answers] == list(range(1, 8))
    assert {(frame.source, frame.target) for frame in answers} == {("_0", "foreign")}
    assert answers[-1].message_type == MessageType.PING_ANSWER
    assert ENDPOINT.decode(answers[0].body).ip == "127.0.0.1"
    # What is not permitted looks empty to those who do not know our word for it.
    assert USER_LIST.decode(answers[1].body).user_list == []
    assert ONLINE.decode(answers[2].body).online is True
    assert (ENDPOINT.decode(answers[3].body).ip, ENDPOINT.decode(answers[3].body).port) == (None, 0)
    assert NAMES_ONLINE.decode(answers[4].body) == {"bob": True}
    assert DEVICES.decode(answers[5].body) == [ClientType7.OTHERS]


@pytest.mark.parametrize("message_type", [108, 111, 113, 114])
def test_a_malformed_question_ends_its_asker(message_type: int) -> None:
    network = MemoryNetwork()
    network.server()
    foreign = FramePeer(network, "foreign").online()
    foreign.send(message_type, b"\x01", 1)
    assert not foreign.is_connected
    network.close()


@simulated
async def test_a_client_answers_another_clients_ping(network: MemoryNetwork) -> None:
    _, _, _, bob = await house(network)
    foreign = FramePeer(network, "foreign").online()
    foreign.send(MessageType.PING_BY_SERVER, b"", 7, "bob")
    assert [frame[:4] for frame in foreign.take()] == [(MessageType.PING_ANSWER, 7, "bob", "foreign")]
    assert bob.connected


@simulated
async def test_a_server_that_is_not_ours_does_not_answer_a_kick_out_and_nobody_waits(network: MemoryNetwork) -> None:
    _, root, _, bob = await house(network)
    root.basic.server_features = None
    await root.basic.kick_out("bob")
    network.settle()
    assert not bob.connected


@simulated
async def test_the_server_itself_may_always_kick_out(network: MemoryNetwork) -> None:
    server, _, _, bob = await house(network)
    assert server.basic.kick_out("bob") is True
    assert server.basic.kick_out("bob") is False
    network.settle()
    assert not bob.connected


@simulated
async def test_a_list_too_long_for_a_message_fails_the_question_and_not_the_connection(network: MemoryNetwork) -> None:
    server = network.server(options=ServerOptions(max_message=2000))
    names = [f"a-rather-long-user-name-{number:06}" for number in range(80)]
    clients = [await network.client(name) for name in names]
    assert server.users.count == 80
    with pytest.raises(RequestError, match="2000"):
        await clients[0].basic.all_online_users()
    assert clients[0].connected


@simulated
async def test_naming_a_device_does_not_pass_the_permission_hook(network: MemoryNetwork) -> None:
    def permit(action: str, user_id: str, target: str | None) -> bool | None:
        return target != "root"

    server = network.server(permit=permit)
    FramePeer(network, "10#root", generation=7).online()
    mallory = await network.client("mallory")
    with pytest.raises(NotPermitted):
        await mallory.basic.kick_out("10#root")
    assert server.users.is_online("root")


@simulated
async def test_who_kicks_itself_out_hears_that_it_is_done(network: MemoryNetwork) -> None:
    server = network.server()
    alice = await network.client("alice")
    await alice.basic.kick_out("alice")
    network.settle()
    assert not alice.connected and server.users.count == 0
