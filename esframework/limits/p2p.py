"""Limits of P2P beside the reliable channel over UDP, which has its own: finding a path, drivers, what waits."""

from __future__ import annotations

from typing import Final

# --- channels, whichever protocol -----------------------------------------------------------------------------------
P2P_BUSY_BYTES: Final = 1024 * 1024
"""Bytes waiting on a P2P channel above which it is busy: 40 ms of a path of 200 Mbit/s, and what a phone can hold."""

P2P_BUSY_TIME: Final = 2.0
"""Seconds' worth of waiting bytes above which it is busy on a slow path: what somebody who types would notice."""

P2P_LEAST_BUSY_BYTES: Final = 16 * 1024
"""Bytes that may always wait: a rate that was measured with little to send says little."""

P2P_CLOSE_TIME: Final = 5.0
"""Seconds in which what waits may arrive when a channel is closed: as long as a slow consumer of the server gets."""

P2P_CONFIRM_RECORDS: Final = 32
"""Records after which a receiver says what it has: the sender keeps no more than these and what is under way, and small
messages are not doubled by answers."""

P2P_CONFIRM_BYTES: Final = 64 * 1024
"""The same in bytes: what a sender keeps of a file stays small beside what the path itself holds."""

P2P_LONGEST_HOLD: Final = 10.0
"""Seconds that what came by a channel waits for what was given to the server before it: longer than a server takes that
is alive, shorter than people wait."""

P2P_MOST_KEPT: Final = 8 * 1024 * 1024
"""Bytes sent and not yet known to be delivered above which a link is busy: a path of 200 Mbit/s with 300 ms there and
back fills no more."""

P2P_MOST_HELD: Final = 1024 * 1024
"""Bytes from a channel that wait for the server's way above which the channel is paused: the other end's windows hold
the rest."""

P2P_ASK_TIMEOUT: Final = 5.0
"""Seconds after which the other end is asked again how much it has: its answer may have been lost with a connection."""

# --- the P2P server -----------------------------------------------------------------------------------------------
P2P_PORT: Final = 9901
"""Port of a P2P server that stands alone (the manual's); one within a server engine takes its TCP port plus 1."""

P2P_TOKEN_LIFE: Final = 60.0
"""Seconds for which a token from the application server is good: it is asked for when a channel is wanted."""

P2P_CLOCK_SKEW: Final = 10.0
"""Seconds by which the clocks of a P2P server and its application servers may differ: NTP keeps them to less."""

P2P_SHORTEST_SECRET: Final = 16
"""Bytes of the shortest secret that a P2P server shares with application servers: nobody guesses 128 random bits."""

MAX_P2P_HOST: Final = 64
"""Characters of an address that a client of another make tells of itself: more than IPv6 with a scope has."""

P2P_LONGEST_DATAGRAM: Final = 512
"""Bytes of the longest datagram that a P2P server looks into: its own requests have 96, foreign ones up to 528."""

P2P_REQUESTS_PER_SECOND: Final = 50
"""Requests a second that a P2P server answers to one address in the long run: an office behind one router fits, and
who forges that address fills no line with answers of 56 bytes."""

P2P_SECONDS_AT_ONCE: Final = 10
"""Seconds' worth of such requests that may come together: an office after a power cut."""

P2P_REQUESTS_IN_ALL: Final = 5000
"""Requests a second of all addresses: a tenth of a core."""

P2P_ADDRESSES_COUNTED: Final = 65_536
"""Addresses that are counted at a time, about ten megabytes; while there are more, new ones are not answered."""

P2P_TCP_CONNECTIONS: Final = 2000
"""Connections that a P2P server holds, so that NATs keep their mappings: as many attempts may be under way."""

P2P_TCP_CONNECTIONS_PER_ADDRESS: Final = 64
"""The same of one address: an office behind one router fits."""

P2P_TCP_TOKEN_TIMEOUT: Final = 5.0
"""Seconds in which a connection to a P2P server has to show its token."""

P2P_TCP_CONNECTION_LIFE: Final = 60.0
"""Seconds after which a P2P server closes a connection: longer than any attempt goes on."""

# --- asking it ----------------------------------------------------------------------------------------------------
RENDEZVOUS_REPEATS: Final = (0.0, 0.1, 0.3, 0.7, 1.5, 3.1)
"""Seconds after the first request at which it is sent again, unless the answer has come."""

RENDEZVOUS_TIMEOUT: Final = 5.0
"""Seconds without an answer after which UDP does not work here."""

NAT_TEST_REPEATS: Final = (0.0, 0.1, 0.3)
"""The same for each question of the test of a NAT: UDP is known to work by then."""

NAT_TEST_TIMEOUT: Final = 0.5
"""Seconds for each of its two steps beyond the round trip: an answer that a NAT keeps out never comes."""

