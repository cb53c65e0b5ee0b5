"""What a value in a configuration may be: one small class per kind of value.

A rule knows neither files nor flags nor keys. `check` returns the value as the program uses it, or raises
ValueError; what would have been right is said by `expected`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Any, Final, Protocol

from esframework.net.addresses import networks_of
from esframework.wire.identity import check_account_name

_HOST_PORT: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9_.-]+))(?::([0-9]{1,5}))?")


class WrongItem(ValueError):
    """An item of a list breaks the rule for items: `place` counts from 1 (`2`, or `1.2` in a list of lists)."""

    def __init__(self, place: str, item: object, expected: str) -> None:
        super().__init__(item)
        self.place = place
        self.item = item
        self.expected = expected


class Rule(Protocol):
    """What all rules offer."""

    @property
    def expected(self) -> str:
        """What is allowed, in words that follow "expected"."""

    def check(self, value: object, folder: Path) -> Any:
        """The checked value. Relative paths begin at `folder`. Raises ValueError, for an item of a list WrongItem."""


@dataclass(frozen=True, slots=True)
class Switch:
    """On or off."""

    expected: str = "true or false"

    def check(self, value: object, folder: Path) -> bool:
        if not isinstance(value, bool):
            raise ValueError(value)
        return value


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number from `least` to `most`; `zero` says what 0 means where that is special."""

    least: int
    most: int
    zero: str = ""

    @property
    def expected(self) -> str:
        special = f" (0: {self.zero})" if self.zero else ""
        return f"a whole number from {self.least} to {self.most}{special}"

    def check(self, value: object, folder: Path) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not self.least <= value <= self.most:
            raise ValueError(value)
        return value


@dataclass(frozen=True, slots=True)
class Seconds:
    """A time; `zero` says what 0 and less mean."""

    zero: str = "none"

    @property
    def expected(self) -> str:
        return f"a number of seconds (0 or less: {self.zero})"

    def check(self, value: object, folder: Path) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise ValueError(value)
        return float(value)


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of a few words."""

    words: tuple[str, ...]

    @property
    def expected(self) -> str:
        return "one of " + ", ".join(f'"{word}"' for word in self.words)

    def check(self, value: object, folder: Path) -> str:
        if not isinstance(value, str) or value not in self.words:
            raise ValueError(value)
        return value


@dataclass(frozen=True, slots=True)
class Text:
    """Text that is not empty, of `shortest` characters or more; `what` says what it is."""

    what: str
    shortest: int = 1

    @property
    def expected(self) -> str:
        return self.what

    def check(self, value: object, folder: Path) -> str:
        if not isinstance(value, str) or not value.strip() or len(value) < self.shortest:
            raise ValueError(value)
        return value


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of `least` different items or more, every one of which keeps `item`; `what` says what they are."""

    item: Rule
    what: str
    least: int = 0

    @property
    def expected(self) -> str:
        return f"a list of {f'at least {self.least} different ' if self.least else ''}{self.what}"

    def check(self, value: object, folder: Path) -> tuple[Any, ...]:
        if not isinstance(value, (list, tuple)):
            raise ValueError(value)
        items = _checked_items(value, lambda item: self.item.check(item, folder), self.item.expected)
        if self.least and len(set(items)) < self.least:
            raise ValueError(value)
        return items


@dataclass(frozen=True, slots=True)
class Either:
    """One of a few words, each of which stands for a value, or what `other` allows."""

    words: Mapping[str, Any]
    other: Rule

    @property
    def expected(self) -> str:
        return ", ".join(f'"{word}"' for word in self.words) + f" or {self.other.expected}"

    def check(self, value: object, folder: Path) -> Any:
        if isinstance(value, str) and value in self.words:
            return self.words[value]
        return self.other.check(value, folder)


@dataclass(frozen=True, slots=True)
class NetworkText:
    """A network or an address."""

    expected: str = "a network such as 10.0.0.0/8 or 2001:db8::/32"

    def check(self, value: object, folder: Path) -> str:
        if not isinstance(value, str):
            raise ValueError(value)
        networks_of([value])
        return value


@dataclass(frozen=True, slots=True)
class AddressText:
    """An address of this machine."""

    expected: str = "an address such as 192.0.2.1 or 2001:db8::1"

    def check(self, value: object, folder: Path) -> str:
        if not isinstance(value, str):
            raise ValueError(value)
        return str(ip_address(value))


