"""What the other end of a transfer may read of an error."""

from __future__ import annotations

from esframework.errors import EsError, SourceChanged


def public_text(error: BaseException) -> str:
    """Why, and no path of this machine."""
    if isinstance(error, SourceChanged):
        return f"what was offered with {error.expected} bytes has only {error.found} now"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) if isinstance(error, EsError) else "an error of the other end's program"
