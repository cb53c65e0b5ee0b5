"""Limits of files: transfers, what is half received, files for those who are away, the network disk."""

from __future__ import annotations

from typing import Final

from esframework.limits.connections import WRITE_CHUNK

# --- paths that peers send, and what is half received ---------------------------------------------------------------
MAX_NAME_BYTES: Final = 255
"""Bytes of one name: the longest that file systems of Linux, macOS and BSD take. On Windows units of UTF-16 instead."""

MAX_PATH_BYTES: Final = 4095
"""Bytes of a whole path: what Linux takes, so that whatever arrives can be opened by any program."""

MAX_PATH_DEPTH: Final = 128
"""Folders within each other: deeper than any source tree, and as many descriptors as removing a tree may hold."""

JOURNAL_INTERVAL: Final = 1.0
"""Seconds between two notes of how far a file is in: what a killed program receives again."""

MAX_JOURNAL: Final = 64 * 1024
"""Bytes of such a note: with the longest paths it has a third of them."""

MAX_PARTIALS_PER_SENDER: Final = 100
"""Half received files and folders of one sender; beyond it the one that has waited longest goes."""

ROOM_FOR_A_JOURNAL: Final = 64 * 1024
"""Bytes of a half received file that are given up on a full disk, where the note of it found no room."""

ROOM_OF_THE_SERVER: Final = 256 * 1024 * 1024
"""Bytes of a server's disk that nothing left by users may take: its database, its notes and its log lie there as well,
and without room for them nobody can log on."""

# --- files ----------------------------------------------------------------------------------------------------------
MAX_ENTRIES_OF_A_TREE: Final = 1_000_000
"""Files and folders in a folder that is sent: at about 100 bytes each, its list takes its sender 100 MB."""

ITEMS_AT_A_TIME: Final = 1024
"""Files and folders that are read in one piece of work: some 20 ms, after which others have their turn."""

VERIFYING_SLICE: Final = 1024 * 1024
"""Bytes that are read at a time while what is there already is verified: a millisecond until a cancel is noticed."""

FILE_SILENCE: Final = 20.0
"""Seconds in which something must move in a transfer (the manual's number)."""

FILE_ALIVE_INTERVAL: Final = 5.0
"""Seconds between two signs of life of an end that has nothing else to say: well within the silence."""

FILE_WINDOW: Final = 2 * 1024 * 1024
"""Bytes that may be on their way to a receiver of ours: 20 MB/s at a tenth of a second there and back. A server that
receives twenty files at once on a disk that hangs holds 40 MiB."""

FILE_BACKLOG: Final = 2 * 1024 * 1024
"""Bytes that the disk has not taken, of a sender that knows no grants, before nothing is read from it."""

FILE_SLICE: Final = 1024 * 1024
"""Bytes that are read from a disk at a time; one such slice is read ahead. Fewer trips to threads cost less."""

FIRST_FILE_PACKAGE: Final = 16 * 1024
"""Bytes of the first package: 13 ms on a 10 Mbit/s line, until more is known."""

LEAST_FILE_PACKAGE: Final = 2 * 1024
"""Bytes of the smallest package (the manual's number for slow lines)."""

MOST_FILE_PACKAGE: Final = WRITE_CHUNK - 2048
"""Bytes of the largest package: with header and body it is written in one piece."""

FILE_PACKAGE_TIME: Final = 0.01
"""Seconds that a package takes on the line, about: what a message waits for that comes while one leaves."""

FILE_RATE_SLACK: Final = 0.05
"""Seconds that a rate limit may catch up on: timers are late, and sockets take bytes in gulps."""

FILE_SPEED_TIME: Final = 3.0
"""Seconds over which a transfer's speed is measured."""

FILE_PROGRESS_INTERVAL: Final = 0.1
"""Seconds between two reports of a transfer's progress: as often as anybody looks."""

FILE_PACKAGES_PER_TURN: Final = 8
"""Packages that one transfer sends before others have their turn: a mebibyte, some milliseconds."""

FILE_RESUME_LIFETIME: Final = 24 * 3600.0
"""Seconds for which what came of an interrupted transfer between ours waits to be gone on with."""

FOREIGN_FILE_RESUME_LIFETIME: Final = 300.0
"""The same for other senders (the manual's number)."""

