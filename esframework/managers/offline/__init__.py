"""Messages to users who are away: kept on disk, handed over when a client says it is ready (manual, technique 01)."""
