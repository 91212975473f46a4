"""Search: resources by an expression over their properties.

In: a Search request. Out: one page of matching documents.
Read `search_operations.py` first, then `expressions.py`.
"""
