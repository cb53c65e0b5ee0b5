"""The network disk: each user's folder on the server, shares and public folders (docs: howto/disk)."""
