"""Refusals that are only for now: the words that end a cause, by which our clients know when to come back.

Any client shows them to people; ours waits and tries again (docs: topics/protocol).
"""

from __future__ import annotations

import re
from math import ceil

_WORDS = re.compile(r"; try again in (\d{1,6}) s$")


def with_retry(cause: str, seconds: float) -> str:
    """`cause`, said to hold for `seconds` only."""
    return f"{cause}; try again in {max(1, ceil(seconds))} s"


def retry_after(cause: str) -> float | None:
    """Seconds after which a refusal may be over, None for one that is final."""
    found = _WORDS.search(cause)
    return float(found[1]) if found else None
