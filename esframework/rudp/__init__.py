"""Reliable UDP, pure: encrypted datagrams and `now` go in; datagrams, events and a deadline come out.

Streams of bytes between two ends that were introduced to each other, over one UDP path that may lose, reorder,
duplicate and corrupt, change its addresses, and swallow what is too large. Nothing here knows a socket, a clock or a
source of randomness, nor who the ends are.

    packet      what is in a datagram: the clear header, the frames under the cipher
    keys        from a shared secret to sealed and opened datagrams; replays, key phases, the code of probes
    ranges      which packet numbers, or bytes of a stream, are there
    rtt         how long there and back takes, and how much that varies
    recovery    what was sent, acknowledged and lost; when to probe
    congestion  how much may be on its way: the interface, and NewReno behind it
    bbr         the same, from measured bandwidth instead of losses
    pacing      when the next burst may leave
    mtu         how large a datagram may be

    sending     one stream at its sender: what is written, under way, lost, arrived
    receiving   one stream at its receiver: puts in order what comes
    streams     all of them: whose turn it is, how much may be sent, what came
    acknowledging, paths, liveness    when to say what came; where the other end is; whether it is
    events      what a channel tells its user
    sender      what leaves: packets made of what all of these have to say
    connection  one channel: joins all of these
    endpoint    all channels of one socket

    candidates  addresses at which an end may be reached, and which of a stranger's are tried
    probes      the datagrams that find out whether a path works
    stages      the states of an attempt to find one, as a table
    probing, dialling, rounds    what an attempt does by UDP, by TCP, and when
    punch       one attempt: joins them
    retry       when one that failed is made again
"""
