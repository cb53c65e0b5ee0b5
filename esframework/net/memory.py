"""Memory for pieces of files, which come and go by the megabyte. Knows no file.

An allocator that gives memory back to the system at every ebb takes it anew, page by page, at every flow: receiving a
file of 1 GiB cost 120,000 page faults, a fifth of the server's time. That of glibc learns how much to keep from the
largest block that a program has freed, so it is shown one. Where another allocator is at work this does nothing.
"""

from __future__ import annotations

from functools import cache

_SHOWN = 8 * 1024 * 1024
"""Bytes of that block; what two transfers at full speed use."""


@cache
def keep_memory() -> None:
    """Let up to 16 MiB of what is freed wait for its next use; the first call does it."""
    # Zeros that nobody looks at: the system never makes a page of them.
    bytes(_SHOWN)
