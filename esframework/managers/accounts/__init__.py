"""Accounts: registering, changing and deleting them, session tokens, roles, who is online (InIOCP's client manager)."""
