"""Bytes to frames to contracts and back, for both generations of the protocol; no I/O, no time, no state of a
session."""
