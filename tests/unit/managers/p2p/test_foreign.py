"""What clients of another make ask about P2P is answered in their own generation, and only to whom it concerns."""

from __future__ import annotations

from typing import Any

import pytest

from esframework import ServerEngine, ServerOptions
from esframework.errors import RendezvousRefused
from esframework.managers.p2p.foreign_contracts import (
    MY_P2P_ADDRESS,
    P2P_ADDRESS_ANSWER,
    P2P_ADDRESS_OF,
    PUBLIC_ENDPOINT,
    MyP2PAddressBody,
    P2PAddressAnswer6,
    P2PAddressAnswer7,
    P2PAddressOf6,
    P2PAddressOf7,
    PublicEndpointBody,
)
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.contracts import P2PAddress
from esframework.wire.frames import FrameDecoder
from esframework.wire.profile import ClientType7
from esframework.wire.types import SERVER_ID, MessageType
from tests.peers import FramePeer, record

HERE = P2PAddress(
    private_ip="192.168.0.7",
    private_tcp_port=5001,
    private_udp_port=5002,
    public_ip="198.51.100.7",
    public_tcp_port=40001,
    public_udp_port=40002,
)
MINE = MY_P2P_ADDRESS.encode(MyP2PAddressBody(is_public_ip=False, p2p_address=HERE))
GUARDED = ServerOptions(open=False, administrators=frozenset({"root"}))


def address_of(peer: FramePeer, friend: str, device: int = ClientType7.LINUX) -> Any:
    """What the server answers to a 402."""
    generation = peer.layout.profile.generation
    asked = P2PAddressOf6(friend_id=friend) if generation == 6 else P2PAddressOf7(friend_id=friend, client_type=device)
    peer.send(MessageType.P2P_ADDRESS_OF, P2P_ADDRESS_OF[generation].encode(asked), 7)
    (answer,) = peer.take(MessageType.P2P_ADDRESS_OF)
    assert (answer.message_id, answer.source) == (7, SERVER_ID)
    return P2P_ADDRESS_ANSWER[generation].decode(answer.body)


def test_the_bytes_of_an_address() -> None:
    assert MINE.hex() == (
        "34000000 00 2f000000 0b000000 3139322e3136382e302e37 89130000 8a130000 "
        "0c000000 3139382e35312e3130302e37 419c0000 429c0000".replace(" ", "")
    )


@simulated
async def test_who_tells_where_it_is_can_be_asked_for(network: MemoryNetwork) -> None:
    server = network.server()
    told = record(server.users.p2p_address_changed)
    alice, bob = FramePeer(network, "alice").online(), FramePeer(network, "bob").online()
    alice.send(MessageType.MY_P2P_ADDRESS, MINE)
    assert alice.take() == []
    assert told == [("p2p_address_changed", "alice", HERE)]
    assert address_of(bob, "alice") == P2PAddressAnswer6(p2p_address=HERE, user_id="alice")
    assert address_of(alice, "bob") == P2PAddressAnswer6(p2p_address=None, user_id="bob")
    assert address_of(alice, "nobody") == P2PAddressAnswer6(p2p_address=None, user_id="nobody")


@simulated
async def test_generation_6_and_7_are_each_answered_in_their_own_way(network: MemoryNetwork) -> None:
    network.server()
    old, new = FramePeer(network, "old").online(), FramePeer(network, "9#new", generation=7).online()
    old.send(MessageType.MY_P2P_ADDRESS, MINE)
    new.send(MessageType.MY_P2P_ADDRESS, MINE)
    assert address_of(old, "new") == P2PAddressAnswer6(p2p_address=HERE, user_id="new")
    assert address_of(new, "old") == P2PAddressAnswer7(p2p_address=HERE, user_id="old", client_type=ClientType7.OTHERS)
    absent = P2PAddressAnswer7(p2p_address=None, user_id="nobody", client_type=ClientType7.MAC)
    assert address_of(new, "nobody", ClientType7.MAC) == absent


@simulated
async def test_of_several_devices_the_one_that_is_asked_for_is_told(network: MemoryNetwork) -> None:
    server = network.server()
    alice = FramePeer(network, "9#alice", generation=7).online()
    for device in (ClientType7.ANDROID, ClientType7.MAC):
        FramePeer(network, f"{int(device)}#bob", generation=7).online()
    assert server.users.set_p2p_address("5#bob", HERE)
    assert address_of(alice, "bob", ClientType7.MAC).client_type == ClientType7.MAC
    assert address_of(alice, "bob", ClientType7.ANDROID).p2p_address == HERE
    assert address_of(alice, "2#bob", ClientType7.ANDROID).p2p_address is None
    assert not server.users.set_p2p_address("nobody", HERE)


@simulated
async def test_an_address_is_told_to_whom_the_permission_hook_allows_it(network: MemoryNetwork) -> None:
    asked: list[Any] = []

    def permit(action: str, user_id: str, target: str | None) -> bool | None:
        asked.append((action, user_id, target))
        return user_id == "alice" or None

    server = network.server(options=GUARDED, permit=permit)
    alice, bob, root = [FramePeer(network, name).online() for name in ("alice", "bob", "root")]
    server.users.set_p2p_address("root", HERE)
    server.users.set_p2p_address("bob", HERE)
    assert address_of(alice, "root").p2p_address == HERE
    assert address_of(bob, "root").p2p_address is None
    assert address_of(bob, "bob").p2p_address == HERE
    assert address_of(root, "bob").p2p_address == HERE
    assert asked[0] == ("p2p_address", "alice", "root")


