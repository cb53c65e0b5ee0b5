"""What the manual's network-disk demo calls its two kinds of information."""

GET_ALL_FILE_NAMES = 0
"""A query from client to server, without content; the answer is a list of names."""

DOWNLOAD_FILE = 1
"""From client to server: the name of a file in UTF-8, which the server then offers."""
