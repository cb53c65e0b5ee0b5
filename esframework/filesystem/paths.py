"""The path rule: how a name or path that a peer sent becomes a place on this machine, or is refused. Touches no disk.

Names of any script are taken as they are: nothing is normalised, since a file that comes back must have the name that
it had. Marks that a script needs (joiners, the two direction marks) are part of a name. Refused are characters that no
file is named with in earnest: controls, line breaks, and what reorders the text around it, by which a program looks
like a picture. Names that look alike are two names; names that are one file on this file system are found when they
are made.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from esframework import limits
from esframework.errors import UnsafePath

IS_WINDOWS: Final = os.name == "nt"
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_REORDERING = re.compile("[\u202a-\u202e\u2066-\u2069]")
_SURROGATES = re.compile("[\ud800-\udfff]")
_WINDOWS_FORBIDS = re.compile(r'[<>:"|?*\\]')
_WINDOWS_DEVICES = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\..*)?", re.IGNORECASE)
_DRIVE = re.compile("[A-Za-z]:")
_JOINERS: Final = "\u200c\u200d"
_LONGEST_SHOWN: Final = 60


def local_parts(path: str, *, backslash_separates: bool = False, on_windows: bool = IS_WINDOWS) -> tuple[str, ...]:
    """The names, from the outermost folder in, of a relative path that a peer sent; at least one.

    Joined to a folder they are a path inside it, however hostile the peer, as long as no link is followed on the way
    (`beneath`). The same path always gives the same names.

    :param path: names with `/` between them.
    :param backslash_separates: the sender is a foreign client, whose paths are those of Windows.
    :param on_windows: the rules of this machine are those of Windows.
    :raises UnsafePath: for everything else; see the module.
    """
    separated = path.replace("\\", "/") if backslash_separates else path
    if separated.startswith("/") or (backslash_separates and _DRIVE.match(path)):
        raise _unsafe(path, "an absolute path", "a path relative to the folder that is sent")
    if len(path) > limits.MAX_PATH_BYTES:
        raise _unsafe(path, "too long a path", f"at most {limits.MAX_PATH_BYTES} bytes")
    parts = tuple(separated.split("/"))
    if len(parts) > limits.MAX_PATH_DEPTH:
        raise _unsafe(path, "too deep", f"at most {limits.MAX_PATH_DEPTH} folders within each other")
    for part in parts:
        _check_name(part, path, on_windows)
    if len(separated.encode()) > limits.MAX_PATH_BYTES:
        raise _unsafe(path, "too long a path", f"at most {limits.MAX_PATH_BYTES} bytes")
    return parts


def local_name(name: str, *, backslash_separates: bool = False, on_windows: bool = IS_WINDOWS) -> str:
    """The same for a single name, in which nothing separates.

    :raises UnsafePath: also for a path.
    """
    parts = local_parts(name, backslash_separates=backslash_separates, on_windows=on_windows)
    if len(parts) != 1:
        raise _unsafe(name, "a path", "a single name")
    return parts[0]


def local_path(root: Path, path: str, *, backslash_separates: bool = False, on_windows: bool = IS_WINDOWS) -> Path:
    """The same as a path below `root`, which is this program's own.

    :raises UnsafePath: also when the whole is longer than a path can be.
    """
    parts = local_parts(path, backslash_separates=backslash_separates, on_windows=on_windows)
    whole = root.joinpath(*parts)
    if len(str(whole).encode("utf-8", "surrogateescape")) > limits.MAX_PATH_BYTES:
        raise _unsafe(path, "too long a path for its folder", f"at most {limits.MAX_PATH_BYTES} bytes with it")
    return whole


def shown(text: str) -> str:
    """A text that a peer sent, for a line on a screen: shortened, with escapes for whatever cannot be seen."""
    short = text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN // 2]}…{text[-_LONGEST_SHOWN // 2 :]}"
    return "".join(letter if letter.isprintable() or letter in _JOINERS else repr(letter)[1:-1] for letter in short)


def _check_name(name: str, path: str, on_windows: bool) -> None:
    if not name:
        raise _unsafe(path, "an empty name", "a name between any two separators, and none at either end")
    if name in (".", ".."):
        raise _unsafe(name, "a step to another folder", "a name of a file or folder")
    if _CONTROLS.search(name) or _SURROGATES.search(name):
        raise _unsafe(name, "control characters, or half of a character", "a name of characters that can be shown")
    if _REORDERING.search(name):
        raise _unsafe(name, "characters that reorder the text around them", "the name without them")
    length = len(name.encode("utf-16-le")) // 2 if on_windows else len(name.encode())
    if length > limits.MAX_NAME_BYTES:
        raise _unsafe(name, f"too long a name ({length})", f"at most {limits.MAX_NAME_BYTES}")
    if on_windows:
        _check_windows_name(name)


def _check_windows_name(name: str) -> None:
    if _WINDOWS_FORBIDS.search(name):
        raise _unsafe(name, "characters that Windows forbids", 'a name without any of < > : " | ? * \\')
    if name[-1] in ". ":
        raise _unsafe(name, "a dot or blank at its end, which Windows drops", "the name without it")
    if _WINDOWS_DEVICES.fullmatch(name):
        raise _unsafe(name, "a name that Windows gives to a device", "another name")


def _unsafe(text: str, reason: str, instead: str) -> UnsafePath:
    return UnsafePath(f"'{shown(text)}' cannot be a path here: {reason}; {instead} would do")
