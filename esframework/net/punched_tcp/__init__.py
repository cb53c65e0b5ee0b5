"""TCP channels from one client to another, through NATs: one local port that listens and dials at the same time.

shared_port   the port
newcomers     connections that have not said yet for which session they are
sessions      sessions that are expected at the port, and their connections
channel       a connection of a session, and what it is to its user
kernel        what the system can be told and asked about a connection
"""
