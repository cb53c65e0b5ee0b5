"""Limits of what peers can pile up or try: requests, blobs, attachments, connections, guesses."""

from __future__ import annotations

from typing import Final

# --- what peers can pile up ---------------------------------------------------------------------------------------
MAX_OPEN_REQUESTS: Final = 65_536
"""Unanswered queries and acknowledgements per engine: beyond it the program asks faster than anybody can answer."""

MAX_BLOBS_PER_SENDER: Final = 16
"""Unfinished blobs one sender may have with one receiver."""

MAX_BLOB_BYTES: Final = 64 * 1024 * 1024
"""Bytes of one sender's unfinished blobs; larger things are files."""

MAX_BLOB_BYTES_IN_ALL: Final = 1024 * 1024 * 1024
"""Bytes of everybody's unfinished blobs together: a thousand accounts of an attacker fill no more than this."""

BLOB_IDLE_TIMEOUT: Final = 60.0
"""Seconds without a fragment after which an unfinished blob is forgotten."""

FRAGMENT_SIZE: Final = 16 * 1024
"""Default size of a blob's fragment: 13 ms on a 10 Mbit/s line, so nothing waits noticeably behind one."""

ATTACHMENT_WINDOW: Final = 1024 * 1024
"""Bytes of an attachment that may be on their way to a consumer: 10 MB/s at a tenth of a second there and back."""

ATTACHMENT_PIECE: Final = 16 * 1024
"""Size of an attachment's pieces, for the same reason as a blob's fragments."""

ATTACHMENT_SLICE: Final = 256 * 1024
"""Bytes of a file that are read or written at a time, in a thread: fewer hops, and still no more than a few windows."""

ATTACHMENT_IDLE_TIMEOUT: Final = 60.0
"""Seconds without a sign of life from its other end after which an attachment has failed."""

ATTACHMENT_ASK_INTERVAL: Final = 3.0
"""Seconds after which a sender that waits asks whether the receiver is still there: nobody watches a bar for longer."""

MAX_ATTACHMENTS_PER_SENDER: Final = 16
"""Attachments one sender's device may have open with one receiver, accepted or waiting for the decision."""

MAX_ATTACHMENTS: Final = 256
"""Attachments open at one receiver: with a full window and the longest body each, half a gigabyte at the very worst."""

MAX_ATTACHMENT_CAUSE: Final = 1024
"""Characters of the text with which an attachment is refused: a sentence, not a letter."""

MAX_ATTACHMENT_NAME: Final = 255
"""Bytes of the name that a sender gives to an attachment: the longest that a file can have."""

MAX_CONNECTIONS: Final = 0
"""Connections in all; 0 means as many as file descriptors allow."""

MAX_CONNECTIONS_PER_ADDRESS: Final = 256
"""Connections from one address (not counted for loopback): an office behind one router fits."""

FREE_TRIES_PER_ADDRESS: Final = 60
"""Failed log-ons of one address that cost no waiting (not counted for loopback): an office behind one router fits."""

FREE_TRIES_PER_ACCOUNT: Final = 5
"""Failed log-ons of one account that cost no waiting: people mistype a password twice, and try an old one."""

FIRST_PENALTY: Final = 1.0
"""Seconds to wait after the first failure too many; doubled with each further one."""

LONGEST_PENALTY: Final = 900.0
"""Seconds of the longest wait: whoever really forgot a password can go on within a coffee break."""

FORGET_ACCOUNT_FAILURE: Final = 900.0
"""Seconds after which one failed log-on of an account is forgotten: in the long run 96 guesses a day, by everybody
together."""

FORGET_ADDRESS_FAILURE: Final = 60.0
"""The same for an address: behind one may be hundreds of people, who mistype a password now and then."""

MAX_KNOWN_PLACES: Final = 8
"""Addresses remembered for an account from which it has logged on: home, office, two phones' networks, and as many
again."""

MAX_FRAMES_PER_SECOND: Final = 20_000
"""Frames per second and connection (not for loopback); a faster one is read more slowly, not cut."""

MAX_TRACKED_ADDRESSES: Final = 65_536
"""Addresses remembered for the limits above."""

MAX_FAILURE_DETAIL: Final = 400
"""Bytes of the text that says why a request failed: it fits into the shortest message that a server may be set to,
behind the longest header."""

FIRST_OWN_TYPE: Final = 1000
"""Message types from here are this framework's additions to the protocol: only its own clients get to see them."""

FIRST_APPLICATION_TYPE: Final = 10_000
"""Message types from here belong to applications and their plugins."""

LAST_RECORDS: Final = 10
"""Finished calls that diagnostics keep per information type (the manual's number)."""

MAX_DIAGNOSED_TYPES: Final = 1024
"""Information types that diagnostics tell apart; peers choose the numbers, so the table is bounded."""
