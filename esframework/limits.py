"""Every limit and default number of the framework: its name, its value and why it has that value.

Seconds are seconds, sizes are bytes. A time-out of zero or less means "none" wherever an option takes one of these
as its default. This module knows no behaviour: it only holds numbers.
"""

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

# --- what users keep in stores ------------------------------------------------------------------------------------
MAX_CONTACTS: Final = 1000
"""Others that one user may have asked, accepted or blocked; each log-on tells up to this many."""

MAX_CONTACT_REQUESTS: Final = 200
"""Requests that wait for one user's answer: strangers fill no more of somebody's list than this."""

MAX_GROUP_MEMBERS: Final = 5000
"""Members of a stored group: a broadcast to them is 5000 writes, a tenth of a second's work."""

MAX_GROUPS_PER_USER: Final = 500
"""Stored groups that one user may be in: somebody who makes groups in a loop stops here."""

MAX_SHORT_TEXT: Final = 1024
"""Bytes of a text that stores keep beside a name: why somebody asks, a group's tag, a profile's line."""

MAX_PROFILE_FIELDS: Final = 32
"""Lines in an account's profile; with the limit above, 32 KiB an account at most."""

MAX_SESSION_TOKENS: Final = 32
"""Session tokens of one account; the next one takes the oldest away."""

MAX_MESSAGE_KEY: Final = 128
"""Bytes of the id by which an offline message is known: two UUIDs and a separator fit."""

MAX_KEEPS_WAITING: Final = 20_000
"""Offline messages that wait for the transaction before theirs to end: several seconds' work for a disk."""

MAX_KEEP_BYTES_WAITING: Final = 64 * 1024 * 1024
"""The same in bytes, those being written included."""

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

# --- accounts ------------------------------------------------------------------------------------------------------
SHORTEST_PASSWORD: Final = 8
"""Characters of a password that is set over the network: what a person chooses and NIST asks for at least."""

SESSION_TOKEN_LIFETIME: Final = 30 * 24 * 3600.0
"""Seconds for which a session token logs on: a device that is used once a month asks for no password."""

TOKEN_EXPIRY_INTERVAL: Final = 3600.0
"""Seconds between two sweeps of expired session tokens: they are worthless already, and only take room."""

FREE_REGISTRATIONS: Final = 5
"""Accounts that one address may make without waiting: a family at one table."""

FORGET_REGISTRATION: Final = 3600.0
"""Seconds after which one registration of an address is forgotten: in the long run 24 accounts a day."""

ONLINE_PAGE: Final = 100
"""Users in one page of who is online, unless the asker says otherwise."""

MAX_ONLINE_PAGE: Final = 1000
"""The most in one page: a quarter of a megabyte if all names are as long as can be."""

LEARNED_FOR: Final = 2 * VERIFY_TIMEOUT
"""Seconds for which a server remembers what a log-on has learned, if no session follows: longer than a log-on takes."""

# --- contacts and broadcasts --------------------------------------------------------------------------------------
CONTACTS_REMEMBERED: Final = 500_000
"""Ids in all remembered answers about contacts and members: some 30 MB, and the busiest users of a large server."""

CONTACTS_REMEMBER_TIME: Final = 1.0
"""Seconds for which an application's own answer is remembered: a burst asks once, and a change shows at once."""

STORED_REMEMBER_TIME: Final = 15.0
"""The same for what this server changes itself, and so forgets at once. A store remembers for as long (its
`cache.LIFETIME`), so what other programs change shows within 30 seconds."""

CONTACTS_ANSWER_TIMEOUT: Final = 10.0
"""Seconds in which an application says who somebody's contacts or a group's members are; then nobody is."""

LOOKUPS_AT_ONCE: Final = 64
"""Presence notices that wait for an answer about contacts at a time: a log-on storm does not become a database's."""

LOOKUPS_WAITING: Final = 10_000
"""Questions and broadcasts that wait for such answers in all, while an application hangs; more are refused as busy."""

BROADCAST_BYTES_WAITING: Final = 16 * 1024 * 1024
"""Bytes of broadcasts that wait for an answer about members; more are refused as busy."""

PRESENCE_INTERVAL: Final = 1.0
"""Seconds between two notices about one user: somebody who flaps costs each contact one message a second."""

