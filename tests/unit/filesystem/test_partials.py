"""The registry of what is half received: found, told to have changed, listed, expired, purged."""

from __future__ import annotations

import errno
import gc
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from twisted.logger import capturedLogs, formatEvent

from esframework import limits
from esframework.filesystem import parts
from esframework.filesystem.beneath import OpenFolder
from esframework.filesystem.items import FileItem, FolderItem
from esframework.filesystem.partials import Partial, Partials
from esframework.filesystem.writing import TreeWriter
from tests.unit.filesystem.receiving import TREE, Receiver, identity_of, not_cancelled


@pytest.fixture(params=["on disk", "in memory"])
def receiver(request: pytest.FixtureRequest, tmp_path: Path) -> Receiver:
    return Receiver(tmp_path / "received", tmp_path / "state" if request.param == "on disk" else None)


@pytest.fixture
def lasting(tmp_path: Path) -> Receiver:
    return Receiver(tmp_path / "received", tmp_path / "state")


def half(receiver: Receiver, name: str = "target", **options: object) -> TreeWriter:
    writer = receiver.writer(name=name, **options)  # type: ignore[arg-type]
    writer.open(None)
    writer.write([FileItem("", 10), b"12345"])
    return writer


def edit(receiver: Receiver, **changes: object) -> Path:
    """Somebody edits the only journal."""
    assert receiver.state is not None
    [path] = receiver.state.iterdir()
    path.write_text(json.dumps(json.loads(path.read_bytes()) | changes))
    return path


# --- finding ----------------------------------------------------------------------------------------------------------
def test_what_is_offered_again_is_found(receiver: Receiver) -> None:
    half(receiver).suspend()
    found = receiver.partials.find(identity_of(10))
    assert found is not None
    assert (found.name, found.destination, found.files) == ("target", receiver.folder / "target", 1)
    assert (found.position.received, found.updated_at, found.expires_at, found.is_ours) == (5, 1000.0, 1100.0, True)


@pytest.mark.parametrize(
    "changes",
    [{"sender": "bob"}, {"origin": "p"}, {"size": 11}, {"modified_at": 1}, {"is_folder": True}],
    ids=lambda changes: next(iter(changes)),
)
def test_what_is_another_one_is_not(receiver: Receiver, changes: dict[str, object]) -> None:
    half(receiver).suspend()
    other = replace(identity_of(10), **changes)  # type: ignore[arg-type]
    assert receiver.partials.find(other) is None
    assert receiver.partials.find_changed(other) is not bool({"sender", "origin"} & set(changes))
    assert not receiver.partials.find_changed(identity_of(10))


def test_of_several_places_the_newest_is_found(receiver: Receiver) -> None:
    for name in ("one", "two"):
        half(receiver, name).suspend()
        receiver.time += 1
    found = receiver.partials.find(identity_of(10))
    assert found is not None and found.destination.name == "two"
    assert [partial.destination.name for partial in receiver.partials.all()] == ["two", "one"]


def test_what_is_gone_or_expired_or_in_use_is_not_found(receiver: Receiver) -> None:
    writer = half(receiver)
    assert receiver.partials.find(identity_of(10)) is None
    writer.suspend()
    part = receiver.only().part
    part.rename(part.with_name("hidden"))
    assert receiver.partials.find(identity_of(10)) is None
    part.mkdir()
    assert receiver.partials.find(identity_of(10)) is None
    part.rmdir()
    part.with_name("hidden").rename(part)
    receiver.time += 99
    assert receiver.partials.find(identity_of(10)) is not None
    receiver.time += 1
    assert receiver.partials.find(identity_of(10)) is None
    assert not receiver.partials.find_changed(identity_of(11))
    assert receiver.partials.all() == [] and len(receiver.partials.all(also_expired=True)) == 1


def test_what_another_process_is_at_work_on_is_left_alone(lasting: Receiver) -> None:
    file = half(lasting)
    lasting.restart()
    lasting.time += 1000
    assert lasting.only().is_in_use
    assert lasting.partials.find(identity_of(10)) is None
    assert lasting.partials.expire() == 0
    assert lasting.partials.purge(lambda partial: True) == 0
    assert not lasting.partials.remove(lasting.only())
    file.write([b"67890"])
    assert file.finish(replace=False).read_bytes() == b"1234567890"


def test_also_a_folder(lasting: Receiver) -> None:
    writer = lasting.tree_writer()
    writer.open(None)
    writer.write(TREE)
    lasting.restart()
    assert lasting.only().is_in_use
    assert lasting.partials.purge(lambda partial: True) == 0
    writer.finish(replace=False)
    assert lasting.is_clean("target")