@simulated
async def test_whom_one_has_blocked_hears_nothing(network: MemoryNetwork) -> None:
    server = network.server()
    alice, bob = FramePeer(network, "alice").online(), FramePeer(network, "bob").online()
    bob.send(MessageType.MY_P2P_ADDRESS, MINE)
    server.router.refuse_from("bob", frozenset({"alice"}))
    assert address_of(alice, "bob").p2p_address is None


@simulated
async def test_an_address_that_is_none_is_counted_and_not_kept(network: MemoryNetwork) -> None:
    server = network.server()
    alice = FramePeer(network, "alice").online()
    long = P2PAddress(
        private_ip="1" * 65,
        private_tcp_port=1,
        private_udp_port=1,
        public_ip=None,
        public_tcp_port=1,
        public_udp_port=1,
    )
    for address in (None, long):
        body = MY_P2P_ADDRESS.encode(MyP2PAddressBody(is_public_ip=False, p2p_address=address))
        alice.send(MessageType.MY_P2P_ADDRESS, body)
    assert server.refusals.counts["p2p_address"] == 2
    user = server.users.get("alice")
    assert user is not None and user.p2p_address is None
    alice.send(MessageType.MY_P2P_ADDRESS, b"garbage")
    assert not alice.is_connected


@pytest.mark.parametrize("generation", [6, 7])
@simulated
async def test_how_one_is_seen_on_the_log_on_connection(network: MemoryNetwork, generation: int) -> None:
    server = network.server()
    alice = FramePeer(network, "9#alice" if generation == 7 else "alice", generation=generation).online()
    alice.send(MessageType.MY_PUBLIC_ENDPOINT, b"", 3)
    (answer,) = alice.take()
    seen = server.users.address_of("alice")
    assert seen is not None
    assert (answer.message_type, answer.message_id) == (MessageType.MY_PUBLIC_ENDPOINT, 3)
    assert PUBLIC_ENDPOINT.decode(answer.body) == PublicEndpointBody(*seen)


@pytest.mark.parametrize("message_type", [MessageType.INVITE_TCP, MessageType.INVITE_UDP, MessageType.TEST_TCP_CHANNEL])
@pytest.mark.parametrize("generation", [6, 7])
@simulated
async def test_invitations_and_tests_are_relayed_as_they_came(
    network: MemoryNetwork, message_type: MessageType, generation: int
) -> None:
    network.server()
    alice = FramePeer(network, "9#alice" if generation == 7 else "alice", generation=generation).online()
    bob = FramePeer(network, "9#bob" if generation == 7 else "bob", generation=generation).online()
    sent = alice.send(message_type, b"whatever is in there", 5, to="bob")
    (received,) = bob.take()
    assert received.raw == sent


# --- by UDP -----------------------------------------------------------------------------------------------------------
def by_udp(server: ServerEngine, peer: FramePeer, host: str, message_type: int = 405, body: bytes = b"") -> Any:
    """The answer to a datagram from a host, or the reason why there is none."""
    datagram = peer.frame(message_type, body, 9)
    try:
        answer = server.p2p.foreigners.datagram(datagram, (host, 40000))
    except RendezvousRefused as error:
        return str(error)
    ((message_type, message_id, source, target, raw),) = FrameDecoder(peer.layout).feed(answer)
    ids = peer.layout.id_of(source), peer.layout.id_of(target)
    assert (message_type, message_id, ids) == (405, 9, (SERVER_ID, peer.login_id))
    return PUBLIC_ENDPOINT.decode(raw[peer.layout.header_size :])


@pytest.mark.parametrize(("generation", "max_user_id"), [(6, 11), (6, 36), (7, 11), (7, 20)])
@simulated
async def test_a_datagram_from_where_its_user_is_logged_on_is_answered(
    network: MemoryNetwork, generation: int, max_user_id: int
) -> None:
    server = network.server()
    alice = FramePeer(
        network,
        "9#alice" if generation == 7 else "alice",
        generation=generation,
        max_user_id=max_user_id,
        host="198.51.100.7",
    ).online()
    assert by_udp(server, alice, "198.51.100.7") == PublicEndpointBody("198.51.100.7", 40000)
    assert by_udp(server, alice, "198.51.100.8") == "foreign_without_session"
    alice.stranger.transport.loseConnection()
    network.settle()
    assert by_udp(server, alice, "198.51.100.7") == "foreign_without_session"


@simulated
async def test_nothing_else_is_answered_by_udp(network: MemoryNetwork) -> None:
    server = network.server()
    alice = FramePeer(network, "alice", host="198.51.100.7").online()
    assert by_udp(server, alice, "198.51.100.7", MessageType.MY_ENDPOINT) == "foreign_type"
    assert by_udp(server, alice, "198.51.100.7", 405, b"12345678") == "foreign_type"
    for datagram, reason in (
        (b"", "kind"),
        (b"\x80" * 36, "kind"),
        (b"\xff", "foreign_header"),
        (b"\xff" * 36, "foreign_type"),
        (alice.frame(405)[:-1], "foreign_header"),
        (alice.frame(405, name="a").replace(b"a", b"\xff"), "foreign_header"),
    ):
        with pytest.raises(RendezvousRefused) as refused:
            server.p2p.foreigners.datagram(datagram, ("198.51.100.7", 40000))
        assert refused.value.args == (reason,)