MAX_TRANSFERS_PER_SENDER: Final = 64
"""Transfers that one sender's device may have offered to one receiver, under way or waiting for an answer."""

MAX_TRANSFERS: Final = 1024
"""Transfers that come in at one receiver."""

MAX_BUNDLE_PARTS: Final = 256
"""Packages in a bundle: about a millisecond, before others have their turn."""

MAX_PROJECT_ID: Final = 128
"""Bytes of a transfer's id: a UUID in any spelling fits."""

MAX_FILE_TEXT: Final = 4096
"""Bytes of a path or a comment that comes with a transfer, and characters that are kept of a cause."""

MAX_FILE_DETAILS: Final = 4 * MAX_FILE_TEXT
"""Bytes of what a sender of ours says besides its offer: a name, a subject, and what it can do."""

FILE_PACKAGE_OVERHEAD: Final = 1024
"""Bytes of the longest header and of a package's body besides its data."""

FILE_EXPIRY_INTERVAL: Final = 60.0
"""Seconds between two looks for what nobody came back for."""

# --- offline files --------------------------------------------------------------------------------------------------
OFFLINE_FILES: Final = 100
"""Offline files that are kept for one user, and of one sender: more than anybody fetches one after another."""

OFFLINE_FILE_BYTES: Final = 2 * 1024 * 1024 * 1024
"""The same in bytes: a film, or some thousand photographs."""

OFFLINE_FILE_ENTRIES: Final = 20_000
"""Files and folders in one offline folder: empty ones take no bytes of a quota, and yet fill a file system. With a
hundred folders one sender has two million, of the sixty that a disk of 1 TB takes."""

OFFLINE_FILE_RETRY: Final = 60.0
"""Seconds after which what could not be handed over is offered again, and a store that failed is asked again."""

OFFLINE_FILE_PROOF: Final = 5.0
"""Seconds for which a receiver of another make must stay after its last byte has left: it says nothing when it has all,
and what a kernel holds is lost with the connection."""

OFFLINE_FILES_REMEMBERED: Final = 256
"""Ids of offline files that a client tells the server to have received: more than one user may have waiting."""

OFFLINE_FILE_SWEEP: Final = 600.0
"""Seconds between two looks for offline files that have expired, and for contents that belong to none."""

OFFLINE_FILE_BYTES_IN_ALL: Final = 32 * 1024 * 1024 * 1024
"""Bytes of all offline files of a server: sixteen users' full boxes; a small server's disk has room for it."""

KNOWN_USERS: Final = 65_536
"""Names of which a server remembers whether there is such a user."""

KNOWN_USER_FOR: Final = 60.0
"""Seconds for which it remembers that there is one. What is kept meanwhile for an account that another process removed
expires by itself, or is deleted when somebody takes the name."""

UNKNOWN_USER_FOR: Final = 5.0
"""Seconds for which it remembers that there is none: an account that has just been made is soon noticed."""

# --- the network disk ---------------------------------------------------------------------------------------------
DISK_QUOTA: Final = 1024 * 1024 * 1024
"""Bytes of one user's files on the server: documents and pictures of a person, and a thousand of these fill a disk."""

DISK_ENTRIES: Final = 100_000
"""Files and folders of one user: empty ones take no bytes of a quota, and yet fill a file system and a listing."""

DISK_PAGE: Final = 500
"""Entries of a folder in one answer, unless the asker says otherwise."""

MAX_DISK_PAGE: Final = 2000
"""The most in one answer: half a megabyte if all names are as long as can be."""

MAX_DISK_REQUESTS: Final = 16
"""Requests of one device about the disk that are worked on at a time; more are told to come back."""

MAX_DISK_TRANSFERS: Final = 16
"""Uploads and downloads of one device, agreed on or under way."""

DISK_TICKET_LIFETIME: Final = 60.0
"""Seconds within which the transfer must begin that was agreed on; it holds room of the quota."""

MAX_SHARES: Final = 1000
"""Things that one user shares with others; all are read when a server starts."""

MAX_SHARED_WITH: Final = 200
"""Users and groups to whom one thing is shared: more of them are a group."""

DISK_GROUPS_ASKED: Final = 1000
"""Groups of which a user is looked for in a list of what is shared with it, where only members can be asked for."""
