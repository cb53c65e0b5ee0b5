"""Contacts: whose they are, who comes and goes, what one says to a whole group (manual, chapter 05)."""
