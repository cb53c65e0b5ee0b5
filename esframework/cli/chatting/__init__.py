"""The parts of `esframework chat`: what lines mean, what they do, and the screens that show it."""
