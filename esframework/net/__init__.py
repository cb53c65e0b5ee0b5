"""Where bytes and time meet Twisted: transports, one outgoing queue per connection, timers. Knows no message type."""
