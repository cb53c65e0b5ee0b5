"""What decides for P2P, pure: the way of messages between two devices, and in which form they travel by a channel."""
