"""The numbers that server and clients agree on; the manual's demo uses the same."""

from __future__ import annotations

CHAT = 0
"""Information: a line of text, in UTF-8. What `esframework chat` sends and shows, too."""

VIBRATION = 1
"""Information without content: the other's window shakes."""

CLIENT_CALLS_SERVER = 100
"""A query of a client to the server: a question in UTF-8, and so is its answer."""
