"""Trees in use: figures that follow changes, and trees that are forgotten."""

from __future__ import annotations

import shutil
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from esframework.managers.disk import trees
from esframework.managers.disk.folders import DiskFolder
from esframework.managers.disk.machine.quota import Amount
from esframework.managers.disk.machine.refusals import NoSuchPath
from esframework.managers.disk.options import DiskOptions, PublicFolder
from esframework.managers.disk.storage import Measure
from esframework.managers.disk.trees import Tree, Trees
from esframework.testing.reactor import VirtualReactor


class House:
    """alice's tree, with a file of 5 bytes in a folder."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.reactor = VirtualReactor()
        self.trees = Trees(DiskFolder(folder), DiskOptions(folder=folder, **options), self.reactor)
        self.tree: Tree = self.trees.of("alice")
        self.tree.storage.prepare()
        (self.tree.storage.root / "docs").mkdir()
        (self.tree.storage.root / "docs" / "b").write_bytes(b"bbbbb")

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        done = Deferred.fromCoroutine(work)
        results: list[Any] = []
        done.addBoth(results.append)
        self.reactor.settle()
        if hasattr(results[0], "raiseException"):
            results[0].raiseException()
        return results[0]


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "disk")


def test_a_tree_is_counted_when_somebody_asks(house: House) -> None:
    assert house.tree.account is None
    assert house.run(house.tree.counted()).kept == Amount(5, 2)


def test_changes_correct_the_figures(house: House) -> None:
    account = house.run(house.tree.counted())
    house.run(house.tree.change(lambda: (None, Amount(10, 1))))
    assert account.kept == Amount(15, 3)


def test_a_change_before_the_count_is_in_the_count(house: House) -> None:
    def make() -> tuple[int, Amount]:
        return house.tree.storage.make_folder(("new",), False), Amount(0, 1)

    house.run(house.tree.change(make))
    assert house.run(house.tree.counted()).kept == Amount(5, 3)


def test_after_a_change_that_failed_half_way_all_is_counted_again(house: House) -> None:
    house.run(house.tree.counted())

    def half() -> tuple[None, Amount]:
        (house.tree.storage.root / "docs" / "b").unlink()
        raise OSError("broken")

    with pytest.raises(OSError, match="broken"):
        house.run(house.tree.change(half))
    assert house.run(house.tree.counted()).kept == Amount(0, 1)


def test_what_is_reserved_stays_reserved_when_all_is_counted_again(house: House) -> None:
    account = house.run(house.tree.counted())
    account.reserve("a", Amount(7, 1), Amount())

    def fail() -> tuple[None, Amount]:
        raise OSError("broken")

    with pytest.raises(OSError, match="broken"):
        house.run(house.tree.change(fail))
    assert house.run(house.tree.counted()).used == Amount(12, 3)


def test_what_is_half_received_is_counted_anew_while_nothing_is_under_way(house: House) -> None:
    account = house.run(house.tree.counted())
    (house.tree.storage.uploads / ".x.part").write_bytes(b"1234")
    house.tree.targets.add(("x",))
    house.run(house.tree.recount_parts())
    assert account.parts == Amount()
    house.tree.targets.clear()
    house.run(house.tree.recount_parts())
    assert account.parts == Amount(4, 1)


def test_parts_are_looked_for_after_each_upload_and_while_there_are_any(house: House) -> None:
    house.run(house.tree.counted())
    assert not house.tree.has_parts
    (house.tree.storage.uploads / ".x.part").write_bytes(b"1234")
    house.tree.upload_ended(("x",))
    assert house.tree.has_parts
    house.run(house.tree.recount_parts())
    assert house.tree.has_parts, "as long as they are there"
    (house.tree.storage.uploads / ".x.part").unlink()
    house.run(house.tree.recount_parts())
    assert not house.tree.has_parts


def test_a_tree_that_somebody_has_removed_is_made_again(house: House) -> None:
    house.run(house.tree.counted())
    shutil.rmtree(house.tree.storage.root.parent)
    with pytest.raises(FileNotFoundError):
        house.run(house.tree.look(lambda: house.tree.storage.page((), None, 10)))
    assert house.run(house.tree.look(lambda: house.tree.storage.page((), None, 10))) == ([], False)


def test_looking_changes_no_figures(house: House) -> None:
    house.run(house.tree.counted())
    assert house.run(house.tree.look(lambda: house.tree.storage.measure(()))) == Measure(5, 1, 1, 2)


def test_a_users_tree_is_one_and_the_same(house: House) -> None:
    assert house.trees.of("alice") is house.tree
    assert house.trees.of("bob") is not house.tree
    house.run(house.trees.clear("alice"))
    assert house.trees.of("alice") is not house.tree
    # Whoever still has the old one does nothing to what is at its place now.
    with pytest.raises(NoSuchPath):
        house.run(house.tree.look(lambda: None))


def test_idle_trees_are_forgotten_and_those_with_uploads_are_not(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trees, "MOST_REMEMBERED", 2)
    house.tree.targets.add(("x",))
    bob = house.trees.of("bob")
    house.trees.of("carol")
    assert house.trees.of("alice") is house.tree
    assert house.trees.of("bob") is not bob


def test_some_have_another_quota(tmp_path: Path) -> None:
    house = House(tmp_path, quota=10, entries=5, quota_of=lambda user: 99 if user == "bob" else None)
    assert house.trees.of("alice").quota == Amount(10, 5)
    assert house.trees.of("bob").quota == Amount(99, 5)


def test_public_folders_are_there_by_name(tmp_path: Path) -> None:
    house = House(tmp_path / "disk", public={"music": PublicFolder(path=tmp_path)})
    assert house.trees.public_names == ["music"]
    music = house.trees.public("music")
    assert music is not None
    assert (music.owner, music.is_writable) == (None, False)
    assert house.trees.public("films") is None
    house.run(music.look(lambda: None))
    assert not music.storage.uploads.exists(), "nothing is made where nothing may be written"