@dataclass(frozen=True, slots=True)
class HostPort:
    """Where something can be reached: `host:port`, with IPv6 in brackets, or a host alone for the usual `port`, which
    is written behind it then."""

    port: int

    @property
    def expected(self) -> str:
        return f"a host such as p2p.example.org, 192.0.2.1:{self.port} or [2001:db8::1]:{self.port}"

    def check(self, value: object, folder: Path) -> str:
        found = _HOST_PORT.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            raise ValueError(value)
        port = int(found[3] or self.port)
        if not 1 <= port <= 65535 or (found[1] and not isinstance(ip_address(found[1]), IPv6Address)):
            raise ValueError(value)
        return f"[{found[1]}]:{port}" if found[1] else f"{found[2]}:{port}"


@dataclass(frozen=True, slots=True)
class Ranges:
    """Numbers and ranges of numbers; as `range` objects. `most` is the largest number."""

    most: int

    @property
    def expected(self) -> str:
        return f'a list of whole numbers up to {self.most} and of ranges such as "100-199"'

    def check(self, value: object, folder: Path) -> tuple[range, ...]:
        if not isinstance(value, (list, tuple)):
            raise ValueError(value)
        return _checked_items(value, self._range, f'a number up to {self.most}, or a range such as "100-199"')

    def _range(self, item: object) -> range:
        if isinstance(item, str):
            first, sign, last = item.partition("-")
            if not (sign and first.isascii() and first.isdigit() and last.isascii() and last.isdigit()):
                raise ValueError(item)
            bounds = (int(first), int(last))
        elif isinstance(item, int) and not isinstance(item, bool):
            bounds = (item, item)
        else:
            raise ValueError(item)
        if not 0 <= bounds[0] <= bounds[1] <= self.most:
            raise ValueError(item)
        return range(bounds[0], bounds[1] + 1)


@dataclass(frozen=True, slots=True)
class AccountName:
    """What an account may be called, without a device."""

    expected: str = "an account's name such as alice, without device and without _, # or *"

    def check(self, value: object, folder: Path) -> str:
        if not isinstance(value, str):
            raise ValueError(value)
        return check_account_name(value)


@dataclass(frozen=True, slots=True)
class FilePath:
    """A path; `~` is the home folder."""

    what: str

    @property
    def expected(self) -> str:
        return self.what

    def check(self, value: object, folder: Path) -> Path:
        if isinstance(value, str) and (not value.strip() or "\0" in value):
            raise ValueError(value)
        if not isinstance(value, (str, Path)):
            raise ValueError(value)
        try:
            return folder / Path(value).expanduser()
        except RuntimeError as error:
            raise ValueError(value) from error


@dataclass(frozen=True, slots=True)
class NamedFolders:
    """Paths by names that can be part of a path themselves."""

    expected: str = 'a table of names and paths of folders such as { music = "/srv/music" }'

    def check(self, value: object, folder: Path) -> dict[str, Path]:
        if not isinstance(value, dict):
            raise ValueError(value)
        path = FilePath("the path of a folder")
        checked = {}
        for name, where in value.items():
            if not name or "/" in name or "\0" in name or name in (".", ".."):
                raise WrongItem(repr(name), name, "a name without /")
            try:
                checked[name] = path.check(where, folder)
            except ValueError:
                raise WrongItem(repr(name), where, path.expected) from None
        return checked


@dataclass(frozen=True, slots=True)
class Times:
    """How often a dangerous switch is given: 0, 1 or 2; true is 1."""

    expected: str = "true, false, or how often it is meant: 0, 1 or 2"

    def check(self, value: object, folder: Path) -> int:
        if not isinstance(value, int) or not 0 <= value <= 2:
            raise ValueError(value)
        return int(value)


@dataclass(frozen=True, slots=True)
class OffOr:
    """The word `off`, or what `other` allows."""

    other: Rule

    @property
    def expected(self) -> str:
        return f'"off" or {self.other.expected}'

    def check(self, value: object, folder: Path) -> Any:
        if value == "off":
            return value
        return self.other.check(value, folder)


def _checked_items(items: Iterable[object], check: Callable[[object], Any], expected: str) -> tuple[Any, ...]:
    """All items, checked; raises WrongItem for the first that is wrong."""
    checked = []
    for number, item in enumerate(items, 1):
        try:
            checked.append(check(item))
        except WrongItem as error:
            raise WrongItem(f"{number}.{error.place}", error.item, error.expected) from None
        except ValueError:
            raise WrongItem(str(number), item, expected) from None
    return tuple(checked)
