"""The client engine: one session with a server, kept alive and brought back."""
