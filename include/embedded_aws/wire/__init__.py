"""The wire protocol: requests and responses shaped by botocore's service model.

In: HTTP requests. Out: checked members, signed callers; responses and faults in the shapes AWS sends.
Read `service.py` first, then `validation.py`, `signing.py` and `faults.py`.
"""
