"""The engine as a whole: opening, closing, what it shows and what it gives to managers."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.application.service import IService
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IProtocolFactory
from zope.interface import implementer
from zope.interface.verify import verifyObject

from esframework import ClientOptions, DisconnectedType, MessageType, Registrations, ServerEngine, ServerOptions
from esframework.errors import LogonFailed, PluginError
from esframework.interfaces import IManager, IServerContext
from esframework.stores.memory import MemoryStores
from esframework.testing import MemoryNetwork, simulated
from tests.peers import FramePeer, Recorder, record

QUIET = ServerOptions(watch_reactor=False)


def life_of(server: ServerEngine) -> list[tuple[Any, ...]]:
    return record(server.opening, server.opened, server.closing, server.closed, server.error)


@simulated
async def test_opening_and_closing_are_told_in_order(network: MemoryNetwork) -> None:
    server = ServerEngine(options=QUIET, reactor=network.reactor, endpoints=[network.server_endpoint()])
    happened = life_of(server)
    await server.startService()
    assert [address.port for address in server.addresses] == [4530]
    assert server.running
    await server.close()
    assert [word for word, *_ in happened] == ["opening", "opened", "closing", "closed"]
    assert not server.running
    assert server.addresses == []
    await server.close()
    assert len(happened) == 4


class SlowStores(MemoryStores):
    """Stores that open when they are told to."""

    def __init__(self) -> None:
        super().__init__()
        self.happened: list[str] = []
        self.opening: Deferred[None] = Deferred()

    def open(self) -> Deferred[None]:
        self.happened.append("open")
        return self.opening

    def close(self) -> Deferred[None]:
        self.happened.append("close")
        return super().close()


@simulated
async def test_two_that_open_it_at_once_open_it_once(network: MemoryNetwork) -> None:
    stores = SlowStores()
    server = ServerEngine(options=QUIET, reactor=network.reactor, stores=stores)
    happened = life_of(server)
    listening = [server.listen(network.server_endpoint(port)) for port in (4530, 4531)]
    stores.opening.callback(None)
    await gatherResults(listening)
    assert [word for word, *_ in happened] == ["opening", "opened"]
    assert len(server.addresses) == 2
    await server.close()
    assert stores.happened == ["open", "close"]


@simulated
async def test_what_is_closed_while_it_opens_is_closed(network: MemoryNetwork) -> None:
    stores = SlowStores()
    server = ServerEngine(options=QUIET, reactor=network.reactor, stores=stores, endpoints=[network.server_endpoint()])
    server.startService()
    closed = server.close()
    stores.opening.callback(None)
    await closed
    assert (bool(server.running), server.addresses, stores.happened) == (False, [], ["open", "close"])


@simulated
async def test_an_endpoint_that_cannot_be_opened_fails_the_start(network: MemoryNetwork) -> None:
    network.server()
    server = ServerEngine(options=QUIET, reactor=network.reactor, endpoints=[network.server_endpoint()])
    errors = record(server.error)
    with pytest.raises(CannotListenError):
        await server.startService()
    assert len(errors) == 1
    await server.close()


def test_it_is_a_service_and_its_factory_a_factory() -> None:
    server = MemoryNetwork().server()
    assert verifyObject(IService, server)
    assert verifyObject(IProtocolFactory, server.factory)
    assert verifyObject(IServerContext, server)


@simulated
async def test_closing_leaves_nothing_behind(network: MemoryNetwork) -> None:
    server = network.server(Recorder())
    alice = await network.client("alice", options=ClientOptions(auto_reconnect=False))
    network.stranger()
    asked = server.custom.query("alice", 1, b"")
    asked.addErrback(lambda failure: None)
    await server.close()
    await alice.close()
    assert network.leftovers() == []
    assert server.connection_count == 0
    assert server.users.count == 0


@simulated
async def test_closing_writes_what_is_queued_first(network: MemoryNetwork) -> None:
    network.conditions.window = 64 * 1024
    server = network.server()
    handler = Recorder()
    await network.client("bob", handler=handler)
    server.custom.post("bob", 1, bytes(400_000))
    await server.close()
    network.settle()
    assert handler.contents == [bytes(400_000)]


@simulated
async def test_closing_waits_no_longer_than_its_grace_for_one_who_does_not_read(network: MemoryNetwork) -> None:
    network.conditions.window = 64 * 1024
    server = network.server(options=ServerOptions(close_grace=3, write_timeout=0))
    bob = FramePeer(network, "bob").online()
    network.stop_reading(bob.stranger)
    server.custom.post("bob", 1, bytes(400_000))
    network.settle()
    began = network.seconds()
    await server.close()
    assert network.seconds() - began == pytest.approx(3, abs=0.1)


@simulated
async def test_no_grace_cuts_at_once(network: MemoryNetwork) -> None:
    server = network.server(options=ServerOptions(close_grace=-1))
    FramePeer(network, "bob").online()
    await server.close()
    assert server.connection_count == 0


@simulated
async def test_a_log_on_that_is_being_verified_does_not_hold_up_closing(network: MemoryNetwork) -> None:
    verdict: Deferred[bool] = Deferred()
    server = network.server(verifier=type("Slow", (), {"verify": lambda self, request: verdict})())
    peer = FramePeer(network, "alice")
    peer.stranger.write(peer.log_on_frame())
    network.settle()
    await server.close()
    verdict.callback(True)
    network.settle()
    assert server.users.count == 0
    assert network.leftovers() == []


@simulated
async def test_a_closed_server_can_be_opened_again(network: MemoryNetwork) -> None:
    server = network.server()
    await server.close()
    await server.listen(network.server_endpoint())
    await network.client("alice")
    assert server.users.ids() == ["alice"]


@simulated
async def test_clients_come_back_after_a_restart(network: MemoryNetwork) -> None:
    server = network.server()
    alice = await network.client("alice")
    await server.close()
    network.advance(300)
    assert not alice.connected
    network.server()
    network.advance(60)
    assert alice.connected


@simulated
async def test_one_network_may_hold_several_servers(network: MemoryNetwork) -> None:
    network.server(Recorder(lambda _: b"first"))
    network.server(Recorder(lambda _: b"second"), port=5000)
    one, two = await network.client("alice"), await network.client("alice", port=5000)
    assert (await one.custom.query(None, 1, b""), await two.custom.query(None, 1, b"")) == (b"first", b"second")


# --- managers -------------------------------------------------------------------------------------------------------
@implementer(IManager)
class Plugin:
    """A manager of an application's own."""

    name = "plugin"
    requires: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.got: list[tuple[str | None, bytes]] = []
        self.events: list[str] = []

    def server_half(self, server: Any) -> Registrations:
        return Registrations(
            facade=self,
            handlers={10_000: self._handle},
            relayable=frozenset({10_001}),
            start=lambda: self.events.append("start"),
            stop=lambda: self.events.append("stop"),
            logged_off=lambda name: self.events.append(f"off {name}"),
        )

    def client_half(self, client: Any) -> None:
        return None

    def _handle(self, sender: Any, message_id: int, body: bytes) -> None:
        self.got.append((sender.name, body))
        sender.reply(10_000, b"answer", message_id)


