"""The pure machines of delivery: `outbox` (who sends), `office` and `mailbox` (the server), `inbox` (who receives)."""
