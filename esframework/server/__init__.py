"""The server engine: who is online, the one route for frames, log-on, limits, and how handlers are run."""