# --- UDP sockets ----------------------------------------------------------------------------------------------------
UDP_SOCKET_BUFFER: Final = 4 * 1024 * 1024
"""Bytes that the kernel is asked to keep for a socket, each way: 70 ms of 500 Mbit/s. What it gives by itself, 208
KiB, holds fewer than 177 datagrams."""

UDP_READ_DATAGRAMS: Final = 256
"""Datagrams read in one turn of the reactor: 5 ms of work, for which other connections wait."""

UDP_READ_BYTES: Final = 64 * 1024
"""Bytes of one read: what the kernel hands over of datagrams that it has joined."""

UDP_LARGEST_DATAGRAM: Final = 2048
"""Bytes of a datagram beyond which it is not looked at, or is cut; no peer of ours sends more than 1472."""

UDP_WAITING_DATAGRAMS: Final = 4096
"""Datagrams that may wait for a socket without room: no more are made until they have left."""

UDP_BLOCKED_LOOK: Final = 1.0
"""Seconds between looks at the time while a socket has no room: nothing is sent, but silence still ends a channel."""

UDP_BIND_TRIES: Final = 8
"""Times that a port is sought which is free for IPv4 and IPv6: of 28000, few are taken."""

# --- who wants a channel with whom ----------------------------------------------------------------------------------
P2P_OFFERS_AT_ONCE: Final = 50
"""Channels that one client may ask for at once: everybody in a large group, and no flood of invitations."""

P2P_OFFERS_PER_SECOND: Final = 2.0
"""The same in the long run: a client that tries everybody again and again costs others little."""

P2P_ACQUAINTANCES: Final = 1024
"""Users with whom a server remembers that one may have channels: twenty bytes each, and no client has as many."""

P2P_LONGEST_OFFER: Final = 8 * 1024
"""Bytes of an offer, an answer, or late addresses: all that one end may offer, twice. Who reads a longer one, with
thousands of addresses, would have nothing else to do."""

P2P_ANSWER_TIMEOUT: Final = 10.0
"""Seconds in which an offer must be answered: an honest client needs one, and a user who waits no more."""

P2P_GATHERING: Final = 0.3
"""Seconds that an offer waits for what P2P servers and routers say: longer than they take, shorter than is noticed.
What comes later is sent later."""

P2P_REFLEXIVE_FRESH: Final = 25.0
"""Seconds after which a client asks anew how it is seen: many NATs forget what was silent for 30."""

P2P_SOON_AGAIN: Final = 3.0
"""Seconds after which a channel that was lost is tried again: a network that changes is settled by then."""

P2P_ATTEMPTS: Final = 64
"""Attempts that a client takes part in at a time: as many as a group of friends that comes online; each holds a
few timers and sends a probe now and then."""

P2P_CHANNELS: Final = 256
"""Devices with a channel beyond which a client answers no more offers: everybody in a large game. Each can make it keep
some megabytes; its own wishes are not counted."""

P2P_UNOPENED_TIMEOUT: Final = 6.0
"""Seconds in which a channel over the path that was agreed on must open: four times the longest way round the earth."""

P2P_INTRODUCTION_FRESH: Final = 20.0
"""Seconds for which what the server said about P2P servers is used again: its tokens are good for three times as long,
and a crowd that wants channels asks once."""

P2P_LOOK_AROUND: Final = 10.0
"""Seconds between looks at this machine's own addresses: a channel that a new network has cut is shown the new address
before it counts as dead."""

# --- links ---------------------------------------------------------------------------------------------------------
P2P_ASKS: Final = 3
"""Questions without an answer after which the other end counts as gone: fifteen seconds."""

P2P_ASKS_BY_CHANNEL: Final = 8
"""The same questions that are answered by one channel: it is asked by once or twice, when it opens and when another is
lost. Answers to more would pile up for who does not take them."""

P2P_RETURN_TIME: Final = 2.0
"""Seconds after which an end that is not online is asked again what it has got: most reconnects succeed within one."""

P2P_LOOK_TIME: Final = 3.0
"""Seconds in which an end that has lost its connection to the server must answer by UDP: its process was killed, more
often than not, and three datagrams are not lost by bad luck."""

P2P_PINGS_ANSWERED: Final = 20
"""Pings by channels that a client answers in a second, in all: the answers go by the server, which has limits of its
own for this client."""

P2P_RESTING_LINKS: Final = 256
"""Links without a channel of which is remembered what came by them, a few kilobytes each: an end that was away may ask
even after hours, and sends twice what nobody remembers."""

P2P_SHORTEST_LOOK: Final = 0.002
"""Seconds between two looks at whether what somebody waits for has left a channel, at least: a hundredth of a core."""

P2P_LONGEST_LOOK: Final = 0.25
"""The same at most, where half a round trip is longer: whoever waits for each message sends four in a second."""
