"""This machine's files: paths, reading and writing trees, what is half received. Knows no wire and no peer."""
