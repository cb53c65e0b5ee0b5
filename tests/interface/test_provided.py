"""Every implementation of an interface has what the interface names."""

from __future__ import annotations

from typing import Any

import pytest
from zope.interface.verify import verifyObject

from esframework import CombinedHandler
from esframework.client.stream import ClientStream, Peer
from esframework.interfaces import (
    IAttachmentHandler,
    IChannel,
    IContext,
    IIntegratedHandler,
    IManager,
    IRouter,
    ISender,
    IServerContext,
    IVerifier,
)
from esframework.plugins.loader import discovered
from esframework.server.auth import CheckerVerifier
from esframework.stores.memory import MemoryStores
from esframework.stores.verifier import AccountVerifier
from esframework.testing import MemoryNetwork, simulated


@simulated
async def test_engines_connections_and_peers(network: MemoryNetwork) -> None:
    server = network.server()
    client = await network.client("alice")
    stream = client.channel(None)
    assert isinstance(stream, ClientStream)
    assert verifyObject(IServerContext, server)
    assert verifyObject(IRouter, server.router)
    assert verifyObject(IContext, client)
    assert verifyObject(ISender, server.channel("alice"))
    assert verifyObject(IChannel, stream)
    assert verifyObject(ISender, Peer(stream, "bob", 10, 10))


@pytest.mark.parametrize("manager", discovered(), ids=lambda manager: str(manager.name))
def test_managers(manager: Any) -> None:
    assert verifyObject(IManager, manager)


def test_verifiers_and_handlers() -> None:
    assert verifyObject(IVerifier, AccountVerifier(MemoryStores().accounts))
    assert verifyObject(IVerifier, CheckerVerifier([]))
    assert verifyObject(IIntegratedHandler, CombinedHandler())
    assert verifyObject(IAttachmentHandler, CombinedHandler())