# --- removing ---------------------------------------------------------------------------------------------------------
def test_what_has_waited_for_too_long_goes(receiver: Receiver) -> None:
    half(receiver, "soon", lifetime=10.0).suspend()
    half(receiver, "later", lifetime=1000.0).suspend()
    tree = receiver.tree_writer()
    tree.open(None)
    tree.write(TREE)
    tree.suspend()
    assert receiver.partials.expire() == 0
    receiver.time += 100
    assert receiver.partials.expire() == 2
    assert receiver.only().destination.name == "later"
    receiver.time += 1000
    assert receiver.partials.expire() == 1
    assert receiver.is_clean()


def test_what_a_killed_process_would_not_have_kept_goes_at_once(lasting: Receiver) -> None:
    half(lasting, lifetime=0.0)._close()
    lasting.restart()
    assert lasting.partials.expire() == 1
    assert lasting.is_clean()


def test_what_is_chosen_is_purged(receiver: Receiver) -> None:
    for name in ("one", "two", "three"):
        half(receiver, name).suspend()
    assert receiver.partials.purge(lambda partial: partial.destination.name != "two") == 2
    assert receiver.only().destination.name == "two"


def test_without_a_folder_nothing_outlives_the_program(tmp_path: Path) -> None:
    receiver = Receiver(tmp_path / "received", None)
    half(receiver).suspend()
    receiver.partials.close()
    receiver.partials.close()
    assert receiver.is_clean()


def test_also_when_nobody_closes_it(tmp_path: Path) -> None:
    receiver = Receiver(tmp_path / "received", None)
    half(receiver, "one").suspend()
    writer = half(receiver, "two")
    writer._close()
    del writer
    receiver.restart()
    gc.collect()
    assert receiver.content() == []


def test_with_one_it_stays(lasting: Receiver) -> None:
    half(lasting).suspend()
    lasting.partials.close()
    lasting.restart()
    assert lasting.only().position.received == 5


def test_notes_of_parts_that_are_gone_go_and_are_not_counted(receiver: Receiver) -> None:
    half(receiver).suspend()
    receiver.only().part.unlink()
    assert receiver.partials.expire() == 0
    # Whoever began right now may not have made it yet.
    assert receiver.state is None or len(receiver.state_files()) == 1
    receiver.time += 50
    assert receiver.partials.expire() == 0
    assert receiver.is_clean()


def test_notes_of_parts_on_a_disk_that_is_away_stay(lasting: Receiver) -> None:
    half(lasting).suspend()
    lasting.time += 50
    lasting.folder.rename(lasting.folder.with_name("unplugged"))
    assert lasting.partials.expire() == 0
    assert lasting.partials.find(identity_of(10)) is None
    lasting.folder.with_name("unplugged").rename(lasting.folder)
    assert lasting.partials.find(identity_of(10)) is not None


