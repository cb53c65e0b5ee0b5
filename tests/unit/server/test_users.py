"""Who is online, as applications see it."""

from __future__ import annotations

from esframework import ServerOptions
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.contracts import P2PAddress
from esframework.wire.profile import ClientType7
from tests.peers import FramePeer, record


@simulated
async def test_users_with_their_data(network: MemoryNetwork) -> None:
    server = network.server()
    network.advance(3)
    FramePeer(network, "4#alice", generation=7, client_type=4, host="127.0.0.9").online()
    await network.client("bob")
    alice, bob = server.users.all()
    assert server.users.ids() == ["alice", "bob"]
    assert server.users.count == 2
    assert (alice.user_id, alice.client_type, alice.device, alice.is_ours) == ("alice", 4, 4, False)
    assert alice.address[0] == "127.0.0.9"
    assert alice.logged_on_at == 3.0
    assert (bob.device, bob.is_ours) == (ClientType7.OTHERS, True)
    assert server.users.address_of("alice") == alice.address
    assert server.users.address_of("nobody") is None


@simulated
async def test_a_user_is_found_by_its_id_and_by_its_device(network: MemoryNetwork) -> None:
    server = network.server()
    FramePeer(network, "4#alice", generation=7).online()
    users = server.users
    assert users.is_online("alice") and users.is_online("4#alice")
    assert not users.is_online("5#alice") and not users.is_online("Alice") and not users.is_online("")
    assert users.get("nobody") is None
    assert users.select_online(["nobody", "alice", "x"]) == ["alice"]


@simulated
async def test_a_tag_is_kept_while_online_and_its_change_is_told(network: MemoryNetwork) -> None:
    server = network.server()
    FramePeer(network, "alice").online()
    changes = record(server.users.tag_changed)
    tag = {"room": 3}
    assert server.users.set_tag("alice", tag)
    assert not server.users.set_tag("nobody", tag)
    assert server.users.get("alice").tag is tag
    assert changes == [("tag_changed", "alice", tag)]


@simulated
async def test_where_a_user_can_be_reached_is_kept_and_its_change_is_told(network: MemoryNetwork) -> None:
    server = network.server()
    for device in (4, 5):
        FramePeer(network, f"{device}#alice", generation=7).online()
    changes = record(server.users.p2p_address_changed)
    here, there = (
        P2PAddress(
            private_ip=f"10.0.0.{number}",
            private_tcp_port=1,
            private_udp_port=2,
            public_ip=None,
            public_tcp_port=3,
            public_udp_port=4,
        )
        for number in (1, 2)
    )
    assert server.users.set_p2p_address("alice", here)
    assert server.users.set_p2p_address("5#alice", there)
    assert not server.users.set_p2p_address("nobody", here)
    assert [user.p2p_address for user in server.users.devices_of("alice")] == [here, there]
    assert changes == [("p2p_address_changed", "alice", here), ("p2p_address_changed", "alice", there)]


@simulated
async def test_comings_and_goings_change_the_count(network: MemoryNetwork) -> None:
    server = network.server()
    counts = record(server.users.count_changed)
    for name in ("alice", "bob"):
        FramePeer(network, name).online()
    server.basic.kick_out("alice")
    assert counts == [("count_changed", 1), ("count_changed", 2), ("count_changed", 1)]


@simulated
async def test_a_user_is_listed_when_its_coming_is_told_and_gone_when_its_going_is(network: MemoryNetwork) -> None:
    server = network.server()
    seen: list[bool] = []
    server.users.connected.subscribe(lambda user: seen.append(server.users.is_online(user.user_id)))
    server.users.disconnected.subscribe(lambda user, reason: seen.append(server.users.is_online(user.user_id)))
    FramePeer(network, "alice").online()
    server.basic.kick_out("alice")
    assert seen == [True, False]


@simulated
async def test_without_a_cluster_the_platforms_users_are_the_servers(network: MemoryNetwork) -> None:
    server = network.server()
    assert server.platform_users is server.users


@simulated
async def test_slow_clients_are_those_for_whom_most_waits(network: MemoryNetwork) -> None:
    network.conditions.window = 64 * 1024
    server = network.server(options=ServerOptions(write_timeout=0))
    for name in ("quick", "slow", "slower"):
        peer = FramePeer(network, name).online()
        if name != "quick":
            network.stop_reading(peer.stranger)
    server.custom.post("quick", 1, bytes(200_000))
    server.custom.post("slow", 1, bytes(200_000))
    server.custom.post("slower", 1, bytes(400_000))
    network.settle()
    assert [name for name, _ in server.users.slow_clients()] == ["slower", "slow"]
    assert len(server.users.slow_clients(1)) == 1
