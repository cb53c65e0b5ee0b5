"""Pure state machines: bytes and `now` in; frames, events and deadlines out. No I/O, no clock, no randomness of their
own."""
