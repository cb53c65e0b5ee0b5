"""The parts of `esframework disk`."""
