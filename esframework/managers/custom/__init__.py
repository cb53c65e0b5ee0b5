"""Custom information: sent, acknowledged, queried, in blobs, and the second set of calls (manual, chapters 01 and
09)."""
