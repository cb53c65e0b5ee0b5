"""Channels between two ends beside kernel TCP and QUIC, all on one link that loses, delays and queues as it is told.

It refuses to know what the rest of the benchmarks measures; those are about a server.
"""
