"""Counts of what the server refused, by reason: every limit that is hit shows here and in the metrics."""

from __future__ import annotations

from collections import Counter


class Refusals:
    """`counts[reason]`; reasons are short names that programs may rely on (docs: topics/security)."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def add(self, reason: str) -> None:
        """One more was refused."""
        self.counts[reason] += 1
