"""The store: every resource, in one SQLite file.

In: documents in the shape of their Describe response. Out: the same, after any crash.
Read `resources.py` first, then `kinds.py`.
"""
