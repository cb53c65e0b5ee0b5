"""Two clients on machines of their own, on a network in memory, that may have a P2P channel: what files, blobs and
messages do by it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from esframework import ClientEngine, ClientOptions, ClientP2POptions, Offer, ServerEngine
from esframework.managers.files.options import FilesOptions
from esframework.managers.files.transfer import Transfer
from esframework.testing import MemoryNetwork
from tests.peers import Recorder

ALICE, BOB = "10.0.0.1", "10.0.0.2"
NOBODY = "10.9.9.9:9901"
"""A P2P server that never answers; without one, there would be no P2P in these networks."""


class Friends:
    """A server, alice and bob; bob takes what is offered into the folder `received`. `p2p` as for ClientP2POptions."""

    def __init__(
        self,
        network: MemoryNetwork,
        folder: Path | None = None,
        *,
        decide: Callable[[Offer], Any] | None = None,
        alice: Any = None,
        bob: Any = None,
        **p2p: Any,
    ) -> None:
        self.network = network
        self.at_alice, self.at_bob = alice or Recorder(), bob or Recorder()
        self.server: ServerEngine = network.server(Recorder())
        options = ClientOptions(
            p2p=ClientP2POptions(server=NOBODY, map_ports=False, **p2p),
            files=FilesOptions() if folder is None else FilesOptions(state_folder=folder / "state"),
            reconnect_first_delay=0.1,
            reconnect_longest_delay=0.2,
        )
        self.alice: ClientEngine = network.run(
            network.client("alice", handler=self.at_alice, options=options, host=ALICE)
        )
        self.bob: ClientEngine = network.run(network.client("bob", handler=self.at_bob, options=options, host=BOB))
        self.received: list[Transfer] = []
        self.folder = folder
        if folder is not None:
            self.folder = folder / "received"
            self.folder.mkdir()
            self._decide = decide or (lambda offer: offer.accept_into(self.folder))
            self.bob.files.offered.subscribe(self._offered)

    def _offered(self, offer: Offer) -> None:
        self.received.append(offer.transfer)
        self._decide(offer)

    def connect(self) -> None:
        """Open a channel, and wait until all that is to be said about it is said."""
        self.network.run(self.alice.p2p.connect("bob"))
        self.network.advance(0.5)

    def part(self) -> None:
        """Both end their sessions, and what is under way arrives; for networks that take time."""
        for client in (self.alice, self.bob):
            self.network.run(client.close())
        self.network.advance(1)

    def cut_path(self, is_cut: bool = True) -> None:
        """Nothing passes between the two but by the server."""
        self.network.datagrams.keep_apart(ALICE, BOB, is_cut)

    def lose_server(self, client: ClientEngine) -> None:
        """One of the two loses its connection to the server, and gets no other."""
        endpoint: Any = self.network.endpoint_of(client)
        endpoint.connect = lambda factory: Deferred()
        self.network.cut(client)

    def kill_channel(self) -> None:
        """The channel dies at once, at both ends, with what is in it."""
        self.cut_path()
        for client, name in ((self.alice, "bob"), (self.bob, "alice")):
            link = client.links.get(name)
            for channel in () if link is None else tuple(link.channels):
                channel.abort(1, "killed")
        self.network.settle()
        self.cut_path(False)
