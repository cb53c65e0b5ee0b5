"""Speed of the server and of its peers, side by side in one run.

Started with ``python -m benchmarks``. The product imports nothing of it, and only `benchmarks.rows` says what
is fast enough.
"""
