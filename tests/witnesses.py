"""What simulated transfers are judged by: what each end was told of one, and what lies on the disk."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from esframework.managers.files.transfer import Transfer
from tests.programs import Life
from tests.transfers import Tree, read_tree

TERMINAL = ("completed", "interrupted")


@dataclass
class Watch:
    """What one end was told of one transfer, and that it never contradicts itself."""

    transfer: Transfer
    life: Life
    words: list[str] = field(default_factory=list)
    told: int = 0

    def happened(self, word: str) -> None:
        """An event, which must be the right one at this moment."""
        assert not set(TERMINAL) & set(self.words), (self.transfer, self.words, word)
        if word in ("started", "resumed"):
            assert not self.words, (self.transfer, self.words, word)
            assert self.transfer.is_resumed == (word == "resumed")
        if word == "completed":
            assert self.words, self.transfer
        self.words.append(word)

    def look(self) -> None:
        """The progress only grows."""
        assert self.told <= self.transfer.transferred <= self.transfer.size, (self.transfer, self.told)
        self.told = self.transfer.transferred


def look(path: Path) -> Tree:
    """A file or folder."""
    return read_tree(path) if path.is_dir() else {"": path.read_bytes()}


def marks(path: Path) -> dict[str, tuple[int, bool]]:
    """Times and executable bits of the files in it."""
    files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    return {
        str(each.relative_to(path)): (each.stat().st_mtime_ns, bool(each.stat().st_mode & 0o100)) for each in files
    }


def is_made_of(tree: Tree, versions: list[Tree]) -> bool:
    """Whether every byte is one that its place had at some time."""
    if tree in versions:
        return True
    for path, content in tree.items():
        known = [version[path] for version in versions if path in version]
        if content is None:
            if None not in known:
                return False
        else:
            contents = [each for each in known if each is not None and len(each) >= len(content)]
            if not all(any(each[at] == byte for each in contents) for at, byte in enumerate(content)):
                return False
    return True
