"""Every limit and default number of the framework: its name, its value and why it has that value.

Seconds are seconds, sizes are bytes. A time-out of zero or less means "none" wherever an option takes one of these
as its default. This package knows no behaviour: it only holds numbers. Everybody says `limits.NAME`; in which part that
stands is for whoever reads them.

============= ==========================================================================================
part          subject
============= ==========================================================================================
connections   frames, sessions, queues
peers         what peers can pile up or try: requests, blobs, attachments, connections, guesses
users         accounts, contacts, groups, and what users keep in stores
messages      offline messages, delivery
files         transfers, what is half received, files for those who are away, the network disk
p2p           finding a path from peer to peer, and the channels over it
port_mapping  asking a router to forward ports
rudp          reliable UDP, whose machines alone use them: `limits.rudp.NAME`
sealed        P2P channels over TCP, and the port on which they are made: `limits.sealed.NAME`
============= ==========================================================================================
"""

from __future__ import annotations

from esframework.limits.connections import *
from esframework.limits.files import *
from esframework.limits.messages import *
from esframework.limits.p2p import *
from esframework.limits.peers import *
from esframework.limits.port_mapping import *
from esframework.limits.users import *