@simulated
async def test_a_manager_of_an_applications_own_is_served_and_is_an_attribute(network: MemoryNetwork) -> None:
    plugin = Plugin()
    server = network.server(managers=[plugin])
    assert server.plugin is plugin
    assert plugin.events == ["start"]
    alice, bob = FramePeer(network, "alice").online(), FramePeer(network, "bob").online()
    alice.send(10_000, b"question", 3)
    assert plugin.got == [("alice", b"question")]
    assert [frame[:5] for frame in alice.take()] == [(10_000, 3, "_0", "alice", b"answer")]
    raw = alice.send(10_001, b"relayed", 0, "bob")
    assert [frame.raw for frame in bob.take()] == [raw]
    server.disconnect("bob", DisconnectedType.KICKED_OUT)
    await server.close()
    assert plugin.events == ["start", "off bob", "off alice", "stop"]


@simulated
async def test_a_managers_handler_that_fails_is_logged_and_ends_nothing(network: MemoryNetwork) -> None:
    class Broken(Plugin):
        def _handle(self, sender: Any, message_id: int, body: bytes) -> None:
            raise ValueError

    network.server(managers=[Broken()])
    alice = FramePeer(network, "alice").online()
    alice.send(10_000)
    assert alice.is_connected
    assert len(network.failures.take(ValueError)) == 1


def test_what_is_no_manager_is_named() -> None:
    server = MemoryNetwork().server()
    with pytest.raises(AttributeError, match="no manager 'nonsense'"):
        _ = server.nonsense
    with pytest.raises(PluginError, match="installed are"):
        server.manager("nonsense")


# --- what it shows --------------------------------------------------------------------------------------------------
@simulated
async def test_frames_and_refusals_are_counted(network: MemoryNetwork) -> None:
    server = network.server()
    alice = FramePeer(network, "alice").online()
    for _ in range(5):
        alice.send(MessageType.HEARTBEAT)
    assert server.frames_received == 5
    assert sum(server.refusals.counts.values()) == 0


@pytest.mark.parametrize(
    ("is_open", "has_verifier", "guards"),
    [(None, False, False), (None, True, True), (True, True, False), (False, False, True)],
)
def test_a_server_without_a_verifier_is_open_unless_told(
    is_open: bool | None, has_verifier: bool, guards: bool
) -> None:
    network = MemoryNetwork()
    verifier = type("Yes", (), {"verify": lambda self, request: True})() if has_verifier else None
    server = network.server(verifier=verifier, options=ServerOptions(open=is_open))
    assert server.permit("anything", "alice", None, lambda: False) is not guards
    network.close()


@simulated
async def test_an_engine_without_a_verifier_admits_everybody(network: MemoryNetwork) -> None:
    network.server()
    await network.client("anybody", "any password")


@simulated
async def test_a_refused_log_on_leaves_no_trace_of_a_user(network: MemoryNetwork) -> None:
    server = network.server(verifier=type("No", (), {"verify": lambda self, request: "no"})())
    told = record(server.users.connected, server.users.disconnected, server.users.count_changed)
    with pytest.raises(LogonFailed):
        await network.client("alice")
    assert told == []


@simulated
async def test_disconnect_ends_a_session_in_order(network: MemoryNetwork) -> None:
    server = network.server()
    alice = FramePeer(network, "alice").online()
    ends = record(server.users.disconnected)
    assert server.disconnect("alice", DisconnectedType.NETWORK_INTERRUPTED)
    assert not server.disconnect("alice", DisconnectedType.NETWORK_INTERRUPTED)
    network.settle()
    assert not alice.is_connected
    assert [reason for _, _, reason in ends] == [DisconnectedType.NETWORK_INTERRUPTED]
