"""The order of a tree's packages."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from esframework import limits
from esframework.managers.files.machine.contents import Contents
from esframework.managers.files.machine.states import Broken


def test_a_folder_is_folders_and_files_one_whole_after_the_other() -> None:
    contents = Contents(True, 7)
    contents.folder()
    contents.file(5)
    assert not contents.is_between_files
    contents.content(2)
    contents.content(3)
    assert contents.is_between_files
    contents.file(0)
    contents.folder()
    contents.end()


def test_a_single_file_is_content_alone() -> None:
    contents = Contents(False, 5)
    contents.content(5)
    contents.end()
    resumed = Contents(False, 5, 2)
    resumed.content(2)
    resumed.end()


@pytest.mark.parametrize(
    "inputs",
    [
        lambda contents: contents.content(1),
        lambda contents: (contents.file(5), contents.content(6)),
        lambda contents: (contents.file(5), contents.file(5)),
        lambda contents: (contents.file(5), contents.folder()),
        lambda contents: (contents.file(5), contents.content(4), contents.end()),
    ],
    ids=["content without a file", "too much", "file within a file", "folder within a file", "end within a file"],
)
def test_disorder_is_refused(inputs: Callable[[Contents], object]) -> None:
    with pytest.raises(Broken):
        inputs(Contents(True, 100))


def test_a_single_file_has_no_entries_and_a_tree_not_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Broken):
        Contents(False, 5).folder()
    monkeypatch.setattr(limits, "MAX_ENTRIES_OF_A_TREE", 2)
    contents = Contents(True, 5)
    contents.folder()
    contents.folder()
    with pytest.raises(Broken):
        contents.folder()
