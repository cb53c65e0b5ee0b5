"""The parts of the programs that open channels: what two of them say to test one, and words for ways and NATs."""
