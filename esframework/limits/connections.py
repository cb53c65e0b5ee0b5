"""Limits of connections: frames, sessions, queues."""

from __future__ import annotations

from typing import Final

# --- the wire -----------------------------------------------------------------------------------------------------
MAX_MESSAGE: Final = 1024 * 1024
"""Longest frame, header included. The protocol's own default; larger content goes as a blob or a file."""

MAX_BEFORE_LOG_ON: Final = 8 * 1024
"""A stranger may make us hold this much: a log-on is a few hundred bytes."""

MAX_QUERIES_BEFORE_LOG_ON: Final = 8
"""Generation 7 may ask before it logs on (type 118); more than a handful is probing."""

MAX_USER_ID: Final = 36
"""Longest account id in bytes: a UUID in its usual spelling fits."""

MAX_BODY_DEPTH: Final = 32
"""Deepest nesting of classes in one body; contracts are flat, so this only stops an attack on the stack."""

# --- sessions -----------------------------------------------------------------------------------------------------
LOG_ON_TIMEOUT: Final = 15.0
"""Seconds a connection may take to send a complete log-on: a slow phone network needs three or four."""

VERIFY_TIMEOUT: Final = 300.0
"""Seconds that a verifier may take: nothing is read of a connection meanwhile, not even that its client has gone."""

HEARTBEAT_INTERVAL: Final = 10.0
"""Seconds between a client's heartbeats (the manual's default)."""

HEARTBEAT_TIMEOUT: Final = 30.0
"""Seconds of silence after which the server ends a session: three heartbeats may be lost or late."""

RESPONSE_TIMEOUT: Final = 30.0
"""Seconds an answer or an acknowledgement is waited for (the manual's default)."""

WRITE_TIMEOUT: Final = 5.0
"""Seconds in which at least one byte must leave a connection that has something to send."""

HANDLER_LIMIT: Final = 30.0
"""Seconds a handler's Deferred may stay open before its connection is ended: the caller gave up long ago."""

CLOSE_GRACE: Final = 5.0
"""Seconds that closing waits for queues to be flushed before connections are cut."""

KEEP_ALIVE_IDLE: Final = 10
"""Seconds of silence before TCP probes the peer (the manual's setting)."""

KEEP_ALIVE_INTERVAL: Final = 2
"""Seconds between TCP's probes (the manual's setting)."""

SWEEP_INTERVAL: Final = 1.0
"""One timer looks after all connections this often: deadlines are met to within a second for the price of one timer."""

RECONNECT_FIRST_DELAY: Final = 1.0
"""Upper bound of the first random wait before a reconnect; doubled for each failure."""

RECONNECT_LONGEST_DELAY: Final = 60.0
"""A client that was away for a night is back within a minute of its server."""

CONNECT_TIMEOUT: Final = 30.0
"""Seconds for a TCP or TLS connection to be made."""

# --- queues -------------------------------------------------------------------------------------------------------
HIGH_WATER: Final = 64 * 1024
"""Bytes waiting on a connection above which its channel counts as busy and discardable sends are dropped."""

HARD_LIMIT: Final = 16 * 1024 * 1024
"""Bytes waiting on a connection at which a slow consumer is cut: a server of 1000 of them would hold 16 GB."""

WRITE_CHUNK: Final = 128 * 1024
"""Bytes handed to the transport at a time when a queue drains, so that urgent messages overtake the rest of it."""

BACKLOG_FRAMES: Final = 64
"""Application frames that wait behind an open handler before reading pauses; it resumes below half."""

BACKLOG_BYTES: Final = 256 * 1024
"""The same in bytes."""

WORKER_THREADS: Final = 20
"""Threads of the task-queue handler model (the manual's default)."""

TASK_QUEUE_LENGTH: Final = 10_000
"""Messages waiting for a worker thread before reading pauses."""

TASK_QUEUE_BYTES: Final = 64 * 1024 * 1024
"""The same in bytes, those being handled included: one client's 10 000 longest messages would be 10 GB."""

BLOCKED_REACTOR: Final = 1.0
"""Seconds for which the reactor may be held up before the culprit is named in the log."""
