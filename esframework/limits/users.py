"""Limits of accounts, contacts and groups, and of what users keep in stores."""

from __future__ import annotations

from typing import Final

from esframework.limits.connections import VERIFY_TIMEOUT

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
