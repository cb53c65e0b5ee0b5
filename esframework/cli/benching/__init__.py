"""The parts of `esframework bench`: a plan, the load that it makes, what is measured, and the report.

Nothing here is needed by a server or a client; it speaks to servers as any client does.
"""
