"""A channel over TCP, pure: bytes and `now` go in; bytes, events and a deadline come out.

What reliable UDP is over datagrams, this is over a connection that two ends made through their NATs: the same kind of
keys, three streams, heartbeats and an orderly end; order and repetition are TCP's. Nothing here knows a socket, a clock
or a source of randomness, nor who the ends are.

    hello       the first bytes of a connection: for which session it is, and that whoever says so has its keys
    records     bytes of the connection <-> what was sealed
    frames      what is in a record
    outbox      three streams at their sender: whose bytes go next, and how many may
    inbox       the same at their receiver: what came, what is kept back
    stages      how far a connection is, as a table
    connection  one connection from its hello on: joins all of these
"""
