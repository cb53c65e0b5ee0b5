"""Names that must be free, on systems that can ask for that and on others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from esframework.filesystem import renaming
from esframework.filesystem.renaming import exchange, rename_to_free


@pytest.fixture(params=["by the system", "by a placeholder"], autouse=True)
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "by a placeholder":
        monkeypatch.setattr(renaming, "_system_call", lambda: None)
    return str(request.param)


@pytest.fixture(params=["file", "folder"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "source"
    if request.param == "file":
        path.write_text("content")
    else:
        path.mkdir()
        (path / "in it").write_text("content")
    return path


def test_a_free_name_is_taken(source: Path, tmp_path: Path) -> None:
    rename_to_free((None, str(source)), (None, str(tmp_path / "target")))
    assert os.listdir(tmp_path) == ["target"]


def test_nobody_loses_a_name(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    for make in (target.touch, target.mkdir, lambda: target.symlink_to("nowhere")):
        make()
        with pytest.raises(FileExistsError):
            rename_to_free((None, str(source)), (None, str(target)))
        assert sorted(os.listdir(tmp_path)) == ["source", "target"]
        if target.is_dir():
            target.rmdir()
        else:
            target.unlink()


def test_a_failure_leaves_no_placeholder(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError):
        rename_to_free((None, str(tmp_path / "folder")), (None, str(tmp_path / "folder" / "into itself")))
    assert os.listdir(tmp_path / "folder") == []
    with pytest.raises(FileNotFoundError):
        rename_to_free((None, str(tmp_path / "none")), (None, str(tmp_path / "target")))
    assert os.listdir(tmp_path) == ["folder"]


def test_places_are_changed_in_one_step_or_not_at_all(source: Path, tmp_path: Path, system: str) -> None:
    other = tmp_path / "other"
    other.write_text("other")
    can = exchange((None, str(source)), (None, str(other)))
    assert (source.is_file() and source.read_text() == "other") is can
    assert not can or system == "by the system"
