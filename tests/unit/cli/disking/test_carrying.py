"""Uploads and downloads from a program: which paths, what is done when a connection is lost, exit codes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail

from esframework import ClientEngine
from esframework.cli.disking.carrying import Carrier
from esframework.cli.disking.errands import REFUSED, Errands
from esframework.cli.session import DONE, FAILED
from esframework.cli.transferring.looks import Look
from esframework.errors import RequestTimeout
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.types import MessageType
from tests.unit.managers.disk.house import House, names


class Noted(Look):
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def complete(self, transfer: Any, seconds: float) -> None:
        self.told.append(f"completed {transfer.name}{' resumed' if transfer.is_resumed else ''}")

    def note(self, text: str, /, **facts: object) -> None:
        self.told.append(text)

    def complain(self, text: str, /, **facts: object) -> None:
        self.told.append(text)


async def alone(network: MemoryNetwork, tmp_path: Path, **options: Any) -> tuple[House, ClientEngine, Carrier, Noted]:
    house = House(network, tmp_path, **options)
    (alice,) = await house.people("alice")
    look = Noted()
    return house, alice, Carrier(alice, look, Errands(alice, False)), look


@simulated
async def test_files_go_up_and_come_back(tmp_path: Path, network: MemoryNetwork) -> None:
    house, alice, carrier, look = await alone(network, tmp_path)
    await alice.disk.make_folder("/docs")
    assert await carrier.put_all([house.file("a"), house.file("b")], "/docs", False, False) == DONE
    assert await carrier.put_all([house.file("a")], "/renamed", False, False) == DONE
    assert await names(alice) == ["docs", "renamed", "shared"]
    assert await carrier.get_all(["/docs", "/renamed"], house.local, False) == DONE
    assert sorted(path.name for path in (house.local / "docs").iterdir()) == ["a", "b"]
    assert look.told[:2] == ["completed a", "completed b"]


@simulated
async def test_several_things_go_into_a_folder_only(tmp_path: Path, network: MemoryNetwork) -> None:
    house, alice, carrier, look = await alone(network, tmp_path)
    assert await carrier.put_all([house.file("a"), house.file("b")], "/nowhere", False, False) == FAILED
    assert await carrier.get_all(["/a", "/b"], tmp_path / "nowhere", False) == FAILED
    assert len(look.told) == 2
    assert await names(alice) == ["shared"]


@simulated
async def test_what_fails_is_told_and_the_rest_is_carried(tmp_path: Path, network: MemoryNetwork) -> None:
    house, alice, carrier, look = await alone(network, tmp_path, quota=10)
    big, small = house.file("big", bytes(11)), house.file("small")
    assert await carrier.put_all([big, small], "/", False, False) == REFUSED
    assert await names(alice) == ["shared", "small"]
    assert await carrier.put_all([small], "/", False, False) == FAILED, "it is there already"
    assert await carrier.put_all([small], "/", True, False) == DONE
    assert await carrier.get_all(["/small"], house.local, False) == FAILED
    assert await carrier.get_all(["/nothing", "/small"], house.local, True) == FAILED


@simulated
async def test_a_lost_connection_is_waited_for_and_the_transfer_goes_on(tmp_path: Path, network: MemoryNetwork) -> None:
    house, alice, carrier, look = await alone(network, tmp_path)
    content = bytes(range(250)) * 20_000
    (house.tree("alice")).mkdir(parents=True, exist_ok=True)
    (house.tree("alice") / "large").write_bytes(content)
    network.conditions.delay = 0.05
    network.cut(alice)
    network.advance(5)

    def cut(transfer: Any, progress: Any) -> None:
        if progress.transferred > 1_000_000 and not cuts:
            cuts.append(progress.transferred)
            network.connection_of(alice).cut()

    cuts: list[int] = []
    alice.files.receiving.progress.subscribe(cut)
    assert await carrier.get_all(["/large"], tmp_path / "here", False) == DONE
    assert (tmp_path / "here").read_bytes() == content
    assert look.told == [
        "the connection was lost; it comes back by itself",
        "logged on again",
        "completed large resumed",
    ]


@simulated
async def test_a_server_that_never_answers_is_given_up(
    tmp_path: Path, network: MemoryNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, alice, carrier, look = await alone(network, tmp_path)
    asked: list[str] = []

    def download(path: str, *_: Any, **__: Any) -> Deferred[Any]:
        asked.append(path)
        return fail(RequestTimeout("no answer", None, MessageType.DISK_DOWNLOAD))

    monkeypatch.setattr(alice.disk, "download", download)
    assert await carrier.get_all(["/a"], tmp_path, False) == FAILED
    assert (len(asked), len(look.told)) == (6, 1)


@simulated
async def test_an_application_that_refuses_has_a_code_of_its_own(tmp_path: Path, network: MemoryNetwork) -> None:
    house, alice, carrier, look = await alone(network, tmp_path)
    house.server.disk.before_upload.subscribe(lambda task: "no")
    assert await carrier.put_all([house.file("a")], "/", False, False) == REFUSED


@simulated
async def test_a_local_file_that_is_gone_is_told(tmp_path: Path, network: MemoryNetwork) -> None:
    house, _, carrier, look = await alone(network, tmp_path)
    assert await carrier.put_all([house.local / "nothing"], "/", False, False) == FAILED
    assert "No such file" in look.told[0]
