"""What is said to somebody who is away, and one's own devices; the rest is shown in test_room."""

from __future__ import annotations

from esframework import ServerOptions
from esframework.cli.chatting.room import ChatRoom
from esframework.cli.chatting.wishes import ListDevices, Say
from esframework.managers.offline.options import OfflineOptions
from esframework.stores.memory import MemoryStores
from esframework.testing import MemoryNetwork, simulated
from tests.unit.cli.chatting.notebook import chat, visitor


@simulated
async def test_what_is_said_to_somebody_who_is_away_is_kept_and_shown_later_with_its_time(
    network: MemoryNetwork,
) -> None:
    keeping = OfflineOptions(has_user=lambda user_id: user_id == "bob")
    network.server(options=ServerOptions(offline=keeping), stores=MemoryStores())
    room, shown = await chat(network, "alice")
    await room.begin(Say("bob", "see you"))
    assert shown.take() == [("note", "bob is away; the server keeps it until then")]
    assert room.failures == 0
    _, shown_to_bob = await visitor(network, "bob")
    network.advance(1.0)
    [(kind, text, facts)] = shown_to_bob.entries
    assert (kind, text) == ("information", "alice 0 b'see you'")
    assert isinstance(facts["sent_at"], float)


@simulated
async def test_ones_other_devices_are_listed_and_told(network: MemoryNetwork) -> None:
    network.server()
    room, shown = await chat(network, "4#alice")
    desktop = await network.client("9#alice")
    assert shown.take() == [("note", "your device 'linux' is online")]
    await room.begin(ListDevices())
    assert shown.take() == [("answer", "you are online on: ios, linux")]
    await desktop.close()
    network.settle()
    assert shown.take() == [("note", "your device 'linux' is offline")]


@simulated
async def test_who_has_left_hears_of_nothing(network: MemoryNetwork) -> None:
    network.server()
    client, shown = await visitor(network, "4#alice")
    ChatRoom(client, shown).leave()
    await network.client("9#alice")
    assert shown.take() == []
