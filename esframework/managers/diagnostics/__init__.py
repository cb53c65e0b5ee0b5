"""What handlers do and how long it takes (manual, chapter 12)."""
