"""A finding: what was looked at, how it is, what it means, and how to mend it. Looks at nothing itself."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Status(Enum):
    """How something is."""

    OK = "ok"
    WARN = "warn"
    """The server runs, and something is likely to hurt later."""
    FAIL = "fail"
    """The server does not start, or does not do what was configured."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's. `mend` is a command or a sentence; empty where nothing is to be done."""

    check: str
    status: Status
    text: str
    mend: str = ""

    def as_json(self) -> dict[str, str]:
        """For scripts."""
        return {"check": self.check, "status": self.status.value, "text": self.text, "mend": self.mend}


def ok(check: str, text: str) -> Finding:
    """All is well."""
    return Finding(check, Status.OK, text)


def warn(check: str, text: str, mend: str) -> Finding:
    """It works, and should be better."""
    return Finding(check, Status.WARN, text, mend)


def fail(check: str, text: str, mend: str) -> Finding:
    """It does not work."""
    return Finding(check, Status.FAIL, text, mend)
