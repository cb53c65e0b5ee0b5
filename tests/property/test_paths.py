"""Whatever a peer calls its files: the result is inside the root, or the name is refused."""

from __future__ import annotations

import ntpath
import os
import posixpath
from pathlib import Path, PureWindowsPath

from hypothesis import example, given
from hypothesis import strategies as st

from esframework import limits
from esframework.errors import UnsafePath
from esframework.filesystem.paths import local_parts, local_path, shown

ROOT = Path("/srv/files")
NASTY = st.sampled_from(
    ["..", ".", "", "/", "\\", "C:", "aux", "NUL.txt", "a", "ä" * 130, "\0", "\u202e", "\ud800", " ", ":", "~", "*"]
)
PATHS = st.one_of(
    st.text(),
    st.text(st.characters(categories=["Cs", "Cc", "Cf", "Lu", "Po", "Zs"])),
    st.lists(st.one_of(NASTY, st.text(max_size=5)), max_size=8).map("/".join),
    st.lists(NASTY, max_size=8).map("".join),
    st.lists(NASTY, max_size=8).map("\\".join),
)


@given(path=PATHS, foreign=st.booleans(), windows=st.booleans())
@example(path="a/../../etc/passwd", foreign=False, windows=False)
@example(path="a\\..\\..\\x", foreign=True, windows=False)
def test_a_path_of_a_peer_stays_inside_the_root_or_is_refused(path: str, foreign: bool, windows: bool) -> None:
    try:
        parts = local_parts(path, backslash_separates=foreign, on_windows=windows)
        whole = local_path(ROOT, path, backslash_separates=foreign, on_windows=windows)
    except UnsafePath as error:
        assert str(error).isprintable()
        return
    assert whole.parts == ROOT.parts + parts
    normal = posixpath.normpath(str(whole))
    assert normal == str(whole) and normal.startswith(f"{ROOT}/")
    assert len(os.fsencode(whole)) <= limits.MAX_PATH_BYTES
    assert "/".join(parts) == (path.replace("\\", "/") if foreign else path)
    if windows:
        on_windows = PureWindowsPath("D:\\files").joinpath(*parts)
        assert on_windows.parts == ("D:\\", "files", *parts)
        assert ntpath.normpath(str(on_windows)) == str(on_windows)
        assert not on_windows.is_reserved()


@given(st.text())
def test_what_is_shown_is_one_short_line(text: str) -> None:
    line = shown(text)
    assert line.replace("\u200c", "").replace("\u200d", "").isprintable()
    assert shown(line) == line or len(text) > 60 or len(line) > 60
