"""What the operations of every kind of resource share.

In: a validated request. Out: the members of the response, or a fault of `wire.faults`.
Read `context.py` first, then `listing.py` and `tags.py`.
"""
