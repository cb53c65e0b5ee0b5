"""The server's half towards clients of other makes, hostile ones, and those that ask too much; and without a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from esframework import MessageType, ServerOptions, limits
from esframework.errors import InvalidOption, NotDelivered, PluginError, StoreError
from esframework.managers.disk.contracts import CANCEL, LIST, CancelBody, ListBody
from esframework.managers.disk.options import DiskOptions, PublicFolder
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.types import RequestFailure
from tests.peers import FramePeer
from tests.unit.managers.disk.house import House, refusal


@simulated
async def test_without_a_folder_there_is_no_disk(tmp_path: Path, network: MemoryNetwork) -> None:
    server = network.server(options=ServerOptions(open=False))
    with pytest.raises(PluginError):
        server.manager("disk")
    alice = await network.client("alice")
    with pytest.raises(NotDelivered, match="does not serve 'disk'") as caught:
        await alice.disk.list_folder()
    assert caught.value.reason == RequestFailure.TYPE_UNKNOWN_TO_TARGET
    with pytest.raises(NotDelivered):
        await alice.disk.information("/x", "blake2b")


@simulated
async def test_where_the_folder_cannot_be_the_server_runs_and_its_disk_does_not(
    tmp_path: Path, network: MemoryNetwork
) -> None:
    (tmp_path / "disk").write_text("a file")
    house = House(network, tmp_path)
    (alice,) = await house.people("alice")
    assert await refusal(alice.disk.list_folder()) is RequestFailure.STORE_FAILED


@simulated
async def test_a_second_server_of_one_folder_has_no_disk_until_the_first_has_ended(
    tmp_path: Path, network: MemoryNetwork
) -> None:
    house = House(network, tmp_path)
    (alice,) = await house.people("alice")
    await house.put(alice, "/letter")
    second = network.server(options=ServerOptions(open=False, disk=DiskOptions(folder=house.folder)), port=4531)
    bob = await network.client("bob", port=4531)
    assert await refusal(bob.disk.list_folder()) is RequestFailure.STORE_FAILED
    with pytest.raises(StoreError):
        await second.disk.list_folder("alice")
    await alice.close()
    await house.server.close()
    network.advance(11)
    assert [entry.name for entry in (await second.disk.list_folder("alice")).entries] == ["letter", "shared"]


@simulated
async def test_a_server_announces_its_disk(tmp_path: Path, network: MemoryNetwork) -> None:
    house = House(network, tmp_path)
    (alice,) = await house.people("alice")
    assert alice.basic.server_has("disk")


@simulated
async def test_clients_of_other_makes_are_not_answered_in_our_types(tmp_path: Path, network: MemoryNetwork) -> None:
    house = House(network, tmp_path)
    peer = FramePeer(network, "mallory").online()
    peer.send(MessageType.DISK_LIST, LIST.encode(ListBody(None, 10, "/")), 7)
    peer.send(MessageType.DISK_CANCEL, CANCEL.encode(CancelBody(7)))
    assert peer.take() == []
    assert house.server.refusals.counts["own_type_of_foreign_client"] == 2


@simulated
async def test_a_malformed_request_ends_the_connection(tmp_path: Path, network: MemoryNetwork) -> None:
    house = House(network, tmp_path)
    (alice,) = await house.people("alice")
    alice.channel(None).send(MessageType.DISK_LIST, b"\xff\xff", 1)
    network.settle()
    assert house.server.users.count == 0
    network.advance(5)


@simulated
async def test_a_device_asks_so_much_at_a_time(tmp_path: Path, network: MemoryNetwork) -> None:
    house = House(network, tmp_path)
    (alice,) = await house.people("alice")
    asked = [alice.disk.list_folder() for _ in range(limits.MAX_DISK_REQUESTS + 1)]
    assert await refusal(asked[-1]) is RequestFailure.BUSY
    for each in asked[:-1]:
        assert (await each).entries
    assert (await alice.disk.list_folder()).entries, "all are answered, so there is room again"


@pytest.mark.parametrize("path", ["", "x", "/..", "/../../etc/passwd", "/a/../../b", "//etc", "/etc/\0", "/a\0/../b"])
def test_no_path_leads_out(tmp_path: Path, path: str) -> None:
    @simulated
    async def test(network: MemoryNetwork) -> None:
        house = House(network, tmp_path)
        (alice,) = await house.people("alice")
        body = LIST.encode(ListBody(None, 10, path))
        assert await refusal(alice.disk._ask_ours(MessageType.DISK_LIST, body)) is RequestFailure.INVALID

    test()


@pytest.mark.parametrize("user_id", ["..", "../alice", "a/../alice", "alice%2f", ".", "Alice"])
def test_no_name_leads_into_anothers_folder(tmp_path: Path, user_id: str) -> None:
    @simulated
    async def test(network: MemoryNetwork) -> None:
        house = House(network, tmp_path)
        (alice,) = await house.people("alice")
        await house.put(alice, "/secret")
        (other,) = await house.people(user_id)
        assert await refusal(other.disk.information("/secret")) is RequestFailure.NO_SUCH_THING
        await house.put(other, "/mine")
        assert [entry.name for entry in await alice.disk.list_all()] == ["secret", "shared"]
        await alice.disk.share("/secret", [user_id])
        owner = (await other.disk.shared_with_me()).shares[0].shared_path
        assert (await other.disk.information(owner)).entry.size == 5
        await other.disk.share("/mine", ["alice"])
        (share,) = (await alice.disk.shared_with_me()).shares
        assert (await alice.disk.information(share.shared_path)).entry.size == 5

    test()


@pytest.mark.parametrize("name", ["", "a/b", "..", "a\0"])
def test_a_public_folder_has_a_name_that_can_be_in_a_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidOption, match="name without /"):
        DiskOptions(folder=tmp_path, public={name: PublicFolder(path=tmp_path)})


def test_a_quota_is_not_below_nothing() -> None:
    with pytest.raises(InvalidOption, match="quota is -1"):
        DiskOptions(quota=-1)
