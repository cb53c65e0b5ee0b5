"""Which names and paths of a peer become a place here, and which are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from esframework import limits
from esframework.errors import RemoteError, UnsafePath
from esframework.filesystem.paths import local_name, local_parts, local_path, shown

ANYWHERE = [
    ("", "an empty name"),
    (".", "a step to another folder"),
    ("..", "a step to another folder"),
    ("a/../b", "a step to another folder"),
    ("a/./b", "a step to another folder"),
    ("a//b", "an empty name"),
    ("a/", "an empty name"),
    ("/etc/passwd", "an absolute path"),
    ("//server/share", "an absolute path"),
    ("a\0b", "control characters"),
    ("a\nb", "control characters"),
    ("a\x1b[2Jb", "control characters"),
    ("a\x9bb", "control characters"),
    ("a\u2028b", "control characters"),
    ("\ud800", "half of a character"),
    ("photo\u202egpj.exe", "reorder the text"),
    ("a\u2066b", "reorder the text"),
    ("a" * 256, "too long a name (256)"),
    ("a/" * 128 + "a", "too deep"),
    ("/".join(["a" * 200] * 21), "too long a path"),
    ("a" * 1_000_000, "too long a path"),
    ("/".join(["ä" * 127] * 17), "too long a path"),
]
ON_WINDOWS = [
    ("C:", "characters that Windows forbids"),
    ("C:/x", "characters that Windows forbids"),
    ("file.txt:stream", "characters that Windows forbids"),
    ("..\\x", "characters that Windows forbids"),
    ("what?", "characters that Windows forbids"),
    ("aux", "a device"),
    ("aux.c", "a device"),
    ("folder/Nul .txt", "a device"),
    ("COM1", "a device"),
    ("lpt².tar.gz", "a device"),
    ("conin$", "a device"),
    ("name.", "a dot or blank at its end"),
    ("name /x", "a dot or blank at its end"),
    ("...", "a dot or blank at its end"),
    ("𝒳" * 128, "too long a name (256)"),
]
FINE = [
    "readme",
    ".hidden",
    "..twice",
    "a b/c  d",
    "~",
    "-rf",
    "文件/说明.txt",
    "отчёт",
    "مى\u200cخواهم",
    "\u200fعربى",
    "👩\u200d👧",
    "e\u0301 and é",
    "%2e%2e",
    "com10",
    "console",
    "/".join("a" * limits.MAX_PATH_DEPTH),
]
ON_POSIX = ["aux.c", "nul", "C:", "name.", "name ", "back\\slash", 'a<b>c|d?e*f"', "ä" * 127]


@pytest.mark.parametrize("on_windows", [False, True])
@pytest.mark.parametrize(("path", "reason"), ANYWHERE, ids=lambda text: ascii(text)[:20])
def test_no_machine_takes(path: str, reason: str, on_windows: bool) -> None:
    with pytest.raises(UnsafePath, match=r"cannot be a path here") as raised:
        local_parts(path, on_windows=on_windows)
    assert reason in str(raised.value)
    assert len(str(raised.value)) < 300
    assert str(raised.value).isprintable()


@pytest.mark.parametrize(("path", "reason"), ON_WINDOWS, ids=lambda text: ascii(text)[:20])
def test_windows_takes_less(path: str, reason: str) -> None:
    with pytest.raises(UnsafePath) as raised:
        local_parts(path, on_windows=True)
    assert reason in str(raised.value)


@pytest.mark.parametrize("on_windows", [False, True])
@pytest.mark.parametrize("path", FINE)
def test_names_of_any_script_are_taken_as_they_are(path: str, on_windows: bool) -> None:
    assert local_parts(path, on_windows=on_windows) == tuple(path.split("/"))


@pytest.mark.parametrize("path", ON_POSIX)
def test_what_troubles_windows_is_a_name_elsewhere(path: str) -> None:
    assert local_parts(path, on_windows=False) == (path,)


def test_elsewhere_bytes_count() -> None:
    with pytest.raises(UnsafePath, match=r"too long a name \(256\)"):
        local_name("ä" * 128, on_windows=False)


def test_windows_counts_names_in_its_own_units() -> None:
    assert local_name("文" * 255, on_windows=True) == "文" * 255
    with pytest.raises(UnsafePath):
        local_name("文" * 255, on_windows=False)


def test_backslashes_separate_for_foreign_senders_only() -> None:
    assert local_parts("a\\b/c", backslash_separates=True) == ("a", "b", "c")
    assert local_parts("a\\b/c", on_windows=False) == ("a\\b", "c")


@pytest.mark.parametrize("path", ["..\\x", "a\\..\\..\\x", "\\x", "\\\\server\\share", "C:\\x", "c:x", "a\\\\b", "a\\"])
def test_what_leads_out_on_windows_is_refused_of_foreign_senders(path: str) -> None:
    with pytest.raises(UnsafePath):
        local_parts(path, backslash_separates=True, on_windows=False)


def test_a_name_is_no_path() -> None:
    assert local_name("a", on_windows=False) == "a"
    assert local_name("a\\b", on_windows=False) == "a\\b"
    for path, foreign in (("a/b", False), ("a\\b", True)):
        with pytest.raises(UnsafePath, match="a single name would do"):
            local_name(path, backslash_separates=foreign, on_windows=False)


def test_a_path_is_below_its_root(tmp_path: Path) -> None:
    assert local_path(tmp_path, "a/b") == tmp_path / "a" / "b"


def test_the_whole_path_must_not_be_too_long() -> None:
    path = "/".join(["a" * 250] * 16)
    assert local_path(Path("/"), path)
    with pytest.raises(UnsafePath, match="too long a path for its folder"):
        local_path(Path("/" + "r" * 100), path)


def test_whose_error_it_is() -> None:
    assert issubclass(UnsafePath, RemoteError) and issubclass(UnsafePath, ValueError)


def test_what_is_shown_stays_in_its_line_and_reads_from_its_side() -> None:
    assert shown("文件.txt") == "文件.txt"
    assert shown("مى\u200cخواهم") == "مى\u200cخواهم"
    assert shown("a\nb\x1b[2J\u202egpj.exe\ud800") == "a\\nb\\x1b[2J\\u202egpj.exe\\ud800"
    assert len(shown("a" * 1000)) == 61
