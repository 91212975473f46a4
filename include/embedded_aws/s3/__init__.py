"""S3: SeaweedFS, the proxy before it, and data transfer to and from it.

In: signed S3 requests. Out: objects on disk.
Read `seaweedfs.py` first, then `s3_proxy.py`; `transfer.py` is what jobs and endpoints copy data with.
"""
