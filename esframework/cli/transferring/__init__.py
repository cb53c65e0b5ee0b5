"""The parts of `esframework send` and `receive`, and how every program draws a transfer and tells how it ended."""
