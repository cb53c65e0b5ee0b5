"""Limits of messages that wait or must not be lost: offline messages, delivery."""

from __future__ import annotations

from typing import Final

from esframework.limits.connections import BACKLOG_BYTES, BACKLOG_FRAMES

# --- offline messages -----------------------------------------------------------------------------------------------
OFFLINE_MESSAGES: Final = 1000
"""Offline messages that wait for one user: somebody who is away for a month reads no more than this."""

OFFLINE_BYTES: Final = 16 * 1024 * 1024
"""The same in bytes of content: a thousand absent users fill 16 GB at most."""

OFFLINE_EXPIRY: Final = 30 * 24 * 3600.0
"""Seconds that an offline message waits: a month's holiday."""

OFFLINE_BATCH: Final = BACKLOG_FRAMES // 2
"""Offline messages that are with a client at a time, which has not acknowledged them yet: they alone never make it
pause reading, and so a handler may ask for something and get the answer."""

OFFLINE_BATCH_BYTES: Final = BACKLOG_BYTES // 2
"""The same in bytes; a single longer message goes alone."""

OFFLINE_ENVELOPE: Final = 2048
"""Bytes beside the content in the frame that hands an offline message over: the longest header, names and id fit."""

OFFLINE_PAGE: Final = 200
"""Summaries of waiting messages in one answer: each has up to 700 bytes."""

OFFLINE_DISCARDS: Final = 10_000
"""Messages that a client may discard with one request."""

OFFLINE_REMEMBERED: Final = 4096
"""Ids of handled messages that a client remembers, in case their acknowledgement was lost: many batches' worth."""

OFFLINE_SWEEP: Final = 60.0
"""Seconds between two looks for offline messages that have expired: they wait for days, so a minute is nothing."""

OFFLINE_STORE_RETRY: Final = 5.0
"""Seconds after which a store that failed during a hand-over is asked again."""

# --- delivery: nothing lost on reconnect --------------------------------------------------------------------------
DELIVERY_WINDOW: Final = 120.0
"""Seconds for which a process that lost its connection may stay away and miss nothing: a tunnel, another network."""

DELIVERY_WINDOW_MESSAGES: Final = 1000
"""Messages that may wait for one user at a server, and that one process may have on their way."""

DELIVERY_WINDOW_BYTES: Final = 1024 * 1024
"""The same in bytes of content."""

DELIVERY_MESSAGES_IN_ALL: Final = 200_000
"""Messages that may wait for all users together; each takes a server about 400 bytes besides its content."""

DELIVERY_BYTES_IN_ALL: Final = 64 * 1024 * 1024
"""The same in bytes of content."""

DELIVERY_MESSAGES_FROM_ONE: Final = 4000
"""Messages of one user, sent by all its processes, that may be unfinished: four full windows, a fiftieth of all."""

DELIVERY_BYTES_FROM_ONE: Final = 4 * 1024 * 1024
"""The same in bytes of content: four full windows, a sixteenth of all."""

DELIVERY_CREDIT_MESSAGES: Final = 1000
"""Messages that a process may have been handed and not finished: a sender's window, so that no single one is slowed."""

DELIVERY_CREDIT_BYTES: Final = 1024 * 1024
"""The same in bytes of content."""

DELIVERY_LIST: Final = 12
"""Entries of a list in one frame, with the rest in further ones: with the longest header, two such lists fit 1024
bytes, the shortest `max_message` there is; nobody knows the other's."""

DELIVERY_OVERHEAD: Final = 1024
"""Bytes by which a message may grow on its way: two ids of 255 bytes, a header that is longer, and the numbers."""

DELIVERY_HELLO_PATIENCE: Final = 10.0
"""Seconds for which a client of ours that has logged on is expected to say hello; meanwhile messages wait for it."""

DELIVERY_READERS: Final = 16
"""Processes of one user that are remembered: more than kinds of devices, so that only crashing ones are forgotten."""

DELIVERY_UNCONFIRMED: Final = 4096
"""Receipts of one process that a server keeps until they are confirmed; one of ours stays far below."""

DELIVERY_UNTOLD: Final = 256
"""Receipts after which a client confirms them at once; else it does so with its next message, or within a second."""

DELIVERY_CONVERSATIONS: Final = 4096
"""Conversations that a process remembers; forgetting one costs only what a server that restarts may hand out twice."""

DELIVERY_CONVERSATIONS_OF_ONE: Final = 16
"""Those that it remembers of one sending process: it is a target by its bare id and by its device, hardly by more."""

DELIVERY_REMEMBERED: Final = 1024
"""Exceptions of one conversation that a receiver remembers: what was skipped, and what it did not handle."""