PRESENCE_PER_TURN: Final = 1000
"""Notices sent in one turn of the reactor: some milliseconds, between which messages go on."""

EVERYBODY_MOST: Final = 200
"""Users online up to which everybody is told of everybody: beyond it a demo's notices would grow with the square."""

MAX_BROADCASTS_PER_SECOND: Final = 200
"""Broadcasts a second and sender (not for loopback): a game's state sixty times, a person's words a few times."""

MAX_DELIVERIES_PER_SENDER: Final = 50_000
"""Copies a second that one sender's broadcasts may make (not for loopback): fifty a second to a thousand members."""

MAX_DELIVERIES_PER_SECOND: Final = 0
"""Copies a second of everybody's broadcasts together; 0 means as many as the machine can."""

MAX_LISTED_PER_SECOND: Final = 100_000
"""Ids a second that one user is sent in lists of contacts and members: a hundred of the longest lists of contacts."""

MAX_CONTACT_CHANGES_PER_SECOND: Final = 20
"""Requests, answers and blocks a second and user: a program that brings its list over does so in a minute."""

# --- groups -------------------------------------------------------------------------------------------------------
MAX_NOTICES_WAITING: Final = 4_000_000
"""Notices of changes in groups that wait for their turn, eight bytes each; 2800 users who join one group together make
as many."""

MAX_DYNAMIC_GROUPS: Final = 100_000
"""Dynamic groups in all: with the longest tags they fill some 200 MB of the server's memory."""

MAX_DYNAMIC_GROUPS_PER_USER: Final = 100
"""Dynamic groups that one user may be in; others may bring it into half as many, so that they cannot use up all."""

MAX_NAMED_MEMBERS: Final = 200
"""Users named in one request or notice about a group: every groupmate hears of each. When a program brings in more at
once, the notices name nobody."""

MAX_PRESENCE_MEMBERS: Final = 1000
"""Members of a group up to which each hears who comes online and goes: in larger ones that would be most of what is
sent."""

GROUP_OPERATIONS_PER_SECOND: Final = 20
"""Requests about groups that one user may make in the long run; a person makes one in several seconds."""

GROUP_OPERATIONS_AT_ONCE: Final = 200
"""The same at once: a client that comes back joins all its groups again."""

NAMES_PER_OPERATION: Final = 50
"""Groupmates who hear of a change, or members who are listed, and count for whoever asks as one more request: joining
and leaving the largest group again and again would else be a broadcast that nobody permitted."""

MAX_GROUP_OPERATIONS_WAITING: Final = 10_000
"""Requests about groups that wait for the store, everybody's together, before more are told to come back later."""

MAX_INVITATIONS: Final = 100_000
"""Invitations that are remembered, all together; beyond it the oldest is forgotten, and must be repeated."""

MAX_DEPARTURES: Final = 100_000
"""Users who quit groups or were taken out of them, and whose other devices are kept from bringing them back; 60 MB
at most. Beyond it the oldest is forgotten."""

MAX_DEPARTURES_PER_USER: Final = MAX_DYNAMIC_GROUPS_PER_USER + MAX_GROUPS_PER_USER
"""The same for one user: as many as groups that it can be in. Who joins and quits in a loop forgets only its own."""

DEPARTURE_TIME: Final = 7 * 24 * 3600.0
"""Seconds for which they are remembered: a device that slept for a week's holiday, and still thinks that it is in."""

MAX_GROUP_LIST: Final = 500
"""Groups in one page of a list, which with the longest tags is shorter than a message."""

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

# --- offline files --------------------------------------------------------------------------------------------------
OFFLINE_FILES: Final = 100
"""Offline files that are kept for one user, and of one sender: more than anybody fetches one after another."""

OFFLINE_FILE_BYTES: Final = 2 * 1024 * 1024 * 1024
"""The same in bytes: a film, or some thousand photographs."""

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
"""Bytes of a path, a comment or a cause that comes with a transfer."""

FILE_PACKAGE_OVERHEAD: Final = 1024
"""Bytes of the longest header and of a package's body besides its data."""

FILE_EXPIRY_INTERVAL: Final = 60.0
"""Seconds between two looks for what nobody came back for."""
