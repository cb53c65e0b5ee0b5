"""What commands do on the disk: one thing after the other, and exit codes for scripts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest

from esframework.cli.disking.errands import REFUSED, Errands
from esframework.cli.session import DONE, FAILED
from esframework.testing import MemoryNetwork, simulated
from tests.unit.managers.disk.house import House, names


class Shell:
    """alice at a terminal, with /docs/letter."""

    def __init__(self, network: MemoryNetwork, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.house = House(network, tmp_path, entries=3)
        self.capsys = capsys

    async def begin(self, as_json: bool = False) -> Errands:
        (self.alice,) = await self.house.people("alice")
        await self.alice.disk.make_folder("/docs")
        await self.house.put(self.alice, "/docs/letter")
        self.capsys.readouterr()
        return Errands(self.alice, as_json)

    def out(self) -> list[str]:
        return self.capsys.readouterr().out.splitlines()

    def objects(self) -> list[Any]:
        return [json.loads(line) for line in self.out()]


@simulated
async def test_a_list_is_a_name_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], network: MemoryNetwork
) -> None:
    shell = Shell(network, tmp_path, capsys)
    errands = await shell.begin()
    assert await errands.each(["/", "/docs", "docs/letter"], lambda path: errands.list(path, False)) == DONE
    assert shell.out() == ["docs/", "shared/", "letter", "letter"]
    await errands.list("/docs", True)
    (line,) = shell.out()
    assert line.startswith("--w-") and line.endswith("letter")


@simulated
async def test_scripts_get_objects(tmp_path: Path, capsys: pytest.CaptureFixture[str], network: MemoryNetwork) -> None:
    shell = Shell(network, tmp_path, capsys)
    errands = await shell.begin(as_json=True)
    await errands.list("/docs", False)
    await errands.information("/docs/letter", "blake2b")
    await errands.quota("/")
    await errands.make_folder("/new", False)
    assert await errands.move_all(["/docs/letter"], "/new", False) == DONE
    await errands.remove("/new", True)
    found = shell.objects()
    assert found[0]["path"] == "/docs/letter"
    assert len(found[1]["blake2b"]) == 64
    assert found[2]["used"] == 5
    assert found[3]["path"] == "/new"
    assert found[4]["path"] == "/new/letter"
    assert found[5] == {"path": "/new", "files": 1, "folders": 1, "size": 5}


@simulated
async def test_what_fails_is_told_and_the_rest_is_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], network: MemoryNetwork
) -> None:
    shell = Shell(network, tmp_path, capsys)
    errands = await shell.begin()
    code = await errands.each(["/nothing", "/docs"], lambda path: errands.remove(path, True))
    assert code == FAILED
    assert await names(shell.alice) == ["shared"]
    assert shell.capsys.readouterr().err == "esframework: there is no /nothing\n"
    assert await errands.each(["/way/to/it"], lambda path: errands.make_folder(path, False)) == FAILED
    assert shell.capsys.readouterr().err == "esframework: there is no /way\n", "it is what is missing that is named"


@simulated
async def test_what_is_refused_has_a_code_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], network: MemoryNetwork
) -> None:
    shell = Shell(network, tmp_path, capsys)
    errands = await shell.begin()
    assert await errands.each(["/"], lambda path: errands.remove(path, True)) == REFUSED
    assert await errands.each(["/b", "/c"], lambda path: errands.make_folder(path, False)) == REFUSED
    assert await names(shell.alice) == ["b", "docs", "shared"], "the quota has room for one"


@simulated
async def test_things_are_moved_to_a_path_or_into_a_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], network: MemoryNetwork
) -> None:
    shell = Shell(network, tmp_path, capsys)
    errands = await shell.begin()
    assert await errands.move_all(["/docs/letter"], "/note", False) == DONE
    assert await errands.move_all(["/note"], "/docs", False) == DONE
    assert await names(shell.alice, "/docs") == ["note"]
    assert await errands.move_all(["/docs/note"], "/", False) == DONE
    with pytest.raises(click.UsageError, match="no folder"):
        await errands.move_all(["/a", "/b"], "/nowhere", False)
    assert await names(shell.alice) == ["docs", "note", "shared"]


@simulated
async def test_sharing_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str], network: MemoryNetwork) -> None:
    shell = Shell(network, tmp_path, capsys)
    errands = await shell.begin()
    await errands.share("/docs", ["bob"], [], True)
    await errands.list_shares(True)
    (bob,) = await shell.house.people("bob")
    await Errands(bob, False).list_shares(False)
    await errands.unshare("/docs", [], [])
    assert shell.out() == [
        "others find it at /shared/alice/docs",
        "/docs  read and change: bob",
        "/shared/alice/docs  read and change",
        "/docs  nobody",
    ]
