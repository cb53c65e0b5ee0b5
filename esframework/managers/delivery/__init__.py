"""Nothing lost on reconnect: messages with receipts between clients and servers of ours (docs: topics/delivery)."""
