"""Files and folders from client to client, to a server and from it (docs: topics/files)."""
