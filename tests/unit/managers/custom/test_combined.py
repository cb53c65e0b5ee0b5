"""Several handlers as one."""

from __future__ import annotations

import pytest
from zope.interface.verify import verifyObject

from esframework import CombinedHandler, Delivered, IIntegratedHandler, OfflineMessage
from esframework.errors import HandlerRaised, LocalError
from esframework.managers.custom.combined import UnhandledType
from esframework.testing import MemoryNetwork, simulated
from tests.peers import Recorder


class Part(Recorder):
    """Handles some types, and answers with its name."""

    def __init__(self, name: bytes, *types: int) -> None:
        super().__init__(lambda _: name)
        self.types = types

    def can_handle(self, information_type: int) -> bool:
        return information_type in self.types


def test_each_message_goes_to_the_first_that_can_handle_it() -> None:
    one, two = Part(b"one", 1, 2), Part(b"two", 2, 3)
    combined = CombinedHandler(one, two)
    assert [combined.handle_query("a", kind, b"") for kind in (1, 2, 3)] == [b"one", b"one", b"two"]
    combined.handle_information("a", 3, b"x")
    assert (one.information, two.information) == ([], [("a", 3, b"x")])


def test_a_message_that_waited_goes_to_the_one_that_can_handle_it_in_its_own_way() -> None:
    waited: list[OfflineMessage] = []

    class Knowing(Part):
        def handle_offline(self, message: OfflineMessage) -> None:
            waited.append(message)

    one, two = Knowing(b"one", 1), Part(b"two", 2)
    combined = CombinedHandler(CombinedHandler(one), two)
    messages = [OfflineMessage("id", 5, None, None, kind, b"x", 0.0, False) for kind in (1, 2)]
    for message in messages:
        combined.handle_offline(message)
    assert (waited, one.information, two.information) == (messages[:1], [], [(None, 2, b"x")])


def test_a_message_that_is_delivered_goes_to_the_one_that_can_handle_it_in_its_own_way() -> None:
    delivered: list[Delivered] = []

    class Knowing(Part):
        def handle_delivery(self, message: Delivered) -> None:
            delivered.append(message)

    one, two = Knowing(b"one", 1), Part(b"two", 2)
    combined = CombinedHandler(CombinedHandler(one), two)
    messages = [Delivered("id", "a", None, kind, b"x", False, 0.0, 0.0) for kind in (1, 2)]
    for message in messages:
        combined.handle_delivery(message)
    assert (delivered, one.information, two.information) == (messages[:1], [], [("a", 2, b"x")])


def test_combined_handlers_may_be_nested_as_deep_as_wanted() -> None:
    inner = Part(b"inner", 7)
    combined = CombinedHandler(Part(b"other", 1), CombinedHandler(CombinedHandler(inner), Part(b"next", 8)))
    assert verifyObject(IIntegratedHandler, combined)
    assert [combined.can_handle(kind) for kind in (1, 7, 8, 9)] == [True, True, True, False]
    assert combined.handle_query("a", 7, b"") == b"inner"


def test_a_type_that_nobody_handles_is_an_error() -> None:
    combined = CombinedHandler(Part(b"one", 1))
    with pytest.raises(UnhandledType, match="99") as caught:
        combined.handle_query("a", 99, b"")
    assert isinstance(caught.value, LocalError)


@simulated
async def test_types_that_nobody_handles_fail_their_query(network: MemoryNetwork) -> None:
    network.server(CombinedHandler(Part(b"one", 1)))
    alice = await network.client("alice")
    assert await alice.custom.query(None, 1, b"") == b"one"
    with pytest.raises(HandlerRaised):
        await alice.custom.query(None, 99, b"")
    alice.custom.post(None, 99, b"")
    network.settle()
    assert alice.connected
    assert len(network.failures.take(UnhandledType)) == 2
