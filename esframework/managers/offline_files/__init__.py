"""Files left with the server for users who are away, and handed over when they come (manual, technique 02)."""
