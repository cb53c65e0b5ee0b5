"""How a tree that is read is entered, with links planted at every step."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from esframework.errors import SourceRefused
from esframework.filesystem.entrance import Beneath, ByPath
from esframework.filesystem.items import Item
from esframework.filesystem.reading import TreeReader


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A folder with `docs/deep/a`; beside it a secret."""
    (tmp_path / "top" / "docs" / "deep").mkdir(parents=True)
    (tmp_path / "top" / "docs" / "deep" / "a").write_bytes(b"aaa")
    (tmp_path / "outside" / "deep").mkdir(parents=True)
    (tmp_path / "outside" / "deep" / "a").write_bytes(b"secret")
    return tmp_path / "top"


def contents(reader: TreeReader) -> bytes:
    reader.start(None)
    found: list[Item] = []
    while items := reader.read(1000):
        found += items
    return b"".join(item for item in found if isinstance(item, bytes))


@pytest.mark.parametrize("path", ["", "docs", "docs/deep", "docs/deep/a"])
def test_beneath_a_folder_everything_is_read_as_by_its_path(top: Path, path: str) -> None:
    by_path, beneath = TreeReader(top / path), TreeReader(top / path, beneath=top)
    assert by_path.survey() == beneath.survey()
    assert contents(by_path) == contents(beneath) == b"aaa"
    by_path.close()
    beneath.close()


@pytest.mark.parametrize("planted", ["docs", "docs/deep"])
@pytest.mark.parametrize("path", ["docs/deep/a", "docs/deep", "docs"])
def test_no_link_that_was_there_before_is_followed(top: Path, planted: str, path: str) -> None:
    plant(top, planted)
    reader = TreeReader(top / path, beneath=top)
    try:
        reader.survey()
    except SourceRefused as error:
        assert "neither a file nor a folder" in str(error)
    except OSError as error:
        assert error.errno in (errno.ELOOP, errno.ENOTDIR)
    else:
        assert contents(reader) == b"", "a link in the folder is left out"
    reader.close()


@pytest.mark.parametrize("planted", ["docs", "docs/deep", "docs/deep/a"])
@pytest.mark.parametrize("path", ["docs/deep/a", "docs/deep", "docs", ""])
def test_no_link_that_is_planted_meanwhile_is_followed(top: Path, planted: str, path: str) -> None:
    reader = TreeReader(top / path, beneath=top)
    reader.survey()
    plant(top, planted)
    with pytest.raises(OSError):
        contents(reader)
    reader.close()


def plant(top: Path, place: str) -> None:
    """A link to what is outside, in the place of a folder or file."""
    target = top.parent / "outside" / Path(place).relative_to("docs")
    (top / place).rename(top.parent / "elsewhere")
    (top / place).symlink_to(target)


def test_a_path_leads_over_links(top: Path) -> None:
    (top / "link").symlink_to("docs")
    reader = TreeReader(top / "link")
    assert reader.survey().files == 1
    reader.close()


def test_what_is_not_below_is_no_place(top: Path) -> None:
    with pytest.raises(ValueError, match="outside"):
        Beneath(top, top.parent / "outside")


def test_descriptors_are_those_of_folders_and_files(top: Path) -> None:
    for entrance in ByPath(top / "docs"), Beneath(top, top / "docs"):
        for path in "", "deep":
            descriptor = entrance.open_folder(path)
            assert os.listdir(descriptor)
            os.close(descriptor)
    for entrance in ByPath(top / "docs" / "deep" / "a"), Beneath(top, top / "docs" / "deep" / "a"):
        descriptor = entrance.open_file()
        assert os.read(descriptor, 10) == b"aaa"
        os.close(descriptor)
        assert entrance.status().st_size == 3
