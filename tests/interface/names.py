"""Names that stores must bear, and names that they must refuse."""

from __future__ import annotations

POSSIBLE = {
    "quotes": "'; DROP TABLE accounts; --",
    "double quotes": 'a"b"',
    "wild cards": "100%_",
    "backslash": "a\\'b",
    "placeholder": ":name ? $1 %s",
    "braces": "{0}{name}",
    "longest": "x" * 255,
    "longest of three bytes": "李" * 85,
    "outside the first plane": "\U0001f600",
}
IMPOSSIBLE = {
    "empty": "",
    "NUL": "a\0b",
    "too long": "x" * 256,
    "not NFC": "e\u0301",
    "no UTF-8": "\ud800",
    "virtual": "_x",
    "a device": "2#a",
}
