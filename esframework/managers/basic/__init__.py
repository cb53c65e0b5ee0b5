"""Basic functions: who is online, where, pings, heartbeats, kick-outs (manual, chapter 02)."""