def test_what_cannot_be_removed_is_told_and_tried_again(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    half(receiver).suspend()

    def refuse(partial: Partial) -> None:
        raise PermissionError(errno.EACCES, "no")

    monkeypatch.setattr(parts, "remove", refuse)
    with capturedLogs() as events:
        assert receiver.partials.purge(lambda partial: True) == 0
    assert [formatEvent(event) for event in events] == [
        f"{receiver.only().part}, half received, could not be removed: [Errno 13] no"
    ]
    with pytest.raises(PermissionError):
        receiver.partials.remove(receiver.only())
    monkeypatch.undo()
    assert receiver.partials.purge(lambda partial: True) == 1
    assert receiver.is_clean()


def test_one_sender_has_so_many_and_no_more(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_PARTIALS_PER_SENDER", 3)
    half(receiver, "bobs", identity=identity_of(10, sender="bob")).suspend()
    for number in range(5):
        receiver.time += 1
        half(receiver, f"file {number}", identity=identity_of(10, origin=str(number))).suspend()
    names = [partial.destination.name for partial in receiver.partials.all()]
    assert names == ["file 4", "file 3", "file 2", "bobs"]


# --- journals that somebody has edited --------------------------------------------------------------------------------
def test_a_broken_journal_is_ignored_told_once_and_listed(lasting: Receiver) -> None:
    half(lasting).suspend()
    path = edit(lasting, size="big")
    with capturedLogs() as events:
        for _ in range(2):
            assert lasting.partials.find(identity_of(10)) is None
            assert lasting.partials.expire() == 0
    [told] = events
    assert path.name in formatEvent(told)
    assert lasting.partials.all() == []
    assert lasting.partials.broken() == [(path, "size: 'big' is no number that can be")]
    assert len(lasting.content()) == 1
    path.unlink()
    assert lasting.partials.broken() == []


def test_a_journal_under_anothers_name_is_broken(lasting: Receiver) -> None:
    half(lasting).suspend()
    edit(lasting, sender="bob")
    assert lasting.partials.all() == []
    [(_, why)] = lasting.partials.broken()
    assert "belongs to another" in why


def test_an_edited_journal_leads_to_nothing_but_parts(lasting: Receiver, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_bytes(b"1234567890")
    half(lasting).suspend()
    edit(lasting, destination=str(precious / "file"))
    lasting.restart()
    assert lasting.partials.find(identity_of(10)) is None
    assert lasting.writer().resume(_any(lasting), None, not_cancelled) is None
    lasting.time += 1000
    lasting.partials.expire()
    assert (precious / "file").read_bytes() == b"1234567890"
    assert os.listdir(precious) == ["file"]


def _any(receiver: Receiver) -> Partial:
    assert receiver.state is not None
    return next(receiver.partials._load([path.stem for path in receiver.state.iterdir()]))


@pytest.mark.parametrize("position", [[3, "../../precious", 3], [3, "/etc/passwd", 3], [3, "link/x", 3], [3, "", 3]])
def test_an_edited_position_leads_nowhere(lasting: Receiver, tmp_path: Path, position: list[object]) -> None:
    (tmp_path / "precious").write_bytes(b"1234567890")
    writer = lasting.tree_writer()
    writer.open(None)
    writer.write(TREE[:3])
    writer.suspend()
    edit(lasting, position=position)
    lasting.restart()
    assert lasting.tree_writer().resume(lasting.only(), None, not_cancelled) is None
    assert (tmp_path / "precious").read_bytes() == b"1234567890"


# --- a crash while a folder is replaced -------------------------------------------------------------------------------
class Crash(BaseException):
    """The process is killed here: whoever would tidy up does not come to it."""


@pytest.fixture
def replacing(lasting: Receiver) -> Receiver:
    (lasting.folder / "target" / "old").mkdir(parents=True)
    return lasting


def crash_in(receiver: Receiver, monkeypatch: pytest.MonkeyPatch, where: str, after: int) -> None:
    """Replace the folder, and be killed when a function of open folders has been called so often."""
    calls: list[str] = []

    def watch(patches: pytest.MonkeyPatch, owner: type, name: str) -> None:
        real = getattr(owner, name)

        def call(*arguments: object, **options: object) -> object:
            calls.append(name)
            if "crash" in calls or calls.count(where) > after:
                calls.append("crash")
                raise Crash
            return real(*arguments, **options)

        patches.setattr(owner, name, call)

    writer = receiver.writer(0, is_folder=True)
    writer.open(None)
    writer.write([FolderItem(""), FolderItem("new")])
    with monkeypatch.context() as patches:
        for name in ("rename", "exchange", "remove_tree"):
            watch(patches, OpenFolder, name)
        watch(patches, Partials, "keep")
        with pytest.raises(Crash):
            writer.finish(replace=True)
    writer._close()
    receiver.restart()


@pytest.mark.parametrize(("after", "stays"), [(1, "old"), (2, "old"), (3, "new")])
def test_without_an_exchange_the_old_folder_gets_its_name_back_if_there_is_no_new_one(
    replacing: Receiver, monkeypatch: pytest.MonkeyPatch, after: int, stays: str
) -> None:
    monkeypatch.setattr("esframework.filesystem.renaming._system_call", lambda: None)
    crash_in(replacing, monkeypatch, "rename", after)
    assert replacing.partials.expire() == 1
    assert os.listdir(replacing.folder / "target") == [stays]
    assert replacing.is_clean("target")


@pytest.mark.parametrize("exchanges", [True, False])
def test_when_the_new_folder_is_there_the_old_one_goes(
    replacing: Receiver, monkeypatch: pytest.MonkeyPatch, exchanges: bool
) -> None:
    if not exchanges:
        monkeypatch.setattr("esframework.filesystem.renaming._system_call", lambda: None)
    crash_in(replacing, monkeypatch, "remove_tree", 0)
    assert len(replacing.content()) == 2
    assert replacing.partials.find(identity_of(0, is_folder=True)) is None
    assert replacing.partials.expire() == 1
    assert os.listdir(replacing.folder / "target") == ["new"]
    assert replacing.is_clean("target")


def test_an_old_folder_that_cannot_be_removed_is_told_and_goes_later(
    replacing: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(folder: OpenFolder, name: str) -> int:
        raise PermissionError(errno.EACCES, "no")

    writer = replacing.writer(0, is_folder=True)
    writer.open(None)
    monkeypatch.setattr(OpenFolder, "remove_tree", refuse)
    with capturedLogs() as events:
        writer.finish(replace=True)
    [told] = events
    assert "which a newer folder has replaced, could not be removed" in str(formatEvent(told))
    monkeypatch.undo()
    assert os.listdir(replacing.folder / "target") == []
    assert replacing.partials.expire() == 1
    assert replacing.is_clean("target")
