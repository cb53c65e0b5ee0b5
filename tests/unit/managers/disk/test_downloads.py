"""Downloads: where they appear here, what stays of an interrupted one, what may refuse them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from esframework import ClientEngine, ClientOptions, limits
from esframework.errors import DestinationExists, TransferInterrupted
from esframework.managers.disk.contracts import DOWNLOAD, DownloadBody, subject_of
from esframework.managers.disk.events import DiskTask
from esframework.managers.disk.options import PublicFolder
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.types import MessageType, RequestFailure
from tests.unit.managers.disk.house import House, refusal


async def alone(network: MemoryNetwork, tmp_path: Path, **options: Any) -> tuple[House, ClientEngine]:
    """alice, with /docs/letter (5 bytes)."""
    house = House(network, tmp_path, **options)
    (alice,) = await house.people("alice")
    await alice.disk.make_folder("/docs")
    await house.put(alice, "/docs/letter")
    house.told.clear()
    return house, alice


@simulated
async def test_a_file_is_downloaded(tmp_path: Path, network: MemoryNetwork) -> None:
    house, alice = await alone(network, tmp_path)
    transfer = await alice.disk.download("/docs/letter", tmp_path / "mine")
    assert (transfer.path, transfer.local, transfer.is_upload) == ("/docs/letter", tmp_path / "mine", False)
    await transfer.done()
    assert (tmp_path / "mine").read_bytes() == b"hello"
    assert house.told == [("downloaded", "alice", "/docs/letter", None)]


@simulated
async def test_a_folder_is_downloaded_into_a_folder(tmp_path: Path, network: MemoryNetwork) -> None:
    _, alice = await alone(network, tmp_path)
    into = tmp_path / "into"
    into.mkdir()
    await (await alice.disk.download("/docs", into)).done()
    assert (into / "docs" / "letter").read_bytes() == b"hello"
    await alice.disk.set_folder("/docs")
    await (await alice.disk.download("letter", into)).done()
    assert (into / "letter").read_bytes() == b"hello"


@simulated
async def test_everything_is_downloaded_by_the_root(tmp_path: Path, network: MemoryNetwork) -> None:
    _, alice = await alone(network, tmp_path)
    await (await alice.disk.download("/", tmp_path / "all")).done()
    assert (tmp_path / "all" / "docs" / "letter").exists()


@simulated
async def test_what_is_here_is_replaced_only_when_asked(tmp_path: Path, network: MemoryNetwork) -> None:
    house, alice = await alone(network, tmp_path)
    (tmp_path / "mine").write_bytes(b"mine")
    with pytest.raises(DestinationExists):
        await alice.disk.download("/docs/letter", tmp_path / "mine")
    assert house.told == []
    await (await alice.disk.download("/docs/letter", tmp_path / "mine", replace=True)).done()
    assert (tmp_path / "mine").read_bytes() == b"hello"


@pytest.mark.parametrize("path", ["/nothing", "/shared", "/public", "/shared/bob/x", "/docs/letter/x"])
def test_what_is_not_there_is_not_downloaded(tmp_path: Path, path: str) -> None:
    @simulated
    async def test(network: MemoryNetwork) -> None:
        _, alice = await alone(network, tmp_path)
        reason = await refusal(alice.disk.download(path, tmp_path / "mine"))
        assert reason in (RequestFailure.NO_SUCH_THING, RequestFailure.INVALID)
        assert alice.disk._expected == {}

    test()


@simulated
async def test_an_interrupted_download_goes_on_by_the_same_call(tmp_path: Path, network: MemoryNetwork) -> None:
    house, alice = await alone(network, tmp_path)
    content = bytes(range(250)) * 20_000
    (house.tree("alice") / "large").write_bytes(content)
    network.conditions.delay = 0.05
    network.cut(alice)
    network.advance(5)
    first = await alice.disk.download("/large", tmp_path / "mine")
    while first.transfer.transferred < 1_000_000:
        network.advance(0.01)
    network.cut(alice)
    with pytest.raises(TransferInterrupted):
        await first.done()
    assert not (tmp_path / "mine").exists()
    network.advance(5)
    second = await alice.disk.download("/large", tmp_path / "mine")
    await second.done()
    assert second.transfer.is_resumed
    assert (tmp_path / "mine").read_bytes() == content
    network.advance(1)
    assert [each[3] for each in house.told] == ["TransferInterrupted", None]


@simulated
async def test_one_device_asks_and_it_alone_is_sent_it(tmp_path: Path, network: MemoryNetwork) -> None:
    _, alice = await alone(network, tmp_path)
    other = await network.client("alice", options=ClientOptions(generation=7, client_type=3))
    offered: list[Any] = []
    other.files.offered.subscribe(offered.append)
    alice.files.offered.subscribe(offered.append)
    await (await alice.disk.download("/docs/letter", tmp_path / "one")).done()
    await (await other.disk.download("/docs/letter", tmp_path / "two")).done()
    assert (tmp_path / "two").exists()
    assert offered == []


@simulated
async def test_what_is_shared_is_downloaded_under_the_name_of_the_share(
    tmp_path: Path, network: MemoryNetwork
) -> None:
    house, alice = await alone(network, tmp_path)
    (bob,) = await house.people("bob")
    await alice.disk.share("/docs", ["bob"])
    await (await bob.disk.download("/shared/alice/docs", tmp_path / "theirs")).done()
    assert (tmp_path / "theirs" / "letter").exists()


@simulated
async def test_a_public_folder_is_downloaded_in_parts(tmp_path: Path, network: MemoryNetwork) -> None:
    (tmp_path / "music").mkdir()
    (tmp_path / "music" / "song").write_bytes(b"la")
    public = {"music": PublicFolder(path=tmp_path / "music", is_writable=True)}
    _, alice = await alone(network, tmp_path, public=public)
    assert await refusal(alice.disk.download("/public/music", tmp_path / "x")) is RequestFailure.INVALID
    await (await alice.disk.download("/public/music/song", tmp_path / "x")).done()


@simulated
async def test_a_link_that_is_planted_meanwhile_leads_nobody_out(tmp_path: Path, network: MemoryNetwork) -> None:
    house, alice = await alone(network, tmp_path)
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "letter").write_bytes(b"other")

    def plant(task: DiskTask) -> None:
        (house.tree("alice") / "docs").rename(tmp_path / "elsewhere")
        (house.tree("alice") / "docs").symlink_to(tmp_path / "secret")

    # Asked when the path was found to be right, and before anything is opened.
    house.server.disk.before_download.subscribe(plant)
    assert await refusal(alice.disk.download("/docs/letter", tmp_path / "mine")) is RequestFailure.STORE_FAILED
    assert not (tmp_path / "mine").exists()


# --- the application --------------------------------------------------------------------------------------------------
@simulated
async def test_the_application_may_refuse(tmp_path: Path, network: MemoryNetwork) -> None:
    house, alice = await alone(network, tmp_path)
    tasks: list[DiskTask] = []

    def decide(task: DiskTask) -> str:
        tasks.append(task)
        return "not today"

    house.server.disk.before_download.subscribe(decide)
    assert await refusal(alice.disk.download("/docs/letter", tmp_path / "mine")) is RequestFailure.NOT_ALLOWED
    (task,) = tasks
    assert (task.user_id, task.path, task.size, task.is_upload, task.transfer) == (
        "alice",
        "/docs/letter",
        5,
        False,
        None,
    )
    assert house.told == []
    assert alice.files.transfers() == []


# --- strangers --------------------------------------------------------------------------------------------------------
@simulated
async def test_what_nobody_asked_for_is_refused(tmp_path: Path, network: MemoryNetwork) -> None:
    house, alice = await alone(network, tmp_path)
    sent = await house.server.files.send("alice", house.file("x"), subject=subject_of("made up"))
    with pytest.raises(TransferInterrupted, match="nobody waits"):
        await sent.done()


@simulated
async def test_another_user_cannot_pose_as_the_disk(tmp_path: Path, network: MemoryNetwork) -> None:
    house, alice = await alone(network, tmp_path)
    (mallory,) = await house.people("mallory")
    offered: list[Any] = []
    alice.files.offered.subscribe(offered.append)
    await mallory.files.send("alice", house.file("x"), subject=subject_of("t"))
    network.settle()
    assert [offer.source for offer in offered] == ["mallory"], "the application decides"
    offered[0].refuse()


@simulated
async def test_a_device_has_so_many_under_way(tmp_path: Path, network: MemoryNetwork) -> None:
    house, alice = await alone(network, tmp_path)
    alice.files.claim(lambda offer: True)
    network.stop_reading(alice)
    for number in range(limits.MAX_DISK_TRANSFERS + 1):
        body = DOWNLOAD.encode(DownloadBody("/docs/letter", f"t{number}"))
        alice.channel(None).send(MessageType.DISK_DOWNLOAD, body, number + 1000)
    network.settle()
    assert house.server.refusals.counts["disk_busy"] == 1
    network.go_on_reading(alice)
